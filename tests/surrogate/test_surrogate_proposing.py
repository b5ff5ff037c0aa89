from itertools import product

import numpy as np
import pytest
from surrogate_worlds import domain_loss, general_loss, mixtures, noise, trial

from gapless.errors import DataError
from gapless.surrogate import Goal, Side, fit, propose, validate
from gapless.surrogate.hull import distance_to_hull
from gapless.surrogate.trials import Trials

LAW, WEB = "share/law", "share/web"


def sides(trials, *, laws=("mixing", "mixing"), bases=(2.9, 3.2), replicates=100):
    metrics = ("domain_loss", "general_loss")
    return [
        Side(
            fit=fit(law, trials, metric),
            validation=validate(law, trials, metric, replicates=replicates),
            base=base,
        )
        for law, metric, base in zip(laws, metrics, bases, strict=True)
    ]


@pytest.fixture(scope="module")
def trials():
    return mixtures(16)


@pytest.fixture(scope="module")
def both(trials):
    return sides(trials)


def inside(trials, points):
    columns = trials.columns()
    corners = np.stack([columns[LAW], columns[WEB]], axis=1)
    return np.array([distance_to_hull(corners, point) < 1e-9 for point in points])


def test_the_proposal_is_the_best_of_a_grid_inside_what_was_tried(trials, both):
    domain, general = both
    found = propose(domain, general, trials, Goal(most_forgetting=0.2))
    steps = np.linspace(0, 1, 61)
    grid = np.array([(a, b) for a, b in product(steps, steps) if a + b <= 1])
    grid = grid[inside(trials, grid)]
    assert len(grid) > 500
    x = {LAW: grid[:, 0], WEB: grid[:, 1], "share/wiki": 1 - grid.sum(axis=1)}
    kept = general.fit.predict(x) - general.base <= 0.2
    assert 0 < kept.sum() < len(grid)
    best = (domain.base - domain.fit.predict(x))[kept].max()
    assert best <= found.gain.value < best + 0.02
    assert found.forgetting.value <= 0.2
    point = np.array([[found.settings[LAW], found.settings[WEB]]])
    assert inside(trials, point).all()
    assert not found.outside_hull


def test_the_proposal_is_as_good_in_truth_as_it_says(trials, both):
    found = propose(*both, trials, Goal(most_forgetting=0.2))
    law, web = found.settings[LAW], found.settings[WEB]
    assert found.gain.low - 0.01 < 2.9 - domain_loss(law, web) < found.gain.high + 0.01
    assert general_loss(law, web) - 3.2 < 0.2 + 0.01
    assert found.gain.low < found.gain.value < found.gain.high < found.gain.low + 0.02
    run = found.gain_of_a_run
    assert run.high - run.low > found.gain.high - found.gain.low
    assert 0.2 < found.kept < 0.9
    assert sum(found.settings[name] for name in trials.columns() if name in found.settings) > 0


def test_a_tighter_bound_costs_gain_and_shares_stay_shares(trials, both):
    gains = []
    for bound in (0.1, 0.2, 9.0):
        found = propose(*both, trials, Goal(most_forgetting=bound), replicates=10)
        shares = [value for name, value in found.settings.items() if name.startswith("share/")]
        assert sum(shares) == pytest.approx(1)
        assert min(shares) >= 0
        assert found.settings["domain_share"] == found.settings[LAW]
        gains.append(found.gain.value)
    assert gains == sorted(gains)
    assert gains[-1] > gains[0] + 0.05
    assert found.kept == 1


def with_rates(columns=("rate",)):
    """A second axis with its best at 1e-3, and a schedule that is better than another."""
    rows = []
    errors = noise("rates", 2 * 120, 0.002).reshape(2, -1)
    cells = list(product(np.linspace(0, 1, 5), np.logspace(-4, -2, 6), ("cosine", "wsd")))
    for place, (law, rate, schedule) in enumerate(cells):
        off = np.log10(rate / 1e-3) ** 2
        worse = 0.05 * (schedule == "cosine")
        rows.append(
            trial(
                {LAW: law, WEB: 1 - law, "rate": float(rate), "schedule": schedule, "tokens": 1e6},
                domain_loss=2.8 - 0.5 * law + 0.1 * off + worse + errors[0, place],
                general_loss=3 + 0.2 * law**2 + 0.02 * off + errors[1, place],
            )
        )
    return Trials(tuple(rows))


def test_other_axes_and_names_are_chosen_too():
    trials = with_rates()
    found = propose(
        *sides(trials, laws=("regression", "regression"), bases=(2.9, 3.0)),
        trials,
        Goal(most_forgetting=0.08),
        replicates=20,
    )
    assert found.settings["schedule"] == "wsd"
    assert np.log10(found.settings["rate"]) == pytest.approx(-3, abs=0.15)
    assert found.settings[LAW] == pytest.approx((0.08 / 0.2) ** 0.5, abs=0.05)
    assert found.extrapolated == ()
    assert found.unread == ()


def test_what_the_goal_fixes_outside_the_trials_is_said(trials, both):
    found = propose(
        *both, trials, Goal(most_forgetting=0.2, tokens=1e9, fixed={"rate": 1e-3}), replicates=10
    )
    assert [(each.name, each.low, each.read) for each in found.extrapolated] == [
        ("rate", None, False),
        ("tokens", None, False),
    ]
    assert "read by no law" in str(found.extrapolated[0])
    rates = with_rates()
    pair = sides(rates, laws=("regression", "regression"), bases=(2.9, 3.0))
    far = propose(
        *pair, rates, Goal(most_forgetting=0.5, tokens=1e9, fixed={"rate": 0.02}), replicates=10
    )
    named = {each.name: each for each in far.extrapolated}
    assert set(named) == {"rate", "tokens"}
    assert named["rate"].read
    assert not named["tokens"].read
    assert named["rate"].high == pytest.approx(0.01)
    assert far.outside_hull
    assert far.settings["rate"] == 0.02
    near = propose(
        *pair, rates, Goal(most_forgetting=0.5, fixed={"schedule": "cosine"}), replicates=10
    )
    assert near.settings["schedule"] == "cosine"
    assert not near.extrapolated
    assert not near.outside_hull


def test_a_goal_that_no_settings_meet_names_the_nearest(trials, both):
    with pytest.raises(DataError, match=r"at or below -0\.5; the nearest are share/law") as caught:
        propose(*both, trials, Goal(most_forgetting=-0.5))
    least = float(str(caught.value).split("with ")[1].split()[0])
    columns = trials.columns()
    lowest = (both[1].fit.predict(columns) - 3.2).min()
    assert -0.5 < least <= lowest + 1e-4
    assert "Allow more than" in str(caught.value)


def test_a_law_below_its_bar_proposes_nothing(trials, both):
    rows = [
        trial(each.settings, domain_loss=each.outcomes["domain_loss"].value, general_loss=value)
        for each, value in zip(trials, noise("nonsense", len(trials), 0.1) + 3, strict=True)
    ]
    noisy = Trials(tuple(rows))
    with pytest.raises(DataError, match=r"'mixing' of 'general_loss' ranks held-out"):
        propose(*sides(noisy), noisy, Goal(most_forgetting=9.0))


def test_a_goal_that_cannot_be_read_is_refused(trials, both):
    with pytest.raises(DataError, match="fixes 'share/law'"):
        propose(*both, trials, Goal(most_forgetting=1.0, fixed={LAW: 0.5}))
    rates = with_rates()
    pair = sides(rates, laws=("regression", "regression"))
    for fixed, said in (
        ({"schedule": "linear"}, "no trial has it"),
        ({"rate": "high"}, "above 0"),
        ({"rate": -1.0}, "above 0"),
    ):
        with pytest.raises(DataError, match=said):
            propose(*pair, rates, Goal(most_forgetting=1.0, fixed=fixed))


def test_a_metric_that_rises_gains_by_rising():
    rows = [
        trial(
            {LAW: x, WEB: 1 - x},
            accuracy=0.8 - 0.4 * np.exp(-2 * x) + error,
            general=0.5 + 0.2 * np.exp(-1.5 * x) - error,
        )
        for x, error in zip(np.linspace(0, 1, 16), noise("rises", 16, 0.001), strict=True)
    ]
    trials = Trials(tuple(rows))
    pair = [
        Side(
            fit=fit("mixing", trials, metric),
            validation=validate("mixing", trials, metric, replicates=50),
            base=base,
            higher_is_better=True,
        )
        for metric, base in (("accuracy", 0.4), ("general", 0.7))
    ]
    found = propose(*pair, trials, Goal(most_forgetting=0.1), replicates=20)
    exact = -np.log(0.5) / 1.5
    assert found.settings[LAW] == pytest.approx(exact, abs=0.03)
    assert found.gain.value == pytest.approx(0.4 * (1 - np.exp(-2 * exact)), abs=0.01)


def test_the_same_goal_makes_the_same_bytes(trials, both):
    rows = [propose(*both, trials, Goal(most_forgetting=0.2), replicates=20).row() for _ in "ab"]
    assert repr(rows[0]) == repr(rows[1])
