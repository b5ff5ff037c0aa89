import numpy as np
from surrogate_worlds import domain_loss, mixtures, trial

from gapless.surrogate import fit
from gapless.surrogate.replicates import drawn_weights, replicated
from gapless.surrogate.trials import Trials


def test_a_setting_and_a_run_weigh_as_one():
    weights = drawn_weights(mixtures(4, num_seeds=2), ("mixing",), replicates=500, seed=0)
    assert weights.shape == (500, 8)
    np.testing.assert_array_equal(weights[:, ::2], weights[:, 1::2])
    np.testing.assert_allclose(weights.sum(axis=1), 8)
    assert weights.min() > 0
    assert len(np.unique(weights[0])) == 4
    points = Trials(tuple(trial({"peak": p, "forward_area": s}) for p in (1, 2) for s in (1, 2)))
    for laws, different in (("regression",), 4), (("regression", "learning_curve"), 2):
        drawn = drawn_weights(points, laws, replicates=1, seed=0)
        assert len(np.unique(drawn)) == different


def test_even_weights_move_nothing_and_uneven_ones_about_as_much_as_noise():
    trials = mixtures()
    found = fit("mixing", trials, "domain_loss")
    columns = trials.columns()
    same, wider = replicated(found, trials, columns, np.ones((1, 24)))
    np.testing.assert_allclose(same[0], found.predict(columns), rtol=1e-6)
    assert wider == np.sqrt(24 / 20)
    weights = drawn_weights(trials, ("mixing",), replicates=200, seed=0)
    errors = replicated(found, trials, columns, weights)[0].std(axis=0)
    assert 0.2 * found.scale < errors.mean() < found.scale
    law, web = columns["share/law"], columns["share/web"]
    assert np.abs(found.predict(columns) - domain_loss(law, web)).max() < 4 * errors.max()


def test_trials_without_the_metric_are_left_out():
    trials = mixtures()
    found = fit("mixing", trials, "domain_loss")
    more = Trials((trial(trials.rows[0].settings, other=1.0), *trials.rows))
    values, _ = replicated(found, more, trials.columns(), np.ones((1, 25)))
    np.testing.assert_allclose(values[0], found.predict(trials.columns()), rtol=1e-6)
