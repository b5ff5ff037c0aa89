"""How sure a number is: the paired bootstrap over a probe's items (Efron and Tibshirani 1993, 13).

A replicate draws each probe's items anew, with replacement, and uses the same draw at every point
of every arm: points of a run share their items, so the noise that they share leaves their
differences. Items stand for the texts or questions that the probe might have had; the noise of
training (another seed, another order) is not in these intervals.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gapless.analysis.curves import Curve, ProbeHistory
from gapless.analysis.gap import quantities
from gapless.records.measurements import mean_over_groups
from gapless.seeds import stream

_BATCH_WEIGHTS = 1 << 22
"""Weights drawn at once (32 MiB); the draws do not depend on it."""


@dataclass(frozen=True)
class Intervals:
    """Percentile intervals of one curve's numbers; (low, high) each."""

    gap: dict[str, tuple[float, float]]
    """Name of the quantity (see `Gap`) to its interval; ``inf`` for a recovery that never comes."""
    changes: np.ndarray
    """Interval of the change at every point by itself: shape (2, points)."""
    drop_is_real: bool
    """Whether the bottom is below the base beyond the noise of the worst of all points."""
    rebound_is_real: bool
    """Whether it is below the end in the same way; what is lowest by noise rises by itself."""


def replicate(history: ProbeHistory, *, replicates: int, seed: int) -> np.ndarray:
    """Return the probe's values with its items drawn anew: shape (replicates, points)."""
    values = [_values(history, weights) for weights in _weights(history, replicates, seed)]
    return np.concatenate(values)


def _values(history: ProbeHistory, weights: np.ndarray) -> np.ndarray:
    """Return the values at every point where items count ``weights`` times: (rows, points)."""
    if history.numerators.ndim == 2:
        values: np.ndarray = weights @ history.numerators.T / (weights @ history.denominators.T)
        return values
    # A group that no drawn item belongs to has no value in this replicate.
    return mean_over_groups(
        np.tensordot(weights, history.numerators, axes=(1, 1)),
        np.tensordot(weights, history.denominators, axes=(1, 1)),
    )


def _weights(history: ProbeHistory, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each item is drawn: shape (part of the replicates, items).

    Other items, of another run, are drawn independently.
    """
    which = (history.items,) if history.items else ()
    generator, num_items = stream(seed, "bootstrap", history.curve.name, *which), history.num_items
    rows = max(1, _BATCH_WEIGHTS // num_items)
    for begin in range(0, replicates, rows):
        size = min(rows, replicates - begin)
        equal = np.full(num_items, 1 / num_items)
        yield generator.multinomial(num_items, equal, size=size).astype(np.float64)


def replicated_changes(
    curve: Curve, histories: Sequence[ProbeHistory], *, replicates: int, seed: int
) -> np.ndarray | None:
    """Return a curve's changes over the base with items drawn anew: shape (replicates, points).

    The points are the curve's own, which each of its probes has among others. None when a probe has
    a single item: drawing it anew says nothing.
    """
    members = [
        history
        for history in histories
        if history.curve.metric == curve.metric and history.curve.name in curve.probes
    ]
    assert len(members) == len(curve.probes)
    if min(history.num_items for history in members) < 2:
        return None
    drawn = [
        replicate(history, replicates=replicates, seed=seed)[:, history.curve.places(curve.tokens)]
        for history in members
    ]
    values = np.mean(drawn, axis=0)
    sign = 1.0 if curve.higher_is_better else -1.0
    changes: np.ndarray = sign * (values - values[:, :1])
    return changes


def intervals(curve: Curve, changes: np.ndarray, *, level: float) -> Intervals:
    """Return the percentile intervals of a curve from the changes of its replicates."""
    return Intervals(
        gap={
            name: interval(values, level)
            for name, values in quantities(curve.tokens, changes).items()
        },
        changes=np.quantile(changes, [(1 - level) / 2, (1 + level) / 2], axis=0),
        drop_is_real=drop_is_real(curve.changes, changes, level=level),
        rebound_is_real=drop_is_real(
            curve.changes - curve.changes[-1], changes - changes[:, -1:], level=level
        ),
    )


def interval(values: np.ndarray, level: float) -> tuple[float, float]:
    """Return the percentile interval of replicates, some of which may be infinite."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return float(low), float(high)


def drop_is_real(changes: np.ndarray, replicated: np.ndarray, *, level: float) -> bool:
    """Whether the worst of ``changes`` is below 0 by more than the worst of all points is by noise.

    The depth's own interval cannot say: a minimum over noisy points is below 0 even where nothing
    dropped. Nor can the interval of the change at the bottom, a point chosen for being low. So the
    bound is one that holds at all points together: the largest standardised error over points
    (Westfall and Young 1993). False alarms, measured over 25 points of noise at a level of 95 %:
    3 % with 400 items, 4 % with 40, 8 % with 20.
    """
    drop, noise = worst_drop(changes, replicated)
    return bool(drop > np.quantile(noise, (1 + level) / 2))


def worst_drop(changes: np.ndarray, replicated: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the standardised drop at the bottom, and what noise makes of the worst of all points.

    In standard errors of the change at each point; the second, of shape (replicates,), is the
    largest of the points' standardised errors in each replicate, and 0 without any noise.
    """
    errors = replicated.std(axis=0)
    noisy = errors > 0
    bottom = int(changes.argmin())
    size = max(0.0, -float(changes[bottom]))
    drop = size / float(errors[bottom]) if noisy[bottom] else (np.inf if size else 0.0)
    if not noisy.any():
        return drop, np.zeros(len(replicated))
    noise: np.ndarray = ((changes[noisy] - replicated[:, noisy]) / errors[noisy]).max(axis=1)
    return drop, noise
