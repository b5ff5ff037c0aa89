import math

import numpy as np
import pytest
from replicas import replicated

from gapless.analysis.repeats import mean_interval, repeats
from gapless.analysis.student import t_quantile
from gapless.errors import RunError

TOKENS = [0, 10]


def seeds(finals, *, drawn, **options):
    return [
        replicated(
            f"s{k}", TOKENS, [0, final], drawn=None if drawn is None else drawn[k], **options
        )
        for k, final in enumerate(finals)
    ]


def ends(*finals):
    return [[0, final] for final in finals]


def test_an_exact_mean_over_two_seeds():
    """Means 0.1 and 0.3; items move both by +-0.02, so their mean too."""
    curves = seeds([0.1, 0.3], drawn=[ends(0.08, 0.12), ends(0.28, 0.32)], num_items=50)
    [row] = repeats(curves, [["s0", "s1"]], level=0.95)
    assert row["arms"] == ["s0", "s1"]
    final = row["means"]["final"]
    assert final["value"] == pytest.approx(0.2)
    assert row["spread"]["final"] == pytest.approx(math.sqrt(0.02))
    assert row["item_error"]["final"] == pytest.approx(0.02)
    items, between = 0.0004, 0.01
    freedom = (items + between) ** 2 / (items**2 / 49 + between**2 / 1)
    half = t_quantile(0.975, freedom) * math.sqrt(items + between)
    assert (final["low"], final["high"]) == pytest.approx((0.2 - half, 0.2 + half))
    assert row["change_is_real"] is False


def test_items_are_drawn_once_for_all_seeds():
    """What lifts one seed and lowers the other leaves their mean."""
    curves = seeds([0.2, 0.2], drawn=[ends(0.1, 0.3), ends(0.3, 0.1)])
    [row] = repeats(curves, [["s0", "s1"]], level=0.95)
    assert row["means"]["final"] == pytest.approx({"value": 0.2, "low": 0.2, "high": 0.2})
    assert row["change_is_real"] is True


def test_seeds_that_agree_leave_the_noise_of_the_items():
    low, high = mean_interval(0.0, 1.0, 10_001, 0.0, 5, level=0.95)
    assert (low, high) == pytest.approx((-1.96, 1.96), abs=0.001)


def test_items_without_noise_leave_students_interval_of_the_seeds():
    low, high = mean_interval(1.0, 0.0, 100, 2.0, 4, level=0.95)
    half = t_quantile(0.975, 3) * 2.0 / 2
    assert (low, high) == pytest.approx((1 - half, 1 + half))


def test_a_single_item_gives_means_without_intervals():
    [row] = repeats(seeds([0.1, 0.3], drawn=None), [["s0", "s1"]], level=0.95)
    assert row["means"]["final"] == {"value": pytest.approx(0.2), "low": None, "high": None}
    assert row["change_is_real"] is None
    assert row["item_error"]["final"] is None


def test_only_groups_of_two_and_more_and_curves_that_all_have_are_told():
    curves = seeds([0.1, 0.3], drawn=None)
    curves.append(replicated("s0", TOKENS, [0, 1], role="general"))
    assert repeats(curves, [["s0"]], level=0.95) == []
    assert [row["role"] for row in repeats(curves, [["s0", "s1"]], level=0.95)] == ["domain"]


def test_seeds_that_answered_different_items_are_refused():
    curves = [*seeds([0.1], drawn=None), replicated("s1", TOKENS, [0, 1], num_items=3)]
    with pytest.raises(RunError, match="did not measure the same items"):
        repeats(curves, [["s0", "s1"]], level=0.95)


def test_the_interval_holds_both_noises():
    """400 studies of 3 seeds that differ as much as items do: 92 to 98.5 % hold the truth, 0."""
    generator = np.random.Generator(np.random.Philox(5))
    items, hits, by_items = 60, 0, 0
    for _ in range(400):
        values = generator.normal(0, 1, (1, items)) + generator.normal(0, 1, (3, items))
        values += generator.normal(0, math.sqrt(2 / items), (3, 1))
        error = values.mean(axis=0).std() / math.sqrt(items)
        finals = values.mean(axis=1)
        spread = float(finals.std(ddof=1))
        low, high = mean_interval(float(finals.mean()), error, items, spread, 3, level=0.95)
        hits += low <= 0 <= high
        by_items += abs(finals.mean()) <= 1.96 * error
    assert 0.92 * 400 <= hits <= 0.985 * 400
    assert by_items < 0.92 * 400  # guard: the items' interval alone is too narrow
