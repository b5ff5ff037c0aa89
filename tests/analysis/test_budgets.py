from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replicas import replicated

from gapless.analysis.budgets import budgets, changes_at, tokens_to_reach

TOKENS = np.array([0, 10, 30], dtype=np.int64)
CHANGES = np.array([[0.0, -1.0, 3.0]])


@pytest.mark.parametrize(
    ("wanted", "tokens"), [(0.0, 0), (-2.0, 0), (1.0, 20), (3.0, 30), (3.1, np.inf)]
)
def test_a_curve_first_reaches_a_value_on_its_line(wanted, tokens):
    assert tokens_to_reach(TOKENS, CHANGES, np.array([wanted])).tolist() == [tokens]


def test_the_first_time_counts():
    curve = np.array([[0.0, 2.0, 0.0, 2.0]])
    assert tokens_to_reach(np.arange(4) * 10, curve, np.array([1.0])).tolist() == [5.0]


def test_the_base_alone_reaches_what_it_has():
    alone = np.zeros((1, 1))
    assert tokens_to_reach(TOKENS[:1], alone, np.array([0.0])).tolist() == [0]
    assert tokens_to_reach(TOKENS[:1], alone, np.array([0.1])).tolist() == [np.inf]
    assert changes_at(TOKENS[:1], alone, 0.0).tolist() == [0]


@pytest.mark.parametrize(("place", "change"), [(0, 0), (5, -0.5), (10, -1), (20, 1), (30, 3)])
def test_between_points_a_curve_is_a_straight_line(place, change):
    assert changes_at(TOKENS, CHANGES, place).tolist() == [change]


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8), st.floats(0.01, 5))
def test_reaching_undoes_reading_a_curve(values, wanted):
    tokens = np.arange(len(values), dtype=np.int64) * 7
    changes = np.array([[0.0, *values[1:]]])
    [reached] = tokens_to_reach(tokens, changes, np.array([wanted]))
    if reached == np.inf:
        assert changes.max() < wanted
        return
    assert changes_at(tokens, changes, reached)[0] == pytest.approx(wanted)
    for place in np.linspace(0, reached, 20, endpoint=False):
        assert changes_at(tokens, changes, place)[0] <= wanted + 1e-9


def short_and_long(*, long_cost=None, short_cost=None):
    """A short run that gains 1 per 10 tokens, a long one that gains half of that."""
    long_options = {} if long_cost is None else {"flops": [0, 40 * long_cost]}
    short_options = {} if short_cost is None else {"flops": [0, 10 * short_cost, 20 * short_cost]}
    return [
        replicated("long", [0, 40], [0, 2], drawn=[[0, 1.8], [0, 2.2]], **long_options),
        replicated(
            "short",
            [0, 10, 20],
            [0, 1, 2.5],
            drawn=[[0, 1, 2.4], [0, 1, 2.6]],
            **short_options,
        ),
    ]


def test_arms_are_compared_where_the_shorter_one_ends():
    [row] = budgets(short_and_long(), level=0.9)
    assert (row["arm"], row["against"]) == ("short", "long")
    equal = row["at_equal_tokens"]
    assert equal == pytest.approx(
        {"budget": 20, "value": 1.5, "low": 1.5, "high": 1.5, "is_real": True}
    )
    assert row["at_equal_flops"] is None


def test_equal_compute_is_where_the_cheaper_run_ends():
    """A token of the short arm costs three times as much: its 20 tokens are worth 60."""
    [row] = budgets(short_and_long(short_cost=3.0, long_cost=1.0), level=0.9)
    equal = row["at_equal_flops"]
    assert equal["budget"] == 40
    at_40_over_3 = 1 + 1.5 * (40 / 3 - 10) / 10
    assert equal["value"] == pytest.approx(at_40_over_3 - 2)
    assert row["flops_to_equal"]["arm"]["value"] == pytest.approx(3 * (10 + 10 / 1.5))
    assert row["flops_to_equal"]["against"]["value"] is None
    [same] = budgets(short_and_long(short_cost=2.0, long_cost=2.0), level=0.9)
    assert same["at_equal_flops"] | {"budget": 20} == pytest.approx(same["at_equal_tokens"])


def test_a_cost_that_changes_on_the_way_is_followed_point_by_point():
    """The first 10 tokens cost 50 of 60 operations: at 40 the short arm has come 8 tokens far."""
    curves = short_and_long(long_cost=1.0)
    curves[1] = replace(curves[1], flops=np.array([0.0, 50.0, 60.0]))
    [row] = budgets(curves, level=0.9)
    assert row["at_equal_flops"]["value"] == pytest.approx(0.8 - 2)


def test_where_one_arm_does_not_say_what_it_spent_nothing_is_told_of_compute():
    [row] = budgets(short_and_long(short_cost=3.0), level=0.9)
    assert row["at_equal_flops"] is row["flops_to_equal"] is None
    assert row["at_equal_tokens"]["budget"] == 20


def test_how_soon_an_arm_had_what_the_other_ended_with():
    [row] = budgets(short_and_long(), level=0.9)
    reached = row["tokens_to_equal"]
    assert reached["arm"]["value"] == pytest.approx(10 + 10 * (2 - 1) / 1.5)
    assert reached["arm"]["low"] == pytest.approx(10 + 10 * (1.8 - 1) / 1.4)
    assert reached["arm"]["high"] == pytest.approx(10 + 10 * (2.2 - 1) / 1.6)
    assert reached["against"] == {"value": None, "low": None, "high": None}


def test_a_single_item_gives_values_without_intervals():
    bare = [replicated("a", [0, 10], [0, 1]), replicated("b", [0, 10], [0, 2])]
    [row] = budgets(bare, level=0.9)
    assert row["at_equal_tokens"] == {
        "budget": 10,
        "value": 1,
        "low": None,
        "high": None,
        "is_real": None,
    }
    assert row["tokens_to_equal"]["arm"] == {"value": 5, "low": None, "high": None}
