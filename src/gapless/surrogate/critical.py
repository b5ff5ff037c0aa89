"""The critical ratio: how much domain text general loss stands (Gu et al. 2024)."""

import numpy as np

from gapless.surrogate.estimates import Estimate, estimate
from gapless.surrogate.fitting import Fit
from gapless.surrogate.replicates import drawn_weights, replicated
from gapless.surrogate.trials import DOMAIN_SHARE, Trials

_SHARES = np.linspace(0.0, 1.0, 1001)


def critical_ratio(
    fit: Fit,
    trials: Trials,
    *,
    tokens: float | None = None,
    tolerance: float = 0.0,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return the largest domain share at which general loss rises by ``tolerance`` at most.

    0 where every share makes it rise by more, 1 where none does.

    Args:
        fit: of the law ``critical_ratio``.
        trials: those that it was fitted to.
        tokens: the length of the run, where the trials differ in it.
        tolerance: in the metric's units.
        replicates: refits for the interval (`drawn_weights`).
        level: of the interval.
        seed: of the stream that draws the weights.

    """
    assert fit.law == "critical_ratio"
    own = trials.with_metric(fit.metric)
    weights = drawn_weights(own, (fit.law,), replicates=replicates, seed=seed)
    x = {DOMAIN_SHARE: _SHARES}
    if "tokens" in fit.form.reads:
        assert tokens is not None, "the law reads tokens"
        x["tokens"] = np.full(len(_SHARES), float(tokens))
    values = np.concatenate([fit.predict(x)[None], replicated(fit, own, x, weights)[0]])
    ratios = np.array([_crossing(each - fit.base - tolerance) for each in values])
    return estimate(ratios[0], ratios[1:], level)


def _crossing(excess: np.ndarray) -> float:
    """Return the share at which a change that grows with it passes 0."""
    above = np.flatnonzero(excess > 0)
    if not len(above):
        return 1.0
    place = int(above[0])
    if place == 0:
        return 0.0
    before, after = excess[place - 1], excess[place]
    return float(_SHARES[place] - (_SHARES[1]) * after / (after - before))
