"""Replicates: how far a law moves when its trials weigh differently."""

from collections.abc import Sequence

import numpy as np

from gapless.seeds import stream
from gapless.surrogate.fitting import Cut, Fit, problems_of
from gapless.surrogate.laws import law_of
from gapless.surrogate.least_squares import minimise
from gapless.surrogate.trials import Columns, Trials


def drawn_weights(trials: Trials, laws: Sequence[str], *, replicates: int, seed: int) -> np.ndarray:
    """Return weights of the Bayesian bootstrap (Rubin 1981): shape (replicates, trials).

    A setting's trials get one weight together, and so do the points of a run, for ``laws`` of
    curves: exponential, of mean 1. Settings drawn with replacement would leave a design of few
    trials with fewer settings than parameters; here each keeps some weight.
    """
    groups = trials.groups(along=frozenset().union(*(law_of(law).along for law in laws)))
    count = int(groups.max()) + 1
    drawn = stream(seed, "surrogate", "weights", *laws).exponential(size=(replicates, count))
    drawn *= count / drawn.sum(axis=1, keepdims=True)
    weights: np.ndarray = drawn[:, groups]
    return weights


def replicated(
    found: Fit, trials: Trials, columns: Columns, weights: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the metric at settings by refits: weights (replicates, trials) to (replicates, rows).

    Also what replicates were widened by: sqrt(n / (n - p)), for n settings and p parameters, about
    the fit's own prediction. A law of many parameters is near its trials whatever their weights, so
    that refits alone are too much alike. Measured on the mixing law of three sources, over 100
    worlds each: intervals of 95 % hold the truth in 86 % with 10 settings, in 88 % with 12 of two
    seeds, in 93 % with 24; without the widening, over 150, in 78 %, 81 % and 88 %.

    Args:
        found: the fit.
        trials: those that the fit was made of; others that lack its metric may be among them.
        columns: the settings.
        weights: see `drawn_weights`.

    The scale of the fit is kept: what is looked for is how far the law moves.

    """
    has = np.array([found.metric in trial.outcomes for trial in trials])
    own = trials.with_metric(found.metric)
    assert len(own) == len(found.residuals), "the trials are those of the fit"
    values = own.values(found.metric) - found.base
    cut = Cut(found.law, found.form, own.columns(), values, found.base)
    problems = problems_of(cut, weights[:, has], np.full(len(weights), found.scale))
    theta, _ = minimise(problems, np.tile(found.theta, (len(weights), 1)))
    settings = int(own.groups().max()) + 1
    wider = float(np.sqrt(settings / max(1, settings - len(found.theta))))
    middle = found.predict(columns)
    return middle + wider * (found.base + found.form.predict(theta, columns) - middle), wider
