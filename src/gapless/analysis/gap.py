"""The stability gap of a curve: an early drop below the base model and the recovery from it.

Every quantity is of the curve's changes over the base, positive = better, with straight lines
between measured points. Formulas, a picture and the degenerate cases: ``docs/gap.md``.
"""

from dataclasses import dataclass

import numpy as np

from gapless.analysis.curves import Curve

NEVER = np.inf
"""Tokens to a recovery that does not come within the run."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The shape of one curve. Amounts are in the metric's unit, places in tokens seen."""

    depth: float
    """How far the worst point is below the base; 0 when none is."""
    tokens_to_bottom: int
    """Where the worst point is (the first of equals); 0 when none is below the base."""
    tokens_to_recovery: float | None
    """Where the curve first reaches the base again after the bottom; None: never; 0: no drop."""
    recovered: bool
    """Whether ``tokens_to_recovery`` is a number."""
    rebound: float
    """How much of the drop, and more, the last point has regained: final + depth."""
    area: float
    """Mean depth below the base over the run: integral of max(0, -change) / tokens of the run."""
    peak: float
    """The best change after the base; negative when no point reaches it."""
    tokens_to_peak: int
    """Where the peak is (the first of equals)."""
    final: float
    """The change at the last point."""


def measure_gap(curve: Curve) -> Gap:
    """Return the gap of a curve."""
    rows = quantities(curve.tokens, curve.changes[None])
    values = {name: float(row[0]) for name, row in rows.items()}
    recovery = values["tokens_to_recovery"]
    return Gap(
        depth=values["depth"],
        tokens_to_bottom=int(values["tokens_to_bottom"]),
        tokens_to_recovery=None if recovery == NEVER else recovery,
        recovered=recovery != NEVER,
        rebound=values["rebound"],
        area=values["area"],
        peak=values["peak"],
        tokens_to_peak=int(values["tokens_to_peak"]),
        final=values["final"],
    )


def quantities(tokens: np.ndarray, changes: np.ndarray) -> dict[str, np.ndarray]:
    """Return the numbers of a `Gap` for many curves at once: (curves, points) to (curves,) each.

    The first change is 0. ``tokens_to_recovery`` is ``NEVER`` where the base is not reached again.
    """
    bottom = changes.argmin(axis=1)
    depth = 0.0 - changes.min(axis=1)
    after_base = changes[:, 1:] if changes.shape[1] > 1 else changes
    peak_index = after_base.argmax(axis=1) + (1 if changes.shape[1] > 1 else 0)
    return {
        "depth": depth,
        "tokens_to_bottom": tokens[bottom],
        "tokens_to_recovery": _recovery(tokens, changes, bottom),
        "rebound": changes[:, -1] + depth,
        "area": _area(tokens, changes),
        "peak": after_base.max(axis=1),
        "tokens_to_peak": tokens[peak_index],
        "final": changes[:, -1],
    }


def _recovery(tokens: np.ndarray, changes: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Where each curve first crosses 0 after its bottom, on the line between two points."""
    curves, points = np.arange(len(changes)), np.arange(changes.shape[1])
    reached = (changes >= 0) & (points > bottom[:, None])
    right = np.maximum(reached.argmax(axis=1), 1) if changes.shape[1] > 1 else bottom
    left = np.maximum(right - 1, 0)
    below, above = changes[curves, left], changes[curves, right]
    rise = np.where(above > below, above - below, 1.0)
    crossing = tokens[left] + (tokens[right] - tokens[left]) * (-below / rise)
    crossing = np.where(reached.any(axis=1), crossing, NEVER)
    return np.where(changes[curves, bottom] < 0, crossing, 0.0)


def _area(tokens: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Integrate max(0, -change) exactly over straight lines, per token of the run."""
    below = np.maximum(0.0, -changes)
    left, right = below[:, :-1], below[:, 1:]
    crosses = changes[:, :-1] * changes[:, 1:] < 0
    # A line that crosses 0 is below it on the part deep / (deep + high) of its length.
    heights = np.abs(changes[:, :-1]) + np.abs(changes[:, 1:])
    part = np.where(crosses, (left + right) / np.where(crosses, heights, 1.0), 1.0)
    areas = (left + right) / 2 * part * np.diff(tokens)
    area: np.ndarray = areas.sum(axis=1) / max(1, int(tokens[-1]))
    return area
