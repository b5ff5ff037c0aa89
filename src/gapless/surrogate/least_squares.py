"""Robust least squares, many at once: Levenberg and Marquardt on bounded parameters.

The cost of a problem is the sum over rows of weight * rho(residual), and of half its pull times
each parameter's ridge and square. rho is Huber's (1964): r^2 / 2 up to ``delta``, and
delta |r| - delta^2 / 2 beyond. A step is Marquardt's (1963): normal equations with their diagonal
made larger, by less after a step that helps and by more after one that does not. Rows beyond
``delta`` count less in these equations, by delta / |r| (iterated re-weighting; Holland and Welsch
1977).

A batch is many problems of one form on the same rows, each with its own weights, delta and start: a
fold of a validation is a weight of 0, a replicate of a bootstrap is other weights. No problem's
answer depends on its neighbours.
"""

from dataclasses import dataclass

import numpy as np

from gapless.surrogate.forms import Form
from gapless.surrogate.trials import Columns

_MOST_NUMBERS = 1 << 22
"""Predictions made at once (32 MiB each)."""
_FLATTEST = 40.0
"""How far a free number goes on either side: exp(-40) is 4e-18."""


@dataclass(frozen=True)
class Problems:
    """A batch of problems: of one form, on the same rows."""

    form: Form
    columns: Columns
    values: np.ndarray
    """What is to be predicted: shape (rows,)."""
    weights: np.ndarray
    """Shape (problems, rows)."""
    delta: np.ndarray
    """From which residual on rows count less: shape (problems,)."""
    pull: np.ndarray
    """What ridges are multiplied by: shape (problems,)."""

    def part(self, chosen: np.ndarray | slice) -> "Problems":
        """Return some of the problems."""
        return Problems(
            self.form,
            self.columns,
            self.values,
            self.weights[chosen],
            self.delta[chosen],
            self.pull[chosen],
        )

    @property
    def ridge(self) -> np.ndarray:
        """What squares of parameters cost: shape (problems, parameters)."""
        ridge: np.ndarray = self.pull[:, None] * self.form.ridge
        return ridge


def to_free(form: Form, theta: np.ndarray) -> np.ndarray:
    """Return the free numbers of bounded parameters: shape (..., parameters) to the same.

    With two bounds the logit of the place between them, with a lower one the logarithm of the
    distance from it, with none the parameter itself.
    """
    low, high = form.low, form.high
    with np.errstate(all="ignore"):
        above = np.log(theta - low)
        between = above - np.log(high - theta)
    free = np.where(np.isfinite(high), between, np.where(np.isfinite(low), above, theta))
    return np.where(np.isfinite(low), np.clip(free, -_FLATTEST, _FLATTEST), free)


def from_free(form: Form, free: np.ndarray) -> np.ndarray:
    """Return the bounded parameters of free numbers: the inverse of `to_free`."""
    low, high = form.low, form.high
    bounded = np.where(np.isfinite(low), np.clip(free, -_FLATTEST, _FLATTEST), 0.0)
    both, one = np.isfinite(high), np.isfinite(low)
    with np.errstate(all="ignore"):
        between = low + (high - low) / (1 + np.exp(-bounded))
        above = low + np.exp(bounded)
    return np.where(both, between, np.where(one, above, free))


def minimise(
    problems: Problems, start: np.ndarray, *, iterations: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """Return parameters that minimise each problem, from its start, and the costs there.

    Shapes (problems, parameters) to the same, and (problems,). A problem whose start has no finite
    prediction keeps it, at a cost of inf.
    """
    size = max(1, _MOST_NUMBERS // (len(problems.values) * start.shape[1] * 2))
    theta, cost = np.empty(start.shape), np.empty(len(start))
    for begin in range(0, len(start), size):
        part = slice(begin, begin + size)
        theta[part], cost[part] = _minimise(problems.part(part), start[part], iterations)
    return theta, cost


def _minimise(
    problems: Problems, start: np.ndarray, iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    form = problems.form
    free = to_free(form, start)
    cost = _costs(problems, free)
    damping = np.full(len(start), 1e-2)
    active = np.flatnonzero(np.isfinite(cost))
    for _ in range(iterations):
        if not len(active):
            break
        own = problems.part(active)
        tried = free[active] + _step(own, free[active], damping[active])
        new = _costs(own, tried)
        better = new < cost[active]
        fall = np.where(better, cost[active] - new, np.inf)
        damping[active] *= np.where(better, 0.2, 5.0)
        free[active[better]] = tried[better]
        settled = (fall <= 1e-12 * cost[active]) | (damping[active] > 1e10)
        cost[active[better]] = new[better]
        damping[active] = np.maximum(damping[active], 1e-12)
        active = active[~settled]
    return from_free(form, free), cost


def _costs(problems: Problems, free: np.ndarray) -> np.ndarray:
    theta = from_free(problems.form, free)
    residuals = np.abs(problems.values - problems.form.predict(theta, problems.columns))
    delta = problems.delta[:, None]
    with np.errstate(all="ignore"):
        each = np.where(residuals <= delta, residuals**2 / 2, delta * residuals - delta**2 / 2)
        cost = (problems.weights * each).sum(axis=-1)
        cost += (problems.ridge * theta**2).sum(axis=-1) / 2
    return np.where(np.isfinite(cost), cost, np.inf)


def _step(problems: Problems, free: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """Return the step of each problem: shape (problems, parameters)."""
    form = problems.form
    theta = from_free(form, free)
    residuals = problems.values - form.predict(theta, problems.columns)
    with np.errstate(all="ignore"):
        less = np.minimum(1.0, problems.delta[:, None] / np.abs(residuals))
    weights = problems.weights * np.where(residuals == 0, 1.0, less)
    slopes = _slopes(problems, free)
    weighted = slopes * weights[:, None, :]
    normal = weighted @ slopes.transpose(0, 2, 1)
    downhill = (weighted @ residuals[:, :, None])[:, :, 0] - problems.ridge * theta
    diagonal = np.arange(free.shape[1])
    normal[:, diagonal, diagonal] += problems.ridge
    size = normal[:, diagonal, diagonal]
    # A parameter that nothing depends on here stays where it is.
    normal[:, diagonal, diagonal] += damping[:, None] * size + 1e-12 * size.max(1, keepdims=True)
    normal[:, diagonal, diagonal] += 1e-300
    step: np.ndarray = np.linalg.solve(normal, downhill[:, :, None])[:, :, 0]
    limit = 5.0 + np.abs(free)
    clipped: np.ndarray = np.clip(step, -limit, limit)
    return clipped


def _slopes(problems: Problems, free: np.ndarray) -> np.ndarray:
    """Return what each free number does to each row: (problems, parameters, rows).

    By central differences, whose error is of the order of the square of the width.
    """
    form = problems.form
    width = 1e-5 * (1 + np.abs(free))
    nudges = width[:, :, None] * np.eye(free.shape[1])
    above = form.predict(from_free(form, free[:, None, :] + nudges), problems.columns)
    below = form.predict(from_free(form, free[:, None, :] - nudges), problems.columns)
    with np.errstate(all="ignore"):
        slopes = (above - below) / (2 * width[:, :, None])
    return np.where(np.isfinite(slopes), slopes, 0.0)


def solve_linear(problems: Problems, theta: np.ndarray) -> np.ndarray:
    """Return ``theta`` with its linear parameters by weighted least squares, inside their bounds.

    Shape (problems, parameters) to the same.
    """
    form = problems.form
    places = np.flatnonzero(form.linear)
    if not len(places):
        return theta
    found = theta.copy()
    found[:, places] = 0.0
    rest = form.predict(found, problems.columns)
    units = np.repeat(found[:, None, :], len(places), axis=1)
    units[:, np.arange(len(places)), places] = 1.0
    basis = form.predict(units, problems.columns) - rest[:, None, :]
    size = np.sqrt((basis**2).sum(axis=2, keepdims=True)) + 1e-300
    basis = np.nan_to_num(basis / size)
    weighted = basis * problems.weights[:, None, :]
    normal = weighted @ basis.transpose(0, 2, 1)
    normal += 1e-8 * np.eye(len(places)) * problems.weights.sum(axis=1)[:, None, None]
    target = (weighted @ np.nan_to_num(problems.values - rest)[:, :, None])[:, :, 0]
    scaled = np.linalg.solve(normal, target[:, :, None])[:, :, 0]
    # A bound may cut a term off: it begins small instead.
    least = form.low[places] + 1e-2 * np.ptp(problems.values) / size[:, :, 0]
    most = form.high[places]
    found[:, places] = np.clip(scaled / size[:, :, 0], least, np.where(most > least, most, least))
    return found
