"""Each law is found again in what it made, and describes what was published."""

import numpy as np
import pytest
from surrogate_worlds import (
    BEFORE,
    continued,
    mixtures,
    noise,
    published,
    shares_and_tokens,
    trial,
)

from gapless.errors import DataError
from gapless.surrogate import LAWS, areas, critical_ratio, fit
from gapless.surrogate.trials import Trials


def truth_of(found, trials, loss):
    """What the law is without noise, at the trials."""
    rows = [each.settings for each in trials]
    return np.array([loss(r["share/law"], r["tokens"], r.get("parameters")) for r in rows])


def error(found, trials, truth):
    return np.abs(found.predict(trials.columns()) - truth).max()


def test_the_mixing_law_is_recovered():
    found = fit("mixing", mixtures(), "domain_loss")
    expected = {"c": 2.0, "k": 0.8, "t/law": -3.0, "t/web": -0.5}
    assert list(found.parameters) == list(expected)
    for name, value in expected.items():
        assert found.parameters[name] == pytest.approx(value, abs=0.08)
    assert found.scale == pytest.approx(0.004, rel=0.5)
    assert found.agreeing > 4
    assert found.unread == found.at_bounds == ()


def test_the_mixing_law_takes_a_metric_that_rises():
    r = np.linspace(0, 1, 12)
    rows = [
        trial({"share/law": x, "share/web": 1 - x}, accuracy=0.7 - 0.3 * np.exp(-2 * x)) for x in r
    ]
    found = fit("mixing", Trials(tuple(rows)), "accuracy")
    assert found.parameters == pytest.approx({"c": 0.7, "k": -0.3, "t/law": -2.0}, rel=1e-4)


def test_a_source_whose_share_is_always_the_same_has_no_parameter():
    rows = [
        trial({"share/law": x, "share/web": 0.8 - x, "share/wiki": 0.2}, loss=2 + x**2)
        for x in np.linspace(0, 0.8, 9)
    ]
    found = fit("mixing", Trials(tuple(rows)), "loss")
    assert list(found.parameters) == ["c", "k", "t/law"]


def d_cpt(r, tokens, parameters):
    size = 0 if parameters is None else 0.5 / (parameters / 3e7) ** 0.4
    return 1.5 + size + 0.6 * r**0.7 / (tokens / 5e8) ** 0.3 + 0.2 / (r + 0.1) ** 0.5


def test_the_d_cpt_law_is_recovered_as_far_as_trials_tell():
    trials = shares_and_tokens(d_cpt, deviation=0.003, world="d_cpt", sizes=(1e7, 3e7, 1e8))
    found = fit("d_cpt", trials, "loss", starts=8)
    assert list(found.parameters) == ["E", "A", "alpha", "B", "eta", "beta", "C", "eps", "gamma"]
    assert found.parameters["alpha"] == pytest.approx(0.4, abs=0.1)
    assert found.parameters["beta"] == pytest.approx(0.3, abs=0.05)
    # E, C, eps and gamma stand in for one another: the prediction is what is known.
    assert error(found, trials, truth_of(found, trials, d_cpt)) < 0.003


def test_with_one_size_and_one_length_their_terms_are_gone():
    trials = shares_and_tokens(d_cpt, deviation=0.003, world="one size", sizes=(None,))
    assert list(fit("d_cpt", trials, "loss", starts=4).parameters) == [
        *("E", "B", "eta", "beta", "C", "eps", "gamma")
    ]
    shares = tuple(np.linspace(0.05, 1, 8))
    trials = shares_and_tokens(d_cpt, deviation=0.0, world="one length", shares=shares)
    one = Trials(tuple(each for each in trials if each.settings["tokens"] == 1e9))
    found = fit("d_cpt", one, "loss", starts=8)
    assert list(found.parameters) == ["E", "B", "eta", "C", "eps", "gamma"]
    assert error(found, one, truth_of(found, one, d_cpt)) < 1e-3


def test_the_general_law_is_the_domain_law_of_the_general_share():
    shares = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)
    mirrored = shares_and_tokens(
        lambda r, d, n: d_cpt(1 - r, d, n), deviation=0.0, world="general", shares=shares
    )
    found = fit("d_cpt_general", mirrored, "loss")
    assert error(found, mirrored, mirrored.values("loss")) < 2e-3


def change(r, tokens, _):
    return 0.3 * r**2 * (tokens / 5e8) ** 0.2 - 0.05 * (tokens / 5e8) ** 0.1


def test_the_critical_ratio_is_recovered():
    trials = shares_and_tokens(
        lambda *x: 3 + change(*x), deviation=0.002, world="critical", shares=(0, 0.25, 0.5, 0.75, 1)
    )
    found = fit("critical_ratio", trials, "loss", base=3.0)
    assert found.parameters["s"] == pytest.approx(2, abs=0.3)
    assert error(found, trials, 3 + truth_of(found, trials, change)) < 0.003
    for tokens in (1e8, 3e9):
        ratio = critical_ratio(found, trials, tokens=tokens, replicates=50)
        exact = ((0.05 * (tokens / 5e8) ** 0.1) / (0.3 * (tokens / 5e8) ** 0.2)) ** 0.5
        assert ratio.value == pytest.approx(exact, abs=0.02)
        assert ratio.low < ratio.value < ratio.high
        assert ratio.high - ratio.low < 0.08
    more = critical_ratio(found, trials, tokens=1e8, tolerance=0.05, replicates=10)
    assert more.value > ratio.value + 0.1
    assert critical_ratio(found, trials, tokens=1e8, tolerance=9, replicates=9).value == 1
    assert critical_ratio(found, trials, tokens=1e8, tolerance=-9, replicates=9).value == 0


def test_the_domain_s_power_law_is_recovered():
    def loss(r, tokens, _):
        return 1.8 + 0.4 / (r**0.5 * (tokens / 5e8) ** 0.25)

    trials = shares_and_tokens(loss, deviation=0.003, world="power")
    found = fit("critical_ratio_domain", trials, "loss")
    assert found.parameters["s"] == pytest.approx(0.5, abs=0.05)
    assert found.parameters["q"] == pytest.approx(0.25, abs=0.03)


def curve(peak, cooldown):
    """Points of a run of 200 steps at a constant rate, the last part of which cools down."""
    rates = np.full(200, peak)
    begin = int(200 * (1 - cooldown))
    rates[begin:] *= np.linspace(1, 0.05, 200 - begin)
    forward, annealing = areas(rates, decay=0.99)
    return forward[9::10], annealing[9::10]


def curve_loss(s1, s2):
    return 2.2 + 0.35 * (1 - (1 + 40 * s1) ** -0.8) + 0.3 * (0.4 + s1) ** -0.5 - 0.6 * s2


def curves():
    rows = []
    for peak in (1e-3, 2e-3, 4e-3):
        for cooldown in (0.1, 0.5):
            s1, s2 = curve(peak, cooldown)
            values = curve_loss(s1, s2) + noise(f"curve {peak} {cooldown}", len(s1), 0.002)
            settings = {"learning_rate": peak, "cooldown": cooldown}
            rows += [
                trial(settings | {"forward_area": a, "annealing_area": b}, loss=value)
                for a, b, value in zip(s1.tolist(), s2.tolist(), values, strict=True)
            ]
    return Trials(tuple(rows))


def test_the_learning_curve_is_recovered_and_foretells_another_schedule():
    trials = curves()
    found = fit("learning_curve", trials, "loss", starts=8)
    per_unit = found.form.units["annealing_area"]
    assert found.parameters["C"] / per_unit == pytest.approx(0.6, rel=0.2)
    assert found.unread == ("cooldown", "learning_rate")
    s1, s2 = curve(3e-3, 0.3)
    predicted = found.predict({"forward_area": s1, "annealing_area": s2})
    assert np.abs(predicted - curve_loss(s1, s2)).max() < 0.004
    assert np.ptp(curve_loss(s1, s2)) > 0.05


def test_areas_are_the_double_sum():
    rates = np.array([1.0, 1.0, 0.6, 0.5, 0.0])
    forward, annealing = areas(rates, decay=0.9)
    np.testing.assert_allclose(forward, [1, 2, 2.6, 3.1, 3.1])
    slow = [
        sum(
            (rates[k - 1] - rates[k]) * 0.9 ** (i - k)
            for i in range(1, step + 1)
            for k in range(1, i + 1)
        )
        for step in range(5)
    ]
    np.testing.assert_allclose(annealing, slow)


def test_a_quadratic_is_found_by_the_regression():
    rows = []
    for x in np.linspace(0, 1, 6):
        for rate in (1e-4, 3e-4, 1e-3, 3e-3):
            for schedule in ("cosine", "wsd"):
                loss = 2 + x * x - 0.2 * x + 0.1 * np.log(rate) ** 2 + 0.3 * (schedule == "wsd")
                settings = {"share/law": x, "share/web": 1 - x, "rate": rate, "schedule": schedule}
                rows.append(trial(settings, loss=loss))
    trials = Trials(tuple(rows))
    found = fit("regression", trials, "loss")
    assert found.parameters["schedule=wsd"] == pytest.approx(0.3, rel=0.02)
    assert error(found, trials, trials.values("loss")) < 0.01 * np.ptp(trials.values("loss"))
    few = fit("regression", Trials(tuple(rows[::6])), "loss")
    assert set(few.parameters) < set(found.parameters)


def test_a_run_that_went_astray_does_not_bend_the_law():
    rows = list(mixtures())
    rows[5] = trial(rows[5].settings, domain_loss=9.0, general_loss=9.0)
    found = fit("mixing", Trials(tuple(rows)), "domain_loss")
    assert found.parameters["t/law"] == pytest.approx(-3, abs=0.15)
    assert found.residuals[5] > 5


def test_the_published_mixtures_follow_the_mixing_law():
    """Ye et al. 2024: two domains; a straight line misses by more than the law does."""
    last = published(steps=(30_000,))
    for metric in ("code_loss", "web_loss"):
        found = fit("mixing", last, metric)
        shares, values = last.columns()["share/code"], last.values(metric)
        line = np.polyval(np.polyfit(shares, values, 1), shares) - values
        assert np.abs(found.residuals).max() < 0.01
        assert np.abs(found.residuals).sum() < np.abs(line).sum() / 2


def test_the_published_curves_follow_the_d_cpt_law():
    for law, metric in (("d_cpt", "code_loss"), ("d_cpt_general", "web_loss")):
        trials = published()
        found = fit(law, trials, metric)
        assert len(trials) == 20
        assert np.abs(found.residuals).mean() / trials.values(metric).mean() < 0.005


def test_the_published_critical_share_is_between_the_runs_that_bracket_it():
    trials = continued()
    changes = trials.values("loss") - BEFORE
    assert (changes > 0).tolist() == [True, True, False, False]
    found = fit("critical_ratio", trials, "loss", base=BEFORE)
    ratio = critical_ratio(found, trials)
    assert 0.625 < ratio.value < 0.75
    line = 0.625 + 0.125 * changes[2] / (changes[2] - changes[1])
    assert ratio.value == pytest.approx(line, abs=0.02)


def test_the_same_trials_and_seed_make_the_same_fit():
    rows = [fit("mixing", mixtures(), "domain_loss", seed=seed).row() for seed in (3, 3)]
    assert rows[0] == rows[1]
    assert repr(rows[0]) == repr(rows[1])


def test_every_law_says_which_setting_it_misses():
    rows = Trials(tuple(trial({"rate": float(x)}, loss=x) for x in range(1, 20)))
    asked = [law for law in LAWS if law != "regression"]
    assert len(asked) == 6
    for law in asked:
        with pytest.raises(DataError, match=r"share|forward_area"):
            fit(law, rows, "loss", base=1.0)


def test_fewer_settings_than_parameters_are_refused_with_both_numbers():
    trials = mixtures(3, num_seeds=4)
    assert len(trials) == 12
    with pytest.raises(DataError, match=r"4 parameters here, and the trials have 3 different"):
        fit("mixing", trials, "domain_loss")


def test_what_cannot_be_fitted_is_said():
    with pytest.raises(DataError, match="no law 'mixin'"):
        fit("mixin", mixtures(), "domain_loss")
    with pytest.raises(DataError, match="base is not given"):
        fit("critical_ratio", continued(), "loss")
    zero = Trials(tuple(trial({"domain_share": x}, domain=(), loss=x) for x in (0.0, 0.5, 1.0)))
    with pytest.raises(DataError, match="above 0"):
        fit("critical_ratio_domain", zero, "loss")
    same = Trials(tuple(trial({"domain_share": 0.5}, domain=(), loss=x) for x in (0.0, 0.5, 1.0)))
    for law in ("d_cpt", "d_cpt_general", "critical_ratio", "critical_ratio_domain"):
        with pytest.raises(DataError, match="differs between trials"):
            fit(law, same, "loss", base=1.0)
    words = Trials(tuple(trial({"domain_share": x}, domain=(), loss=1) for x in ("a", "b")))
    with pytest.raises(DataError, match="names"):
        fit("d_cpt", words, "loss")


def test_a_setting_that_a_law_does_not_read_is_said():
    rows = [
        trial(dict(each.settings) | {"rate": float(place % 3)}, domain_loss=1 + place)
        for place, each in enumerate(mixtures())
    ]
    assert fit("mixing", Trials(tuple(rows)), "domain_loss").unread == ("rate",)
    three = Trials(tuple(rows))
    assert fit("d_cpt", three, "domain_loss", starts=2).unread == (
        *("rate", "share/law", "share/web", "share/wiki"),
    )
