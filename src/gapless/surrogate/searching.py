"""Searching the convex hull of what was tried.

A point is the weights of the trials' settings (corners), so that no step can leave the hull. From
corners, middles of two and drawn points, the best go on by moving weight between corners where that
helps, by smaller and smaller amounts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from gapless.seeds import stream
from gapless.surrogate.trials import (
    DOMAIN_SHARE,
    SHARE,
    Columns,
    Setting,
    Trials,
    with_domain_share,
)

_DRAWN = 2000
_CLIMBS = 6
_LEAST = 1e-7
"""Of the range of gains: a move that helps by less is none."""
_MIXED = 32
"""Mixtures of two moves that are tried of each origin."""
_FINEST = 2.0**-16
_MOST_MOVES = 100
"""Of one size; each helps, so this only bounds the time."""


@dataclass(frozen=True)
class Space:
    """What is free, what is given, and the corners."""

    names: tuple[str, ...]
    """The free numbers."""
    corners: np.ndarray
    """Different settings of the trials, scaled: shape (corners, names)."""
    bends: frozenset[str]
    """Columns that are scaled by their logarithm."""
    given: Mapping[str, Setting]
    levels: tuple[Mapping[str, str], ...]
    """Combinations of the free names that trials have."""
    domain: tuple[str, ...]

    def scaled(self, name: str, values: np.ndarray) -> np.ndarray:
        """Return a column as the hull is made of it."""
        return np.log(values) if name in self.bends else values

    def columns(self, weights: np.ndarray, level: Mapping[str, str]) -> dict[str, np.ndarray]:
        """Return the settings of points: weights (points, corners) to columns of (points,)."""
        points = weights @ self.corners
        made = {
            name: np.exp(points[:, i]) if name in self.bends else points[:, i]
            for i, name in enumerate(self.names)
        }
        made |= {
            name: np.full(len(points), value)
            if isinstance(value, str)
            else np.full(len(points), float(value))
            for name, value in {**self.given, **level}.items()
        }
        return with_domain_share(made, self.domain)


def space_of(trials: Trials, reads: set[str], given: Mapping[str, Setting]) -> Space:
    """Return the space of the settings that laws read, and of all shares, without the given."""
    columns = trials.columns()
    shares = [name for name in columns if name.startswith(SHARE)]
    wanted = (reads | set(shares)) - (set(given) | ({DOMAIN_SHARE} if shares else set()))
    names = [name for name in columns if name in wanted and columns[name].dtype.kind == "f"]
    words = [name for name in columns if name in wanted and columns[name].dtype.kind != "f"]
    bends = frozenset(
        name
        for name, values in columns.items()
        if values.dtype.kind == "f"
        and values.min() > 0
        and name != DOMAIN_SHARE
        and not name.startswith(SHARE)
    )
    tried = [np.log(columns[name]) if name in bends else columns[name] for name in names]
    corners = np.stack(tried, axis=1) if tried else np.zeros((1, 0))
    levels = product(*(sorted(set(columns[name].tolist())) for name in words))
    return Space(
        names=tuple(names),
        corners=np.unique(corners, axis=0),
        bends=bends,
        given=given,
        levels=tuple(dict(zip(words, level, strict=True)) for level in levels),
        domain=trials.domain,
    )


@dataclass(frozen=True)
class Found:
    """The best point."""

    point: Columns
    """One row."""
    gain: float
    excess: float
    """Forgetting above the bound; 0 where the bound is kept."""


Measure = Callable[[Columns], np.ndarray]
Measured = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Weights of corners (points, corners) to gains and to forgetting above the bound: (points,)."""


def search(
    space: Space, gain: Measure, forgetting: Measure, *, most_forgetting: float, seed: int
) -> Found:
    """Return the point of most gain within the bound, or that of least forgetting above it."""
    candidates = _candidates(len(space.corners), seed)
    best: Found | None = None
    for level in space.levels:

        def measured(
            weights: np.ndarray, level: Mapping[str, str] = level
        ) -> tuple[np.ndarray, np.ndarray]:
            """Measure points; what is not finite is as bad as can be."""
            x = space.columns(weights, level)
            gains, above = gain(x), forgetting(x) - most_forgetting
            finite = np.isfinite(gains) & np.isfinite(above)
            return np.where(finite, gains, -np.inf), np.where(finite, above, np.inf)

        gains, above = measured(candidates)
        finite = gains[np.isfinite(gains)]
        least = _LEAST * float(np.ptp(finite)) if len(finite) else 0.0
        order = _worst_first(gains, above)
        for place in order[::-1][:_CLIMBS]:
            weights = _climb(candidates[place], measured, least)
            gains, above = measured(weights[None])
            excess = max(0.0, float(above[0]))
            found = Found(space.columns(weights[None], level), float(gains[0]), excess)
            if best is None or (-found.excess, found.gain) > (-best.excess, best.gain):
                best = found
    assert best is not None
    return best


def _worst_first(gains: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Return the order of points: less forgetting above the bound is better, then more gain."""
    order: np.ndarray = np.lexsort((gains, -np.maximum(above, 0.0)))
    return order


def _candidates(num_corners: int, seed: int) -> np.ndarray:
    """Return weights of corners, of middles of two, and drawn: (candidates, corners)."""
    corners = np.eye(num_corners)
    first, second = np.triu_indices(num_corners, 1)
    middles = (corners[first] + corners[second]) / 2
    generator = stream(seed, "surrogate", "search")
    # Of few corners each, so that points near the faces are among them, not only the middle.
    drawn = generator.dirichlet(np.full(num_corners, 1.5 / num_corners), size=_DRAWN)
    drawn[drawn < 1e-2] = 0.0
    drawn /= drawn.sum(axis=1, keepdims=True)
    return np.concatenate([corners, middles[:_DRAWN], drawn])


def _climb(weights: np.ndarray, measured: Measured, least: float) -> np.ndarray:
    """Move weight as long as that helps by ``least``, in smaller and smaller amounts."""
    gains, above = measured(weights[None])
    merit = (-max(0.0, float(above[0])), float(gains[0]))
    amount = 1.0
    while amount >= _FINEST:
        for _ in range(_MOST_MOVES):
            tried = _moved(weights, amount, measured)
            gains, above = measured(tried)
            place = _worst_first(gains, above)[-1]
            better = (-max(0.0, float(above[place])), float(gains[place]))
            if better <= (merit[0], merit[1] + least):
                break
            weights, merit = tried[place], better
        amount /= 2
    return weights


def _moved(weights: np.ndarray, amount: float, measured: Measured) -> np.ndarray:
    """Return where weight may move: shape (moves, corners).

    From a corner, or from all in proportion, to another; and to two at once, one on either side of
    the bound, in such parts that the point is about on it. Without the latter a climb stops where
    it first meets the bound.
    """
    count = len(weights)
    origins = np.concatenate([weights[None], np.eye(count)[weights > 0]])
    most = np.concatenate([[1.0], weights[weights > 0]])
    steps = np.minimum(amount, most)[:, None]
    left = np.maximum(weights - steps * origins, 0.0)
    singles = left[:, None, :] + steps[:, :, None] * np.eye(count)
    gains, above = measured(singles.reshape(-1, count))
    pairs = zip(singles, gains.reshape(-1, count), above.reshape(-1, count), strict=True)
    return np.concatenate([singles.reshape(-1, count), *(_on_the_bound(*each) for each in pairs)])


def _on_the_bound(points: np.ndarray, gains: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Return mixtures of a point within the bound and one above it, the most promising."""
    within = np.flatnonzero(above <= 0)
    beyond = np.flatnonzero((above > 0) & np.isfinite(above))
    low, high = (each.ravel() for each in np.meshgrid(within, beyond))
    part = above[high] / (above[high] - above[low])
    hoped = part * gains[low] + (1 - part) * gains[high]
    chosen = np.argsort(-hoped, kind="stable")[:_MIXED]
    low, high, part = low[chosen], high[chosen], part[chosen, None]
    # The bound bends: some are kept on its near side.
    return np.concatenate(
        [
            kept * points[low] + (1 - kept) * points[high]
            for kept in (part + aside * (1 - part) for aside in (0.0, 0.01, 0.1))
        ]
    )
