from dataclasses import replace

import numpy as np
import pytest

from gapless.analysis import bootstrap
from gapless.analysis.bootstrap import (
    drop_is_real,
    interval,
    intervals,
    replicate,
    replicated_changes,
)
from gapless.analysis.curves import Curve, ProbeHistory, role_curves
from gapless.analysis.gap import measure_gap, quantities
from gapless.records.measurements import ItemValues
from gapless.seeds import stream

TOKENS = np.array([0, 10, 20, 40], dtype=np.int64)


def history(points, name="law", *, higher_is_better=False):
    curve = Curve(
        kind="probe",
        name=name,
        role="domain",
        metric="bits_per_byte",
        higher_is_better=higher_is_better,
        tokens=np.arange(len(points), dtype=np.int64) * 10,
        values=np.array([point.value for point in points]),
        probes=(name,),
    )
    return ProbeHistory(
        curve=curve,
        numerators=np.stack([point.numerators for point in points]),
        denominators=np.stack([point.denominators for point in points]),
    )


def test_replicates_are_those_of_a_slow_loop_over_drawn_items(make_bits):
    law = history(make_bits([1.0, 1.3, 0.9], num_items=12))
    generator = stream(7, "bootstrap", "law")
    slow = []
    for _ in range(20):
        counts = generator.multinomial(12, [1 / 12] * 12)
        drawn = [item for item in range(12) for _ in range(counts[item])]
        slow.append(
            [
                sum(law.numerators[point, item] for item in drawn)
                / sum(law.denominators[point, item] for item in drawn)
                for point in range(3)
            ]
        )
    np.testing.assert_allclose(replicate(law, replicates=20, seed=7), slow, rtol=1e-12)


def test_the_draws_do_not_depend_on_how_many_are_made_at_once(make_bits, monkeypatch):
    law = history(make_bits([1.0, 1.3, 0.9]))
    whole = replicate(law, replicates=50, seed=0)
    monkeypatch.setattr(bootstrap, "_BATCH_WEIGHTS", 100)
    np.testing.assert_allclose(replicate(law, replicates=50, seed=0), whole, rtol=1e-12)


def test_the_draws_are_the_probes_own(make_bits):
    points = make_bits([1.0, 1.3, 0.9])
    law, same, web = history(points), history(points), history(points, "web")
    values = [replicate(each, replicates=9, seed=0) for each in (law, same, web)]
    assert (values[0] == values[1]).all()
    assert (values[0] != values[2]).any()
    assert (values[0] != replicate(law, replicates=9, seed=1)).any()


def test_a_roles_replicate_is_the_mean_of_its_probes_and_starts_at_no_change(make_bits):
    law, web = history(make_bits([1.0, 1.3])), history(make_bits([2.0, 1.5], seed=3), "web")
    [role] = role_curves([law.curve, web.curve])
    changes = replicated_changes(role, [law, web], replicates=30, seed=0)
    values = [replicate(each, replicates=30, seed=0) for each in (law, web)]
    assert (changes[:, 0] == 0).all()
    np.testing.assert_allclose(changes[:, 1], -(values[0] + values[1])[:, [0, 1]] @ [-0.5, 0.5])


def test_a_roles_replicate_takes_its_own_points_of_probes_that_have_more(make_bits):
    law, web = history(make_bits([1.0, 1.6, 1.3])), history(make_bits([2.0, 1.5], seed=3), "web")
    rare = replace(web, curve=replace(web.curve, tokens=law.curve.tokens[[0, 2]]))
    [role] = role_curves([law.curve, rare.curve])
    changes = replicated_changes(role, [law, rare], replicates=30, seed=0)
    ends = replicate(law, replicates=30, seed=0)[:, [0, 2]]
    values = ends + replicate(web, replicates=30, seed=0)
    assert role.tokens.tolist() == law.curve.tokens[[0, 2]].tolist()
    np.testing.assert_allclose(changes[:, 1], values @ [0.5, -0.5])


def test_a_single_item_gives_no_replicates(make_bits):
    lonely = history(make_bits([1.0, 1.3], num_items=1))
    assert replicated_changes(lonely.curve, [lonely], replicates=9, seed=0) is None


def test_the_spread_of_replicates_is_the_analytic_standard_error(make_bits):
    points = make_bits([1.0, 1.3], num_items=300)
    values = replicate(history(points), replicates=4000, seed=0)
    expected = [point.standard_error for point in points]
    np.testing.assert_allclose(values.std(axis=0), expected, rtol=0.06)


def test_what_points_share_leaves_their_difference(make_bits):
    """The texts' own difficulty (0.3) is far above the noise of a point (0.01)."""
    law = history(make_bits([1.0, 1.02], noise=0.01))
    changes = replicated_changes(law.curve, [law], replicates=500, seed=0)
    values = replicate(law, replicates=500, seed=0)
    assert changes[:, 1].std() < 0.1 * values[:, 1].std()


def test_an_interval_covers_the_truth_as_often_as_it_says(make_bits):
    """300 studies of a change of -0.1: 90 % intervals of 60 items hold it in 84 to 95 %."""
    hits = 0
    for seed in range(300):
        law = history(make_bits([1.0, 1.1], seed=seed, num_items=60))
        changes = replicated_changes(law.curve, [law], replicates=300, seed=seed)
        low, high = interval(changes[:, 1], 0.9)
        hits += low <= -0.1 <= high
    assert 0.84 * 300 <= hits <= 0.95 * 300


def test_intervals_are_percentiles_of_every_quantity(make_bits):
    law = history(make_bits([1.0, 1.2, 1.1, 0.9]))
    changes = replicated_changes(law.curve, [law], replicates=400, seed=0)
    found = intervals(law.curve, changes, level=0.9)
    replicates = quantities(law.curve.tokens, changes)
    assert found.gap.keys() == replicates.keys()
    for name, (low, high) in found.gap.items():
        inside = (replicates[name] >= low) & (replicates[name] <= high)
        assert inside.mean() >= 0.9, name
    gap = measure_gap(law.curve)
    assert found.gap["depth"][0] < gap.depth < found.gap["depth"][1]
    assert found.changes.shape == (2, 4)
    assert found.changes[:, 0].tolist() == [0, 0]
    assert (found.changes[0, 1:] < law.curve.changes[1:]).all()
    assert (law.curve.changes[1:] < found.changes[1, 1:]).all()


def test_an_interval_may_end_in_never():
    assert interval(np.array([1.0] * 50 + [np.inf] * 50), 0.9) == (1.0, np.inf)
    assert interval(np.array([np.inf] * 100), 0.9) == (np.inf, np.inf)


def test_a_large_drop_is_real_and_none_is_not(make_bits):
    for values, real in [([1.0, 1.2, 1.1, 0.9], True), ([1.0, 0.9, 0.8, 0.7], False)]:
        law = history(make_bits(values))
        changes = replicated_changes(law.curve, [law], replicates=400, seed=0)
        assert drop_is_real(law.curve.changes, changes, level=0.95) is real


def test_a_drop_without_noise_is_real():
    changes = np.array([0.0, -1.0, 1.0])
    assert drop_is_real(changes, np.tile(changes, (10, 1)), level=0.95) is True
    assert drop_is_real(np.zeros(3), np.zeros((10, 3)), level=0.95) is False


def test_noise_alone_is_seldom_called_a_drop(make_bits):
    """300 runs of 25 points at which nothing changed: at most 5 % false alarms."""
    alarms, naive = 0, 0
    for seed in range(300):
        law = history(make_bits([1.0] * 25, seed=seed, num_items=100))
        changes = replicated_changes(law.curve, [law], replicates=300, seed=seed)
        alarms += drop_is_real(law.curve.changes, changes, level=0.95)
        bottom = int(law.curve.changes.argmin())
        naive += interval(changes[:, bottom], 0.95)[1] < 0
    assert alarms <= 0.05 * 300
    assert naive > 0.2 * 300  # guard: the interval of the change at the bottom would have failed


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_the_sign_of_changes_follows_the_metric(make_bits, higher_is_better):
    law = history(make_bits([1.0, 1.5]), higher_is_better=higher_is_better)
    changes = replicated_changes(law.curve, [law], replicates=20, seed=0)
    assert ((changes[:, 1] > 0) == higher_is_better).all()


def f1_points(num_items, num_classes, seed=0, *, rare=True):
    """Classes, one of which a single item may have: some replicates lack it. Better each time."""
    generator = np.random.Generator(np.random.Philox(seed))
    right = generator.integers(0, num_classes - 1, num_items)
    right[0] = num_classes - 1 if rare else right[0]
    points = []
    for skill in (0.2, 0.5, 0.9):
        known = generator.random(num_items) < skill
        answer = np.where(known, right, generator.integers(0, num_classes - 1, num_items))
        own, told = np.eye(num_classes)[right], np.eye(num_classes)[answer]
        points.append(ItemValues(numerators=2 * own * told, denominators=own + told))
    return points


def slow_macro_f1(numerators, denominators, drawn):
    ratios = []
    for group in range(numerators.shape[1]):
        below = sum(denominators[item, group] for item in drawn)
        if below > 0:
            ratios.append(sum(numerators[item, group] for item in drawn) / below)
    return sum(ratios) / len(ratios)


def test_replicates_of_a_macro_f1_are_those_of_a_slow_loop():
    exam = history(f1_points(15, 4), "exam", higher_is_better=True)
    generator = stream(7, "bootstrap", "exam")
    slow, lacking = [], 0
    for _ in range(40):
        counts = generator.multinomial(15, [1 / 15] * 15)
        drawn = [item for item in range(15) for _ in range(counts[item])]
        lacking += 0 not in drawn
        slow.append(
            [
                slow_macro_f1(exam.numerators[point], exam.denominators[point], drawn)
                for point in range(3)
            ]
        )
    assert 5 < lacking < 35  # guard: the rare class is in some replicates and not in others
    np.testing.assert_allclose(replicate(exam, replicates=40, seed=7), slow, rtol=1e-12)


def test_the_spread_of_a_macro_f1s_replicates_is_its_analytic_standard_error():
    points = f1_points(600, 4, seed=2, rare=False)
    values = replicate(history(points, "exam"), replicates=2000, seed=0)
    np.testing.assert_allclose(
        values.std(axis=0), [point.standard_error for point in points], rtol=0.12
    )
