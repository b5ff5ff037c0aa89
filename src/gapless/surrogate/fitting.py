"""Fitting a law: robust least squares from many starts.

Residuals are plain, in the metric's units: a trial's outcome may be a change about 0, which has no
logarithm, and losses of one sweep are so alike that their logarithms would say the same. They are
Huber's beyond 1.345 of their robust standard deviation (95 % as efficient as least squares where
nothing is wrong; Huber 1981, section 4.5), so that a run that went astray does not bend the law.
That deviation is 1.4826 times the median of |residual|, times sqrt(n / (n - p)); it is found in
rounds, beginning from a tenth of the outcomes' own.

Every trial weighs the same: see `Outcome.standard_error`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gapless.errors import DataError
from gapless.seeds import stream
from gapless.surrogate.forms import Form, varies
from gapless.surrogate.laws import law_of
from gapless.surrogate.least_squares import Problems, minimise, solve_linear
from gapless.surrogate.trials import DOMAIN_SHARE, SHARE, Columns, Trials

STARTS = 32
_EFFICIENT = 1.345
_ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A law with its parameters, fitted to a metric of trials."""

    law: str
    metric: str
    form: Form
    theta: np.ndarray
    """Shape (parameters,), in the form's units."""
    base: float
    """What a prediction adds to the formula: the base model's value for a law of changes, or 0."""
    residuals: np.ndarray
    """What each trial came to, less its prediction: shape (trials,)."""
    scale: float
    """Robust standard deviation of the residuals."""
    num_starts: int
    agreeing: int
    """How many starts ended in the same predictions as the best, to a thousandth of the outcomes'
    range. One alone is a sign that there may be a better end."""
    unread: tuple[str, ...]
    """Settings that differ between trials and that the law does not read."""
    at_bounds: tuple[str, ...]
    """Parameters that ended at a bound: the trials do not say what they are."""

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters by name."""
        return self.form.named(self.theta)

    def predict(self, columns: Columns) -> np.ndarray:
        """Return the metric at settings: shape (rows,)."""
        return self.base + self.form.predict(self.theta, columns)

    def row(self) -> dict[str, Any]:
        """Return the fit as a JSON object."""
        return {
            "law": self.law,
            "metric": self.metric,
            "parameters": self.parameters,
            "units": dict(self.form.units),
            "base": self.base,
            "residuals": self.residuals.tolist(),
            "scale": self.scale,
            "num_starts": self.num_starts,
            "agreeing": self.agreeing,
            "unread": list(self.unread),
            "at_bounds": list(self.at_bounds),
        }


def fit(
    law: str,
    trials: Trials,
    metric: str,
    *,
    base: float | None = None,
    starts: int = STARTS,
    seed: int = 0,
) -> Fit:
    """Fit a law to a metric of the trials that have it.

    Args:
        law: a name in `LAWS`.
        trials: see `Trials`.
        metric: a key of their outcomes.
        base: the base model's value of it, for a law of changes.
        starts: how many starting points, from the stream of the law's name.
        seed: of that stream.

    Raises:
        DataError: the law is not known; a setting that it needs is missing; there are fewer
            different settings than parameters; nothing finite was found.

    """
    cut = cut_law(law, trials, metric, base=base)
    weights = np.ones((1, len(cut.values)))
    ends = solve(cut, weights, starts=starts, seed=seed)
    theta = ends.theta[0]
    predicted = cut.form.predict(theta, cut.columns)
    return Fit(
        law=law,
        metric=metric,
        form=cut.form,
        theta=theta,
        base=cut.base,
        residuals=cut.values - predicted,
        scale=float(ends.scale[0]),
        num_starts=ends.num_starts,
        agreeing=int(ends.agreeing[0]),
        unread=_unread(cut.form, cut.columns, trials.domain),
        at_bounds=_at_bounds(cut.form, theta),
    )


@dataclass(frozen=True)
class Cut:
    """A law's form, and the rows that it is fitted to."""

    law: str
    form: Form
    columns: Columns
    values: np.ndarray
    """What the form predicts: shape (trials,)."""
    base: float


def cut_law(law: str, trials: Trials, metric: str, *, base: float | None = None) -> Cut:
    """Return a law's form for the trials that have a metric, and their columns and values."""
    own = trials.with_metric(metric)
    columns = own.columns()
    known = law_of(law)
    if known.of_changes and base is None:
        raise DataError(
            f"the law {law!r} is of changes over the base model, and the base is not given",
            mend=f"Give the base model's value of {metric!r}.",
        )
    added = base if known.of_changes and base is not None else 0.0
    form = known.cut(columns)
    _check_count(law, form, columns, np.ones(len(own), dtype=bool))
    return Cut(law, form, columns, own.values(metric) - added, added)


def _check_count(
    law: str, form: Form, columns: Columns, chosen: np.ndarray, *, left_out: str = ""
) -> None:
    settings = len({*zip(*(columns[name][chosen].tolist() for name in form.reads), strict=True)})
    if settings < len(form.parameters):
        raise DataError(
            f"the law {law!r} has {len(form.parameters)} parameters here, and the trials have "
            f"{settings} different settings of {', '.join(form.reads)}{left_out}",
            mend="Run more trials at other settings (more seeds of the same do not help), or fit "
            "a law with fewer parameters.",
        )


def check_folds(cut: Cut, groups: np.ndarray) -> None:
    """Refuse groups of which one cannot be left out: the rest would be fewer than parameters."""
    for group in range(groups.max() + 1):
        _check_count(
            cut.law, cut.form, cut.columns, groups != group, left_out=" when one is held out"
        )


@dataclass(frozen=True)
class Ends:
    """Where the best start of each problem ended."""

    theta: np.ndarray
    """Shape (problems, parameters)."""
    scale: np.ndarray
    """Robust standard deviations: shape (problems,)."""
    agreeing: np.ndarray
    """Starts that ended like it: shape (problems,)."""
    num_starts: int


def solve(cut: Cut, weights: np.ndarray, *, starts: int, seed: int) -> Ends:
    """Fit the form once for each row of weights: shape (problems, trials).

    Raises:
        DataError: a problem has no finite end.

    """
    form, count = cut.form, len(weights)
    begins = _begins(cut.law, form, 1 if form.linear.all() else starts, seed)
    each = len(begins)
    many = problems_of(
        cut, np.repeat(weights, each, axis=0), np.full(count * each, 0.1 * _spread(cut.values))
    )
    start = solve_linear(many, np.tile(begins, (count, 1)))
    theta, cost = minimise(many, start)
    theta, cost = theta.reshape(count, each, -1), cost.reshape(count, each)
    best = cost.argmin(axis=1)
    if not np.isfinite(cost.min(axis=1)).all():
        raise DataError(f"the law {cut.law!r} has no finite prediction of these trials")
    ahead = theta[np.arange(count), best]
    agreeing = _agreeing(cut, theta, ahead)
    for _ in range(_ROUNDS):
        ahead, _ = minimise(problems_of(cut, weights, _scales(cut, ahead, weights)), ahead)
    return Ends(ahead, _scales(cut, ahead, weights), agreeing, each)


def problems_of(cut: Cut, weights: np.ndarray, scale: np.ndarray) -> Problems:
    """Return problems whose residuals have a standard deviation of ``scale``: (problems,)."""
    spread = _spread(cut.values)
    relative = np.maximum(scale / spread, 1e-9)
    delta = _EFFICIENT * relative * spread
    return Problems(cut.form, cut.columns, cut.values, weights, delta, relative**2)


def _begins(law: str, form: Form, starts: int, seed: int) -> np.ndarray:
    """Return starting points: the middle of every range first, then drawn. (starts, parameters)."""
    drawn = stream(seed, "surrogate", "starts", law).random((starts, len(form.parameters)))
    drawn[0] = 0.5
    begins = np.zeros_like(drawn)
    for place, parameter in enumerate(form.parameters):
        low, high = parameter.start
        if parameter.linear:
            continue
        if low > 0 and high / low >= 10:
            begins[:, place] = low * (high / low) ** drawn[:, place]
        else:
            begins[:, place] = low + (high - low) * drawn[:, place]
    return begins


def _agreeing(cut: Cut, theta: np.ndarray, best: np.ndarray) -> np.ndarray:
    every = cut.form.predict(theta, cut.columns)
    apart = np.abs(every - cut.form.predict(best, cut.columns)[:, None, :]).max(axis=2)
    agreeing: np.ndarray = (apart <= 1e-3 * np.ptp(cut.values) + 1e-12).sum(axis=1)
    return agreeing


def _spread(values: np.ndarray) -> float:
    """Return the outcomes' own deviation, robust where that is not 0, and never 0."""
    robust = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    return robust or float(values.std()) or max(float(np.abs(values).max()), 1e-12)


def _scales(cut: Cut, theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return robust standard deviations: parameters (problems, parameters) to (problems,)."""
    sizes = np.abs(cut.values - cut.form.predict(theta, cut.columns))
    order = np.argsort(sizes, axis=1, kind="stable")
    below = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    middle = (below < below[:, -1:] / 2).sum(axis=1, keepdims=True)
    medians = np.take_along_axis(np.take_along_axis(sizes, order, axis=1), middle, axis=1)[:, 0]
    count = (weights > 0).sum(axis=1)
    free = np.maximum(count - len(cut.form.parameters), 1)
    scales: np.ndarray = 1.4826 * medians * np.sqrt(count / free)
    return scales


def _unread(form: Form, columns: Columns, domain: Sequence[str]) -> tuple[str, ...]:
    read = set(form.reads)
    shares = {name for name in columns if name.startswith(SHARE)}
    if DOMAIN_SHARE in read:
        sides = [name.removeprefix(SHARE) in domain for name in shares]
        # The domain's share says all about two sources, and not about three.
        if sides.count(True) <= 1 and sides.count(False) <= 1:
            read |= shares
    if any(name in read for name in shares):
        read |= shares | {DOMAIN_SHARE}
    return tuple(name for name in columns if name not in read and varies(columns[name]))


def _at_bounds(form: Form, theta: np.ndarray) -> tuple[str, ...]:
    found = []
    for parameter, value in zip(form.parameters, theta, strict=True):
        width = parameter.high - parameter.low
        if np.isfinite(width) and not (1e-3 * width < value - parameter.low < width - 1e-3 * width):
            found.append(parameter.name)
    return tuple(found)
