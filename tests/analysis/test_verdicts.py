"""Verdicts on claims: intervals over seeds, and where they lie."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.analysis.verdicts import judge, judge_part
from gapless.recipe.claims import Expectation


def part(values: list[float | None], **bounds: float) -> str:
    return judge_part("x", Expectation(says="x", unit="u", **bounds), values).verdict


def test_the_interval_is_students() -> None:
    # Mean 2, standard deviation 1, three seeds: 2 +- 4.302653 / sqrt(3).
    row = judge_part("x", Expectation(says="x", unit="u", above=0), [1.0, 2.0, 3.0])
    assert row.mean == 2
    assert row.low == pytest.approx(2 - 4.302653 / 3**0.5, abs=1e-5)
    assert row.high == pytest.approx(2 + 4.302653 / 3**0.5, abs=1e-5)
    assert row.verdict == "inconclusive"
    assert row.wanted == "> 0"


@pytest.mark.parametrize(
    ("values", "bounds", "verdict"),
    [
        ([1.0, 1.1, 0.9], {"above": 0}, "reproduced"),
        ([-1.0, -1.1, -0.9], {"above": 0}, "not reproduced"),
        ([1.0, -1.0, 0.1], {"above": 0}, "inconclusive"),
        ([0.1, 0.11, 0.09], {"below": 0.5}, "reproduced"),
        ([0.6, 0.61, 0.59], {"below": 0.5}, "not reproduced"),
        ([0.3, 0.31, 0.29], {"above": 0, "below": 0.5}, "reproduced"),
        ([0.7, 0.71, 0.69], {"above": 0, "below": 0.5}, "not reproduced"),
        ([0.7, 0.1, 0.4], {"above": 0, "below": 0.5}, "inconclusive"),
        ([0.015], {"above": 0}, "reproduced"),  # one value of a claim where nothing is drawn
        ([0.0, 0.0], {"above": 0}, "not reproduced"),  # no effect at all is not one above 0
    ],
)
def test_a_part_is_judged_by_where_its_interval_lies(
    values: list[float], bounds: dict[str, float], verdict: str
) -> None:
    assert part(values, **bounds) == verdict


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=6), st.floats(-5, 5))
def test_above_and_below_are_mirrors(values: list[float], bound: float) -> None:
    mirrored = [-value for value in values]
    assert part(values, above=bound) == part(mirrored, below=-bound)


def test_what_one_seed_cannot_tell_is_inconclusive() -> None:
    row = judge_part("x", Expectation(says="x", unit="u", above=0), [1.0, None, 1.0])
    assert (row.verdict, row.mean, row.low, row.high) == ("inconclusive", None, None, None)
    assert row.seen == "cannot be told"


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_is_no_finite_number_tells_nothing(value: float) -> None:
    for values in ([value], [1.0, value], [value, value]):
        row = judge_part("x", Expectation(says="x", unit="u", above=0), values)
        assert (row.verdict, row.mean) == ("inconclusive", None)
        assert value not in row.values  # there is no JSON of it


def test_a_claim_holds_when_all_its_parts_do() -> None:
    def row(verdict: str):  # type: ignore[no-untyped-def]
        values = {"reproduced": [1.0], "not reproduced": [-1.0], "inconclusive": [9.0, -9.0]}
        return judge_part("x", Expectation(says="x", unit="u", above=0), values[verdict])

    good, bad, open_ = row("reproduced"), row("not reproduced"), row("inconclusive")
    assert judge([good, good]) == "reproduced"
    assert judge([good, open_]) == "inconclusive"
    assert judge([good, open_, bad]) == "not reproduced"
