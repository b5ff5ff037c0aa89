from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.evaluation.cadence import probe_steps


@pytest.mark.parametrize(
    ("total", "first", "every", "expected"),
    [
        (40, 1, 8, [1, 3, 7, 15, 23, 31, 39, 40]),
        (31, 1, 8, [1, 3, 7, 15, 23, 31]),
        (40, 2, 10, [2, 6, 14, 24, 34, 40]),  # 2, 4, 8, then 10, not 16
        (10, 3, 3, [3, 6, 9, 10]),
        (10, 5, 2, [5, 7, 9, 10]),  # a distance never exceeds `every`
        (5, 10, 10, [5]),  # the run ends before the first point
        (10, 10, 2, [10]),
        (1, 1, 1, [1]),
        (0, 1, 1, []),
    ],
)
def test_the_steps_are_first_then_doubling_then_even_and_always_the_last(
    total, first, every, expected
):
    assert probe_steps(total, first, every) == expected


@given(st.integers(1, 2000), st.integers(1, 50), st.integers(1, 200))
def test_steps_rise_stay_within_the_run_and_reach_its_end(total, first, every):
    steps = probe_steps(total, first, every)
    assert steps == sorted(set(steps))
    assert steps[0] == min(first, total)
    assert steps[-1] == total
    distances = [right - left for left, right in pairwise(steps)]
    assert all(distance <= every for distance in distances)


@pytest.mark.parametrize(("first", "every"), [(0, 1), (1, 0)])
def test_a_distance_of_no_step_is_refused(first, every):
    with pytest.raises(ValueError, match="at least 1"):
        probe_steps(10, first, every)
