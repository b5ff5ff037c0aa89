import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surrogate_worlds import mixtures, published, trial

from gapless.errors import DataError
from gapless.seeds import stream
from gapless.surrogate import Bar, fit, validate
from gapless.surrogate.trials import Trials
from gapless.surrogate.validation import rank_correlation, refuse_below


def nonsense(num_settings=24):
    """Losses that have nothing to do with the shares."""
    values = stream(0, "test", "nonsense").normal(2, 0.1, num_settings)
    return Trials(
        tuple(
            trial(each.settings, domain_loss=value)
            for each, value in zip(mixtures(num_settings), values, strict=True)
        )
    )


def test_held_out_predictions_are_those_of_fits_without_the_group():
    trials = mixtures(8, num_seeds=2)
    found = validate("mixing", trials, "domain_loss", replicates=20)
    groups = trials.groups()
    assert found.num_groups == 8
    for group in (0, 5):
        rest = Trials(tuple(t for t, g in zip(trials, groups, strict=True) if g != group))
        alone = fit("mixing", rest, "domain_loss", starts=16)
        own = Trials(tuple(t for t, g in zip(trials, groups, strict=True) if g == group))
        np.testing.assert_allclose(
            found.predicted[group], alone.predict(own.columns())[0], rtol=1e-5
        )
        assert found.observed[group] == pytest.approx(own.values("domain_loss").mean())


def test_a_law_ranks_what_it_made_and_beats_its_rivals():
    found = validate("mixing", mixtures(), "general_loss")
    assert found.passes
    assert found.rank_correlation.value > 0.97
    assert found.rank_correlation.low > 0.9
    assert found.relative_error.high < 0.01
    assert found.error.value < 0.008
    assert found.against_mean.high < 0.2
    assert found.against_regression is not None
    assert found.against_regression.value < 1


def test_a_law_of_noise_does_not_pass_and_is_refused_with_its_numbers():
    found = validate("mixing", nonsense(), "domain_loss", replicates=200)
    assert not found.passes
    assert found.against_mean.high > 0.7
    with pytest.raises(DataError, match=r"'mixing' of 'domain_loss' ranks .* over 24 groups") as e:
        refuse_below([found])
    assert "0.7 or more" in str(e.value)
    assert "95% interval above 0" in str(e.value)


def test_a_high_rank_correlation_without_a_sure_interval_does_not_pass():
    found = validate("mixing", mixtures(), "domain_loss", replicates=50)
    low = type(found.rank_correlation)(0.9, -0.1, 1.0)
    assert found.passes
    assert not type(found)(**{**vars(found), "rank_correlation": low}).passes
    strict = validate(
        "mixing", nonsense(), "domain_loss", bar=Bar(rank_correlation=-1.0), replicates=50
    )
    assert not strict.passes


def test_a_run_is_held_out_with_all_its_points():
    rows = [
        trial({"forward_area": s, "peak": p}, loss=2 + (0.1 * p + s) ** -0.3)
        for p in (1.0, 2.0, 3.0, 4.0)
        for s in np.linspace(0.1, 2, 8)
    ]
    found = validate("learning_curve", Trials(tuple(rows)), "loss", replicates=20)
    assert found.num_groups == 4
    assert len(found.observed) == len(found.predicted) == 32


def test_published_runs_are_ranked_when_held_out():
    """Ye et al. 2024, a run of the final step each, and every step."""
    for metric in ("code_loss", "web_loss"):
        found = validate("mixing", published(steps=(30_000,)), metric, replicates=100)
        assert found.rank_correlation.value == 1
        assert found.relative_error.value < 0.01
    found = validate("d_cpt", published(), "code_loss", replicates=200)
    assert found.passes
    assert found.rank_correlation.value > 0.97
    assert found.relative_error.value < 0.01


def test_the_same_trials_make_the_same_validation():
    rows = [validate("mixing", mixtures(8), "domain_loss", replicates=50).row() for _ in "ab"]
    assert repr(rows[0]) == repr(rows[1])


def test_regression_has_no_rival_in_itself():
    assert validate("regression", mixtures(), "domain_loss").against_regression is None
    few = validate("mixing", mixtures(5), "domain_loss", replicates=20)
    assert few.against_regression is not None  # with the shares alone


def test_too_few_groups_are_refused():
    with pytest.raises(DataError, match="3 groups to hold out, and 4"):
        validate("mixing", mixtures(3, num_seeds=3), "domain_loss")
    with pytest.raises(DataError, match=r"4 parameters .* 3 different settings .* held out"):
        validate("mixing", mixtures(4, num_seeds=3), "domain_loss")


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12))
def test_ranks_are_those_of_scipy(pairs):
    stats = pytest.importorskip("scipy.stats")
    first, second = np.array(pairs, dtype=float).T
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert rank_correlation(first, second) == 0
    else:
        assert rank_correlation(first, second) == pytest.approx(
            stats.spearmanr(first, second).statistic, abs=1e-12
        )
