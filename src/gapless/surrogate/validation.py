"""Validation: what a law says of settings that it has not seen.

Each group (a setting with all its seeds; of a law of curves, a run with all its points) is left out
in turn, and predicted by the law fitted to the others. Errors and ranks are over points: a setting
with the mean over its seeds, so that seeds do not pass for settings. Intervals are by drawing
groups anew. Two rivals get the same folds: `regression`, and the mean of the trials that are left.
The mean has errors and no ranks: left-out means run against what is left out by construction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gapless.errors import DataError
from gapless.seeds import stream
from gapless.surrogate.estimates import Estimate, estimate
from gapless.surrogate.fitting import Cut, check_folds, cut_law, solve
from gapless.surrogate.laws import law_of
from gapless.surrogate.trials import Trials

_STARTS = 16

FEWEST_GROUPS = 4
"""Of fewer groups, ranks say nothing."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What a law must reach before anything is proposed by it."""

    rank_correlation: float = 0.7
    """The least on held-out points; the lower end of its interval must also be above 0."""
    level: float = 0.95
    """Of every interval of the validation."""

    def __str__(self) -> str:
        return (
            f"a held-out rank correlation of {self.rank_correlation:g} or more, "
            f"with the lower end of its {100 * self.level:g}% interval above 0"
        )


@dataclass(frozen=True, kw_only=True)
class Validation:
    """How a law did on held-out points."""

    law: str
    metric: str
    bar: Bar
    num_groups: int
    observed: np.ndarray
    """The means over seeds: shape (points,)."""
    predicted: np.ndarray
    """By the law fitted without the point's group: shape (points,)."""
    rank_correlation: Estimate
    """Spearman's."""
    relative_error: Estimate
    """Mean of |predicted - observed| / |observed|; of little use for changes about 0."""
    error: Estimate
    """Mean of |predicted - observed|, in the metric's units."""
    against_mean: Estimate
    """``error`` over that of the mean: below 1 is better."""
    against_regression: Estimate | None
    """The same over the regression; None for itself, or where it has too few trials."""

    @property
    def passes(self) -> bool:
        """Whether it reaches the bar."""
        enough = self.rank_correlation.value >= self.bar.rank_correlation
        return enough and self.rank_correlation.low > 0

    def row(self) -> dict[str, Any]:
        """Return the validation as a JSON object."""
        rival = self.against_regression
        return {
            "law": self.law,
            "metric": self.metric,
            "bar": str(self.bar),
            "passes": self.passes,
            "num_groups": self.num_groups,
            "observed": self.observed.tolist(),
            "predicted": self.predicted.tolist(),
            "rank_correlation": self.rank_correlation.row(),
            "relative_error": self.relative_error.row(),
            "error": self.error.row(),
            "against_mean": self.against_mean.row(),
            "against_regression": None if rival is None else rival.row(),
        }


def validate(
    law: str,
    trials: Trials,
    metric: str,
    *,
    base: float | None = None,
    bar: Bar | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> Validation:
    """Hold out every group in turn, and say how well a law predicts it.

    Raises:
        DataError: there are fewer than `FEWEST_GROUPS` groups, or without one of them fewer
            settings than parameters.

    """
    bar = bar or Bar()
    own = trials.with_metric(metric)
    groups = _groups(own, law)
    points = own.groups()
    observed = _means(own.values(metric), points)
    predicted = _means(_held_out(cut_law(law, own, metric, base=base), groups, seed), points)
    left = _means(_left_mean(own.values(metric), groups), points)
    rival = None if law == "regression" else _rival(own, metric, groups, seed)
    of_group = np.zeros(len(observed), dtype=np.int64)
    of_group[points] = groups
    generator = stream(seed, "surrogate", "validation", law, metric)
    counts = _counts(generator, of_group, replicates)
    errors = _errors(observed, predicted)
    relative = errors / np.maximum(np.abs(observed), 1e-300)
    return Validation(
        law=law,
        metric=metric,
        bar=bar,
        num_groups=int(groups.max()) + 1,
        observed=observed,
        predicted=predicted,
        rank_correlation=_ranked(observed, predicted, counts, bar.level),
        relative_error=_mean(relative, counts, bar.level),
        error=_mean(errors, counts, bar.level),
        against_mean=_ratio(errors, _errors(observed, left), counts, bar.level),
        against_regression=None
        if rival is None
        else _ratio(errors, _errors(observed, _means(rival, points)), counts, bar.level),
    )


def _groups(trials: Trials, law: str) -> np.ndarray:
    """Return the group of each trial: int64 (trials,)."""
    groups = trials.groups(along=law_of(law).along)
    count = int(groups.max()) + 1
    if count < FEWEST_GROUPS:
        raise DataError(
            f"the trials have {count} groups to hold out, and {FEWEST_GROUPS} are the fewest",
            mend="Run trials at more settings; seeds of one setting are one group.",
        )
    return groups


def _errors(observed: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return absolute errors; those of rounding are all the same, so that no ratio is of them."""
    least = 1e-9 * float(np.abs(observed).mean()) + 1e-12
    errors: np.ndarray = np.maximum(np.abs(predicted - observed), least)
    return errors


def _ranked(
    observed: np.ndarray, predicted: np.ndarray, counts: np.ndarray, level: float
) -> Estimate:
    drawn = [
        rank_correlation(np.repeat(observed, each), np.repeat(predicted, each)) for each in counts
    ]
    return estimate(rank_correlation(observed, predicted), np.array(drawn), level)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation, ties at their mean rank; 0 where one is constant."""
    ranks = [_ranks(first), _ranks(second)]
    a, b = (each - each.mean() for each in ranks)
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / size if size else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: np.ndarray = (ends - (counts - 1) / 2)[places]
    return ranks


def _held_out(cut: Cut, groups: np.ndarray, seed: int) -> np.ndarray:
    """Return predictions of each trial by a fit without its group: shape (trials,)."""
    check_folds(cut, groups)
    folds = np.arange(groups.max() + 1)
    ends = solve(cut, (groups != folds[:, None]).astype(np.float64), starts=_STARTS, seed=seed)
    every = cut.form.predict(ends.theta, cut.columns)
    held_out: np.ndarray = cut.base + every[groups, np.arange(len(groups))]
    return held_out


def _rival(trials: Trials, metric: str, groups: np.ndarray, seed: int) -> np.ndarray | None:
    try:
        return _held_out(cut_law("regression", trials, metric), groups, seed)
    except DataError:
        return None  # too few trials for it, which says nothing against the law


def _left_mean(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    sums, sizes = np.bincount(groups, weights=values), np.bincount(groups)
    left: np.ndarray = ((values.sum() - sums) / (len(values) - sizes))[groups]
    return left


def _means(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the means of values that share a place: shape (places,)."""
    means: np.ndarray = np.bincount(places, weights=values) / np.bincount(places)
    return means


def _counts(generator: np.random.Generator, of_group: np.ndarray, replicates: int) -> np.ndarray:
    """Return how often each point is there when groups are drawn: int64 (replicates, points)."""
    count = int(of_group.max()) + 1
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=replicates)
    of_point: np.ndarray = drawn[:, of_group]
    return of_point


def _mean(values: np.ndarray, counts: np.ndarray, level: float) -> Estimate:
    return estimate(values.mean(), counts @ values / counts.sum(axis=1), level)


def _ratio(own: np.ndarray, other: np.ndarray, counts: np.ndarray, level: float) -> Estimate:
    """Return the ratio of mean errors, of shape (points,) each."""
    return estimate(own.sum() / float(other.sum()), (counts @ own) / (counts @ other), level)


def refuse_below(validations: Sequence[Validation]) -> None:
    """Refuse laws that do not reach their bar.

    Raises:
        DataError: says each one's rank correlation, its interval, and the bar.

    """
    for each in validations:
        if not each.passes:
            raise DataError(
                f"the law {each.law!r} of {each.metric!r} ranks held-out trials with "
                f"{each.rank_correlation}, over {each.num_groups} groups; a proposal needs "
                f"{each.bar}",
                mend="Run more trials or more seeds, over wider settings, or fit another law.",
            )
