"""Gain against forgetting: which arms, and which of their points, no other one beats on both.

A row for each metric that was measured on the domain and on general text:

    metric
    arms      of each arm: arm; gain and forgetting {value, low, high} at its end; on_front: no
              other arm is as good on both and better on one; front_share: of the replicates in
              which that is so; beaten_by: arms that are better on both for sure, each difference's
              interval above 0
    points    the front over every measured point of every arm, by rising forgetting's value:
              {arm, tokens, gain, forgetting}: where one would have stopped

One beats another by two differences that must both hold, so each may be judged at the full level
(Berger 1982, the intersection-union test). Two equal arms beat neither each other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gapless.analysis.bootstrap import interval
from gapless.analysis.comparisons import Replicated


def trades(curves: Sequence[Replicated], *, level: float) -> list[dict[str, Any]]:
    """Return a row for each metric of which at least one arm has both roles' curves."""
    roles: dict[str, dict[str, dict[str, Replicated]]] = {}
    for each in curves:
        if each.curve.kind == "role":
            own = roles.setdefault(each.curve.metric, {}).setdefault(each.arm, {})
            own[each.curve.role] = each
    rows = []
    for metric, arms in roles.items():
        both = [(own["domain"], own["general"]) for own in arms.values() if own.keys() >= _BOTH]
        if both:
            rows.append({"metric": metric, "arms": _arms(both, level), "points": _points(both)})
    return rows


_BOTH = {"domain", "general"}
_Pair = tuple[Replicated, Replicated]


def front(values: np.ndarray) -> np.ndarray:
    """Return which of several points none beats: (points, 2) to (points,), larger is better."""
    no_worse = (values[:, None] >= values[None]).all(axis=2)
    better = (values[:, None] > values[None]).any(axis=2)
    beats: np.ndarray = np.logical_and(no_worse, better)
    return np.array([not column.any() for column in beats.T])


def _arms(both: Sequence[_Pair], level: float) -> list[dict[str, Any]]:
    finals = np.array([[role.curve.changes[-1] for role in pair] for pair in both])
    on_front = front(finals)
    drawn = _drawn_finals(both)
    shares = None if drawn is None else np.mean([front(each) for each in drawn], axis=0)
    return [
        {
            "arm": pair[0].arm,
            "gain": _estimate(pair[0], level),
            "forgetting": _estimate(pair[1], level),
            "on_front": bool(on_front[place]),
            "front_share": None if shares is None else float(shares[place]),
            "beaten_by": [
                other[0].arm
                for rival, other in enumerate(both)
                if drawn is not None
                and all(
                    interval(drawn[:, rival, r] - drawn[:, place, r], level)[0] > 0 for r in (0, 1)
                )
            ],
        }
        for place, pair in enumerate(both)
    ]


def _drawn_finals(both: Sequence[_Pair]) -> np.ndarray | None:
    """Return the changes at the ends of all arms: shape (replicates, arms, 2)."""
    columns = [[role.changes for role in pair] for pair in both]
    if any(changes is None for pair in columns for changes in pair):
        return None
    finals = [[c[:, -1] for c in pair if c is not None] for pair in columns]
    return np.moveaxis(np.array(finals), 2, 0)


def _estimate(role: Replicated, level: float) -> dict[str, float | None]:
    ends: tuple[float | None, float | None] = (None, None)
    if role.changes is not None:
        ends = interval(role.changes[:, -1], level)
    return {"value": float(role.curve.changes[-1]), "low": ends[0], "high": ends[1]}


def _points(both: Sequence[_Pair]) -> list[dict[str, Any]]:
    points = []
    for domain, general in both:
        shared, mine, theirs = np.intersect1d(
            domain.curve.tokens, general.curve.tokens, return_indices=True
        )
        gains, kept = domain.curve.changes[mine], general.curve.changes[theirs]
        points += [
            {"arm": domain.arm, "tokens": int(t), "gain": float(g), "forgetting": float(f)}
            for t, g, f in zip(shared, gains, kept, strict=True)
            if t > 0
        ]
    if not points:
        return []
    on_front = front(np.array([[point["gain"], point["forgetting"]] for point in points]))
    best = [point for point, stays in zip(points, on_front, strict=True) if stays]
    return sorted(best, key=lambda point: (point["forgetting"], -point["gain"]))
