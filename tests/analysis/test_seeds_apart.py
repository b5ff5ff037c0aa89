import math

import numpy as np
import pytest
from replicas import replicated

from gapless.analysis.seeds_apart import seeds_apart
from gapless.analysis.student import t_quantile

TOKENS = [0, 10]


def arm(name, final, *errors, **options):
    drawn = [[0, final + error] for error in errors] or None
    return replicated(name, TOKENS, [0, final], drawn=drawn, **options)


def test_the_exact_difference_of_two_groups_of_seeds():
    """Means 0.2 and 0.7; items move one seed of the first by +-0.08, so the difference by 0.04."""
    curves = [arm("a1", 0.1, -0.08, 0.08), arm("a2", 0.3, 0, 0)]
    curves += [arm("b1", 0.6, 0, 0), arm("b2", 0.8, 0, 0)]
    [row] = seeds_apart(curves, [["a1", "a2"], ["b1", "b2"]], level=0.95)
    assert (row["arms"], row["against"]) == (["b1", "b2"], ["a1", "a2"])
    found = row["at_equal_tokens"]
    assert (found["budget"], found["value"]) == (10, pytest.approx(0.5))
    parts = [(0.04**2, 99), (0.02 / 2, 1), (0.02 / 2, 1)]
    total = sum(variance for variance, _ in parts)
    freedom = total**2 / sum(variance**2 / degrees for variance, degrees in parts)
    half = t_quantile(0.975, freedom) * math.sqrt(total)
    assert (found["low"], found["high"]) == pytest.approx((0.5 - half, 0.5 + half))
    assert found["is_real"] is (half < 0.5)
    assert row["at_equal_flops"] is None


def test_items_that_move_both_groups_alike_leave_the_difference():
    curves = [arm(name, 0.2 + 0.5 * (name > "b"), -0.1, 0.1) for name in ("a1", "a2", "b1", "b2")]
    [row] = seeds_apart(curves, [["a1", "a2"], ["b1", "b2"]], level=0.95)
    assert row["at_equal_tokens"]["low"] == pytest.approx(0.5)
    assert row["at_equal_tokens"]["high"] == pytest.approx(0.5)
    assert row["at_equal_tokens"]["is_real"] is True


def test_an_arm_alone_is_taken_to_vary_as_the_seeds_do():
    curves = [arm("a1", 0.1, 0, 0), arm("a2", 0.3, 0, 0), arm("lone", 0.5, 0, 0)]
    [row] = seeds_apart(curves, [["a1", "a2"]], level=0.95)
    assert (row["arms"], row["against"]) == (["lone"], ["a1", "a2"])
    half = t_quantile(0.975, 1) * math.sqrt(0.02 * 1.5)
    found = row["at_equal_tokens"]
    assert (found["low"], found["high"]) == pytest.approx((0.3 - half, 0.3 + half))


def test_two_arms_of_one_seed_each_and_a_group_with_itself_are_not_told():
    assert seeds_apart([arm("a", 0.1), arm("b", 0.3)], [], level=0.95) == []
    assert seeds_apart([arm("a", 0.1), arm("b", 0.3)], [["a", "b"]], level=0.95) == []


def test_groups_are_compared_where_the_cheapest_of_all_ends():
    curves = [
        replicated("a1", [0, 20], [0, 2], flops=[0, 200]),
        replicated("a2", [0, 20], [0, 4], flops=[0, 100]),
        replicated("b1", [0, 10], [0, 5], flops=[0, 400]),
    ]
    [row] = seeds_apart(curves, [["a1", "a2"]], level=0.95)
    tokens, flops = row["at_equal_tokens"], row["at_equal_flops"]
    assert (tokens["budget"], tokens["value"]) == (10, 5 - 1.5)
    assert (flops["budget"], flops["value"]) == (100, 1.25 - 2.5)
    assert tokens["low"] is tokens["is_real"] is None, "nothing was drawn"


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """400 studies, 3 seeds against 3, that differ by seeds as much as by items: the truth is 0."""
    generator = np.random.Generator(np.random.Philox(11))
    items, hits, by_items = 60, 0, 0
    for _ in range(400):
        shared = generator.normal(0, 1, items)
        weights = generator.multinomial(items, [1 / items] * items, size=200) / items
        curves = []
        for name in ("a1", "a2", "a3", "b1", "b2", "b3"):
            values = shared + generator.normal(0, 1, items) + generator.normal(0, 1 / items**0.5)
            errors = weights @ values - values.mean()
            curves.append(arm(name, values.mean(), *errors, num_items=items))
        [row] = seeds_apart(curves, [["a1", "a2", "a3"], ["b1", "b2", "b3"]], level=0.95)
        found = row["at_equal_tokens"]
        hits += found["low"] <= 0 <= found["high"]
        differences = [c.changes[:, 1] for c in curves]
        error = (np.mean(differences[:3], axis=0) - np.mean(differences[3:], axis=0)).std()
        by_items += abs(found["value"]) <= 1.96 * error
    assert 0.92 * 400 <= hits <= 0.995 * 400
    assert by_items < 0.92 * 400  # guard: the items' interval alone is too narrow
