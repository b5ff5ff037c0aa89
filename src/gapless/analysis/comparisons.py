"""Arms side by side: the difference of each quantity, with the arms' items drawn together.

A row, one for each pair of arms, role or probe, and metric:

    arm, against, kind, name, role, metric, higher_is_better
    differences      {quantity: {value, low, high}}: arm minus against, in the metric's unit
    is_real          {quantity: bool}: its interval excludes 0

Both arms answer the same items, so what is hard for both leaves the difference: an interval here is
narrower than the two arms' own intervals suggest. Arms of several runs may have answered other
items of a probe; those are drawn independently, and the interval is as wide as that makes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    items: Mapping[str, str] = field(default_factory=dict)
    """Probe to which items they are (see `ProbeHistory`)."""
    flops: np.ndarray | None = None
    """Operations of training until each point: float64, shape (points,); None: not known."""

    def has_items_of(self, other: "Replicated") -> bool:
        """Whether both answered the same items, so that they were drawn together.

        Raises:
            RunError: the numbers of items say otherwise.

        """
        if dict(self.items) != dict(other.items):
            return False
        if self.num_items == other.num_items:
            return True
        what = f"the arms {other.arm!r} and {self.arm!r} did not measure the same items"
        where = f"{self.curve.kind} {self.curve.name}, {self.curve.metric}"
        raise RunError(what, where=where, mend="Delete one arm's folder and run it again.")


def compare(curves: Sequence[Replicated], *, level: float) -> list[dict[str, Any]]:
    """Compare every pair of arms on every curve that both have, the later with the earlier one.

    Raises:
        RunError: two arms answered different items of one probe.

    """
    return [_row(arm, against, level) for arm, against in pairs(curves)]


def pairs(curves: Sequence[Replicated]) -> list[tuple[Replicated, Replicated]]:
    """Return every pair of arms on every curve that both have, the later one first."""
    return [
        (second, first)
        for members in by_curve(curves)
        for first, second in combinations(members, 2)
    ]


def by_curve(curves: Sequence[Replicated]) -> list[list[Replicated]]:
    """Gather the arms' curves of the same thing; a role's mean over other probes is another one."""
    groups: dict[tuple[str, str, str, tuple[str, ...]], list[Replicated]] = {}
    for each in curves:
        probes = tuple(sorted(each.curve.probes))
        key = (each.curve.kind, each.curve.name, each.curve.metric, probes)
        groups.setdefault(key, []).append(each)
    return list(groups.values())


def _row(arm: Replicated, against: Replicated, level: float) -> dict[str, Any]:
    arm.has_items_of(against)
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
