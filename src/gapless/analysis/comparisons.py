"""Arms side by side: the difference of each quantity, with the arms' items drawn together.

A row, one for each pair of arms, role or probe, and metric:

    arm, against, kind, name, role, metric, higher_is_better
    differences      {quantity: {value, low, high}}: arm minus against, in the metric's unit
    is_real          {quantity: bool}: its interval excludes 0

Both arms answer the same items, so what is hard for both leaves the difference: an interval here is
narrower than the two arms' own intervals suggest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from gapless.analysis.bootstrap import interval
from gapless.analysis.curves import Curve
from gapless.analysis.gap import quantities
from gapless.errors import RunError

COMPARED = ("final", "peak", "depth", "area", "rebound")
"""Quantities whose difference is an amount; places in the run can be infinite."""


@dataclass(frozen=True)
class Replicated:
    """One arm's curve and the changes of its replicates."""

    arm: str
    curve: Curve
    changes: np.ndarray | None
    """Shape (replicates, points); None when a probe has a single item."""
    num_items: dict[str, int]
    """Probe to its number of items."""


def compare(curves: Sequence[Replicated], *, level: float) -> list[dict[str, Any]]:
    """Compare every pair of arms on every curve that both have, the later with the earlier one.

    Raises:
        RunError: two arms answered different items of one probe.

    """
    return [_row(arm, against, level) for arm, against in pairs(curves)]


def pairs(curves: Sequence[Replicated]) -> list[tuple[Replicated, Replicated]]:
    """Return every pair of arms on every curve that both have, the later one first."""
    groups: dict[tuple[str, str, str], list[Replicated]] = {}
    for curve in curves:
        key = (curve.curve.kind, curve.curve.name, curve.curve.metric)
        groups.setdefault(key, []).append(curve)
    return [
        (second, first) for members in groups.values() for first, second in combinations(members, 2)
    ]


def _row(arm: Replicated, against: Replicated, level: float) -> dict[str, Any]:
    if arm.num_items != against.num_items:
        what = f"the arms {against.arm!r} and {arm.arm!r} did not measure the same items"
        where = f"{arm.curve.kind} {arm.curve.name}, {arm.curve.metric}"
        raise RunError(what, where=where, mend="Delete one arm's folder and run it again.")
    value = _differences(arm.curve.changes[None], against.curve.changes[None], arm, against)
    ends: dict[str, tuple[float, float]] = {}
    if arm.changes is not None and against.changes is not None:
        drawn = _differences(arm.changes, against.changes, arm, against)
        ends = {name: interval(drawn[name], level) for name in COMPARED}
    return {
        "arm": arm.arm,
        "against": against.arm,
        "kind": arm.curve.kind,
        "name": arm.curve.name,
        "role": arm.curve.role,
        "metric": arm.curve.metric,
        "higher_is_better": arm.curve.higher_is_better,
        "differences": {
            name: {
                "value": float(value[name][0]),
                "low": ends[name][0] if ends else None,
                "high": ends[name][1] if ends else None,
            }
            for name in COMPARED
        },
        "is_real": {name: low > 0 or high < 0 for name, (low, high) in ends.items()},
    }


def _differences(
    changes: np.ndarray, other: np.ndarray, arm: Replicated, against: Replicated
) -> dict[str, np.ndarray]:
    mine = quantities(arm.curve.tokens, changes)
    theirs = quantities(against.curve.tokens, other)
    return {name: mine[name] - theirs[name] for name in COMPARED}
