import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replicas import replicated

from gapless.analysis.trade import front, trades

TOKENS = [0, 10, 20]


def arm(name, gains, kept, **options):
    return [
        replicated(name, TOKENS, [0, *gains], role="domain", **options),
        replicated(name, TOKENS, [0, *kept], role="general", **options),
    ]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=9))
def test_a_point_is_on_the_front_when_no_point_beats_it(points):
    slow = [not any(o[0] >= p[0] and o[1] >= p[1] and o != p for o in points) for p in points]
    assert front(np.array(points, dtype=float)).tolist() == slow
    assert any(slow)


def test_three_arms_one_of_them_beaten_for_sure():
    curves = [
        *arm("gainer", (1, 3), (-1, -2), drawn=0.01, seed=1),
        *arm("keeper", (1, 2), (-0.5, -0.5), drawn=0.01, seed=2),
        *arm("loser", (0.5, 1), (-1, -3), drawn=0.01, seed=3),
    ]
    [row] = trades(curves, level=0.95)
    assert row["metric"] == "accuracy"
    by_name = {each["arm"]: each for each in row["arms"]}
    assert [by_name[n]["on_front"] for n in ("gainer", "keeper", "loser")] == [True, True, False]
    assert [by_name[n]["front_share"] for n in ("gainer", "keeper", "loser")] == [1, 1, 0]
    assert by_name["loser"]["beaten_by"] == ["gainer", "keeper"]
    assert by_name["gainer"]["beaten_by"] == by_name["keeper"]["beaten_by"] == []
    assert by_name["gainer"]["gain"]["value"] == 3
    assert by_name["gainer"]["forgetting"]["value"] == -2


def test_every_point_of_every_arm_may_be_on_the_front():
    curves = [*arm("a", (2, 3), (-1, -3)), *arm("b", (1, 2), (-2, -1))]
    [row] = trades(curves, level=0.95)
    assert row["points"] == [
        {"arm": "a", "tokens": 20, "gain": 3, "forgetting": -3},
        {"arm": "a", "tokens": 10, "gain": 2, "forgetting": -1},
        {"arm": "b", "tokens": 20, "gain": 2, "forgetting": -1},
    ]


def test_within_noise_nobody_is_beaten_and_the_front_is_shared():
    curves = [
        *arm("a", (1, 1), (0, 0), drawn=0.5, seed=1),
        *arm("b", (1, 1.1), (0, 0.1), drawn=0.5),
    ]
    [row] = trades(curves, level=0.95)
    assert [each["on_front"] for each in row["arms"]] == [False, True]
    assert [each["beaten_by"] for each in row["arms"]] == [[], []]
    assert 0.2 < row["arms"][0]["front_share"] < 0.8


def test_equal_arms_do_not_beat_each_other():
    curves = [*arm("a", (1, 1), (0, 0), drawn=0.1), *arm("b", (1, 1), (0, 0), drawn=0.1)]
    [row] = trades(curves, level=0.95)
    assert [each["on_front"] for each in row["arms"]] == [True, True]
    assert [each["beaten_by"] for each in row["arms"]] == [[], []]
    assert [each["front_share"] for each in row["arms"]] == [1, 1]


def test_without_both_roles_there_is_no_trade_and_without_items_no_interval():
    domain, general = arm("a", (1, 2), (0, -1))
    assert trades([domain], level=0.95) == []
    [row] = trades([domain, general], level=0.95)
    assert row["arms"][0]["front_share"] is None
    assert row["arms"][0]["gain"] == {"value": 2, "low": None, "high": None}


def test_the_base_alone_has_no_points():
    curves = [replicated("a", [0], [0], role=role) for role in ("domain", "general")]
    [row] = trades(curves, level=0.95)
    assert row["points"] == []
    assert row["arms"][0]["on_front"] is True


@pytest.mark.parametrize("role", ["domain", "general"])
def test_better_on_one_side_only_beats_nobody(role):
    curves = arm("a", (1, 1), (0, 0), drawn=0.01, seed=1)
    better = {"domain": ((1, 2), (0, 0)), "general": ((1, 1), (0, 1))}[role]
    curves += arm("b", *better, drawn=0.01, seed=1)
    [row] = trades(curves, level=0.95)
    assert row["arms"][0]["on_front"] is False
    assert row["arms"][0]["beaten_by"] == []
