from itertools import combinations

import numpy as np
import pytest
from replicas import replicated

from gapless.analysis import together
from gapless.analysis.bootstrap import drop_is_real, worst_drop
from gapless.analysis.together import drops_among_all

TOKENS = [0, 10, 20]


def noisy(drop, seed, *, size=0.01, num_items=10_000):
    return replicated("main", TOKENS, [0, -drop, 0.0], drawn=size, seed=seed, num_items=num_items)


def slow_step_down(drops, noises, level):
    """Closed testing: a curve fell when every set that holds it has a worst that is too far out."""
    everyone = range(len(drops))
    sets = [s for size in range(1, len(drops) + 1) for s in combinations(everyone, size)]
    refused = {}
    for chosen in sets:
        bound = np.quantile(np.max([noises[k] for k in chosen], axis=0), (1 + level) / 2)
        refused[chosen] = max(drops[k] for k in chosen) > bound
    return [all(refused[chosen] for chosen in sets if k in chosen) for k in everyone]


def test_the_step_down_is_closed_testing_over_all_sets_of_curves():
    found = []
    for seed in range(40):
        generator = np.random.Generator(np.random.Philox(seed))
        drops = generator.uniform(1, 5, 5).tolist()
        noises = list(generator.normal(0, 1, (5, 60)))
        fast = together._step_down(drops, noises, 0.95)
        assert fast == slow_step_down(drops, noises, 0.95)
        found.append(sum(fast))
    assert len(set(found)) > 3  # guard: none, some and all of them fell


def test_what_is_real_by_itself_may_not_be_among_many():
    own = noisy(0.0235, seed=0)
    assert drop_is_real(own.curve.changes, own.changes, level=0.95)
    assert drops_among_all([own], level=0.95) == [True]
    others = [noisy(0.0, seed=seed) for seed in range(1, 21)]
    assert drops_among_all([own, *others], level=0.95) == [False] * 21


def test_a_clear_drop_makes_room_for_a_lesser_one():
    """Once the deep curves are judged, the bound is that of the others alone."""
    deep = [noisy(0.2, seed=seed) for seed in range(1, 21)]
    lesser = noisy(0.0235, seed=0)
    assert drops_among_all([lesser, *deep], level=0.95) == [True] * 21


def test_curves_that_move_as_one_cost_nothing():
    copies = [noisy(0.0235, seed=0) for _ in range(30)]
    assert drops_among_all(copies, level=0.95) == [True] * 30


def test_few_items_must_fall_further():
    assert drops_among_all([noisy(0.0235, seed=0, num_items=5)], level=0.95) == [False]


def test_without_replicates_nothing_is_said_and_the_others_are_judged():
    lonely = replicated("main", TOKENS, [0, -1, 0])
    assert drops_among_all([lonely, noisy(0.5, seed=1)], level=0.95) == [None, True]
    assert drops_among_all([lonely], level=0.95) == [None]
    assert drops_among_all([], level=0.95) == []


def test_a_drop_without_noise_is_real_and_no_drop_is_not():
    sure = replicated("main", TOKENS, [0, -1, 0], drawn=[[0, -1, 0]] * 9)
    flat = replicated("main", TOKENS, [0, 1, 0], drawn=[[0, 1, 0]] * 9)
    assert drops_among_all([sure, flat], level=0.95) == [True, False]
    assert worst_drop(sure.curve.changes, sure.changes)[0] == np.inf


def test_few_items_count_as_students_t_does():
    """t = 2.571 with 5 degrees of freedom is as rare as 1.960 of the normal distribution."""
    drop = 2.571 * np.sqrt(6 / 5)
    assert together._as_of_many_items(drop, 6) == pytest.approx(1.960, abs=0.01)
    assert together._as_of_many_items(2.0, 10**9) == pytest.approx(2.0, abs=1e-6)


def test_noise_alone_seldom_gives_any_drop_among_many_probes():
    """100 runs of 12 probes of 8 points and 40 items: at most 5 % false alarms together."""
    generator = np.random.Generator(np.random.Philox(11))
    alarms = one_by_one = 0
    for _ in range(100):
        curves = []
        for _ in range(12):
            values = generator.normal(0, 0.3, (1, 40)) + generator.normal(0, 0.1, (8, 40))
            drawn = generator.multinomial(40, [1 / 40] * 40, size=200) / 40 @ values.T
            changes = values.mean(axis=1) - values[0].mean()
            own = replicated("a", range(8), changes, drawn=drawn - drawn[:, :1], num_items=40)
            curves.append(own)
        alarms += any(drops_among_all(curves, level=0.95))
        one_by_one += any(drop_is_real(c.curve.changes, c.changes, level=0.95) for c in curves)
    assert alarms <= 5
    assert one_by_one > 25  # guard: judged one by one they would have failed


def test_curves_are_judged_together_each_at_its_own_points():
    """A rare probe has fewer points: its bound is that of all, its drop its own."""
    rare = replicated("main", [0, 20], [0, -0.2], drawn=0.01, seed=0, num_items=10_000)
    dense = [noisy(0.0, seed=seed) for seed in range(1, 21)]
    assert drops_among_all([rare, *dense], level=0.95) == [True] + [False] * 20
    worst = [worst_drop(each.curve.changes, each.changes)[1] for each in (rare, *dense)]
    assert len({noise.shape for noise in worst}) == 1  # guard: one noise per replicate and curve
