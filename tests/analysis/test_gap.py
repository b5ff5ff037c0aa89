import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.analysis.curves import Curve
from gapless.analysis.gap import Gap, measure_gap, quantities
from gapless.errors import RunError


def curve(tokens, values, *, higher_is_better=True):
    return Curve(
        kind="probe",
        name="exam",
        role="general",
        metric="accuracy",
        higher_is_better=higher_is_better,
        tokens=np.array(tokens, dtype=np.int64),
        values=np.array(values, dtype=np.float64),
        probes=("exam",),
    )


def gap(tokens, values, **options):
    return measure_gap(curve(tokens, values, **options))


TEXTBOOK = Gap(
    depth=2,
    tokens_to_bottom=10,
    tokens_to_recovery=25,
    recovered=True,
    rebound=4,
    area=27.5 / 40,  # 10 + 15 + 2.5
    peak=2,
    tokens_to_peak=40,
    final=2,
)


def test_the_textbook_gap():
    assert gap([0, 10, 20, 30, 40], [5, 3, 4, 6, 7]) == TEXTBOOK


def test_the_sign_turns_where_lower_is_better():
    assert gap([0, 10, 20, 30, 40], [5, 7, 6, 4, 3], higher_is_better=False) == TEXTBOOK


def test_a_curve_that_never_drops():
    assert gap([0, 10, 20], [5, 6, 7]) == Gap(
        depth=0,
        tokens_to_bottom=0,
        tokens_to_recovery=0,
        recovered=True,
        rebound=2,
        area=0,
        peak=2,
        tokens_to_peak=20,
        final=2,
    )


def test_a_curve_that_never_recovers():
    assert gap([0, 10, 20], [5, 3, 4]) == Gap(
        depth=2,
        tokens_to_bottom=10,
        tokens_to_recovery=None,
        recovered=False,
        rebound=1,
        area=25 / 20,
        peak=-1,
        tokens_to_peak=20,
        final=-1,
    )


def test_a_steady_fall_is_no_stability_gap_it_has_no_rebound():
    found = gap([0, 10, 20], [5, 4, 3])
    assert (found.depth, found.tokens_to_bottom, found.rebound) == (2, 20, 0)
    assert (found.recovered, found.peak, found.tokens_to_peak) == (False, -1, 10)


def test_a_recovery_before_the_next_probe_is_placed_on_the_line():
    found = gap([0, 10, 20], [5, 4, 8])
    assert found.tokens_to_recovery == 12.5
    assert found.area == (5 + 1.25) / 20


def test_a_point_exactly_at_the_base_is_the_recovery():
    found = gap([0, 10, 20, 30], [5, 4, 5, 4.5])
    assert (found.tokens_to_recovery, found.recovered, found.final) == (20, True, -0.5)


def test_the_recovery_is_looked_for_after_the_bottom_only():
    found = gap([0, 10, 20, 30, 40], [5, 4, 6, 3, 7])
    assert found.tokens_to_bottom == 30
    assert found.tokens_to_recovery == 35


def test_an_early_gain_that_is_lost_again_keeps_its_peak():
    found = gap([0, 10, 20], [5, 7, 4])
    assert (found.peak, found.tokens_to_peak, found.final) == (2, 10, -1)
    assert found.area == pytest.approx(10 * (1 / 3) * 0.5 / 20, rel=1e-12)


def test_the_first_of_equal_points_is_taken():
    found = gap([0, 10, 20, 30, 40], [5, 4, 4, 6, 6])
    assert (found.tokens_to_bottom, found.tokens_to_peak) == (10, 30)


def test_a_flat_curve_has_no_gap():
    found = gap([0, 10, 20], [5, 5, 5])
    assert (found.depth, found.area, found.tokens_to_recovery, found.rebound) == (0, 0, 0, 0)
    assert (found.peak, found.tokens_to_peak) == (0, 10)


def test_a_base_alone_has_changed_nothing():
    assert gap([0], [5]) == Gap(
        depth=0,
        tokens_to_bottom=0,
        tokens_to_recovery=0,
        recovered=True,
        rebound=0,
        area=0,
        peak=0,
        tokens_to_peak=0,
        final=0,
    )


def test_tokens_beyond_32_bits_are_exact():
    far = 10**13
    found = gap([0, far, 3 * far], [5, 4, 6])
    assert found.tokens_to_bottom == far
    assert found.tokens_to_recovery == 2 * far


@pytest.mark.parametrize(("tokens", "values"), [([], []), ([10, 20], [5, 6])])
def test_a_curve_without_its_base_is_refused(tokens, values):
    with pytest.raises(RunError, match="measurement zero is missing"):
        curve(tokens, values)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_refused_and_its_place_named(value):
    with pytest.raises(RunError, match="after 10 tokens is not finite"):
        curve([0, 10, 20], [5, value, 6])


@pytest.mark.parametrize("tokens", [[0, 10, 10], [0, 20, 10]])
def test_points_out_of_order_are_refused(tokens):
    with pytest.raises(RunError, match="twice or out of order"):
        curve(tokens, [5, 6, 7])


def slow_quantities(tokens, changes):
    """The definitions as loops over one curve."""
    worst = min(range(len(changes)), key=lambda place: (changes[place], place))
    best = min(range(1, len(changes)), key=lambda place: (-changes[place], place))
    recovery = 0.0 if changes[worst] >= 0 else np.inf
    for place in range(worst + 1, len(changes)):
        if changes[worst] < 0 and changes[place] >= 0:
            low, high = changes[place - 1], changes[place]
            recovery = tokens[place - 1] + (tokens[place] - tokens[place - 1]) * -low / (high - low)
            break
    area = 0.0
    for left in range(len(changes) - 1):
        steps = 2000
        for step in range(steps):
            part = (step + 0.5) / steps
            change = changes[left] * (1 - part) + changes[left + 1] * part
            area += max(0.0, -change) * (tokens[left + 1] - tokens[left]) / steps
    return {
        "depth": -changes[worst],
        "tokens_to_bottom": tokens[worst],
        "tokens_to_recovery": recovery,
        "rebound": changes[-1] - changes[worst],
        "area": area / tokens[-1],
        "peak": changes[best],
        "tokens_to_peak": tokens[best],
        "final": changes[-1],
    }


@given(
    st.lists(
        st.tuples(st.integers(1, 50), st.lists(st.integers(-8, 8), min_size=3, max_size=3)),
        min_size=1,
        max_size=8,
    )
)
def test_many_curves_at_once_agree_with_loops_over_each(points):
    tokens = np.cumsum([0, *(distance for distance, _ in points)])
    changes = np.array([[0, 0, 0], *(row for _, row in points)], dtype=np.float64).T
    found = quantities(tokens, changes)
    for row in range(3):
        expected = slow_quantities(tokens.tolist(), changes[row].tolist())
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name][row] == pytest.approx(value, rel=1e-3, abs=1e-5), name
