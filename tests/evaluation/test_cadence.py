from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.evaluation.cadence import (
    Rung,
    frequent,
    nearest,
    probe_steps,
    rare,
    share_of_measuring,
    steps_at,
    within,
)


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


def is_falling(cadence):
    return all(set(lower.steps) < set(upper.steps) for upper, lower in pairwise(cadence.rungs))


def test_a_dense_beginning_stays_while_distances_double_and_is_thinned_last():
    grid = [*probe_steps(40, 1, 4), 20, 30]
    cadence = frequent(40, 1, 4, grid=sorted(grid), more=[20, 30])
    assert [rung.steps for rung in cadence.rungs] == [
        (1, 3, 7, 11, 15, 19, 20, 23, 27, 30, 31, 35, 39, 40),
        (1, 3, 7, 11, 15, 19, 23, 27, 31, 35, 39, 40),  # not whenever the state is saved
        (1, 3, 7, 15, 23, 31, 39, 40),
        (1, 3, 7, 15, 31, 40),
        (3, 15, 40),
        (15, 40),
        (40,),
    ]
    assert [rung.distance for rung in cadence.rungs] == [4, 4, 8, None, None, None, None]
    assert cadence.num_spaced == 4


def test_a_distance_that_is_doubled_is_the_plan_for_that_distance():
    doubled = frequent(500, 1, 25, grid=probe_steps(500, 1, 25)).rungs[1]
    assert doubled.distance == 50
    assert doubled.steps == (1, 3, 7, 15, 31, *range(56, 500, 50), 500)


def test_a_rare_probe_is_asked_at_multiples_of_its_distance_on_the_steps_of_others():
    grid = probe_steps(40, 1, 4)
    cadence = rare(40, 10, grid=grid)
    assert [(rung.steps, rung.distance) for rung in cadence.rungs] == [
        ((11, 19, 31, 40), 10),  # 10, 20 and 30
        ((19, 40), 20),
        ((40,), None),
    ]
    assert rare(40, 60, grid=grid).rungs == (Rung((40,), None),)


def test_steps_that_are_forced_are_never_left_out():
    grid = sorted({*probe_steps(40, 1, 4), 12, 25})
    dense = frequent(40, 1, 4, grid=grid, more=[12, 25, 20], forced=[12, 25])
    for cadence in (dense, rare(40, 10, grid=grid, forced=[12, 25])):
        assert len(cadence.rungs) > 2  # guard: something else is left out
        assert cadence.rungs[-1].steps == (12, 25, 40)


def test_of_two_steps_as_near_the_earlier_one_is_taken():
    assert [nearest([2, 6, 9], step) for step in (1, 4, 5, 8, 30)] == [2, 2, 6, 9, 9]


@st.composite
def ladders(draw):
    """Some probes of one run, on the grid of the most frequent one."""
    total = draw(st.integers(1, 400))
    distances = draw(st.lists(st.integers(1, 100), min_size=1, max_size=4))
    finest, first = min(distances), draw(st.integers(1, 20))
    more = draw(st.sets(st.integers(1, total), max_size=5))
    grid = sorted({*probe_steps(total, min(first, finest), finest), *more})
    usual = draw(st.sampled_from(distances))
    forced = draw(st.sets(st.sampled_from(sorted(more)), max_size=3)) if more else set()
    made = [
        frequent(total, min(first, distance), distance, grid=grid, more=more, forced=forced)
        if distance <= usual
        else rare(total, distance, grid=grid, forced=forced)
        for distance in distances
    ]
    return total, grid, forced, made


@given(ladders())
def test_a_ladders_rungs_lie_in_one_another_on_the_runs_steps_down_to_the_end(drawn):
    total, grid, forced, cadences = drawn
    for cadence in cadences:
        assert is_falling(cadence)
        assert set(cadence.rungs[0].steps) <= {*grid, total}
        assert set(cadence.rungs[-1].steps) == {*forced, total}
        assert all(list(rung.steps) == sorted(rung.steps) for rung in cadence.rungs)


COSTS = st.lists(st.floats(0, 100), min_size=4, max_size=4)


@given(ladders(), COSTS, st.floats(1, 1e5), st.floats(0, 1), st.floats(0, 1))
def test_a_budget_is_kept_unless_nothing_is_left_and_a_larger_one_never_asks_less(
    drawn, costs, trained, one, other
):
    cadences = drawn[-1]
    costs = costs[: len(cadences)]
    small, large = sorted((one, other))
    asked = {}
    for budget in (small, large):
        places = within(budget, trained, costs, cadences)
        asked[budget] = steps_at(cadences, places)
        share = share_of_measuring(trained, costs, asked[budget])
        ended = all(
            place == len(cadence.rungs) - 1
            for place, cadence, cost in zip(places, cadences, costs, strict=True)
            if cost > 0
        )
        assert share <= budget or ended
        assert all(places[number] == 0 for number, cost in enumerate(costs) if cost == 0)
    for fewer, more in zip(asked[small], asked[large], strict=True):
        assert set(fewer) <= set(more)


def test_the_dearest_probe_is_asked_less_first_and_nothing_more_than_needed():
    grid = probe_steps(64, 1, 4)
    cheap, dear = frequent(64, 1, 4, grid=grid), rare(64, 8, grid=grid)
    for costs, first in (([1, 10], [0, 1]), ([10, 1], [1, 0])):
        whole = share_of_measuring(1000, costs, steps_at([cheap, dear], [0, 0]))
        assert within(whole, 1000, costs, [cheap, dear]) == [0, 0]
        assert within(whole - 1e-9, 1000, costs, [cheap, dear]) == first
        last = [len(cheap.rungs) - 1, len(dear.rungs) - 1]
        assert within(1e-9, 1000, costs, [cheap, dear]) == last


def test_the_share_counts_the_base_and_is_of_training_and_measuring_together():
    assert share_of_measuring(80, [2, 1], [(1, 5, 9), (9,)]) == (2 * 4 + 2) / 90
    assert share_of_measuring(80, [0, 0], [(1,), (1,)]) == 0
