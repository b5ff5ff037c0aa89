"""Charts of an arm's way: gain against forgetting point by point, and where metrics turned."""

from collections.abc import Sequence
from typing import Any

from gapless.report.content import ArmContent, CurveContent, GapRow
from gapless.report.numbers import (
    MISSING,
    Metric,
    amount,
    metric_named,
    signed,
    tokens,
    value,
)
from gapless.report.plots import Plot, Table, capped
from gapless.report.verdict import in_order

Point = tuple[int, float, float]
"""Tokens seen, the change on the domain, the change on general text."""


def way_points(arm: ArmContent, domain: str, general: str, metric: str) -> list[Point]:
    """Return an arm's changes on both roles where both were measured; the first is the base."""
    changes = [_changes(arm, name, metric) for name in (domain, general)]
    shared = sorted(changes[0].keys() & changes[1].keys())
    return [(seen, changes[0][seen], changes[1][seen]) for seen in shared]


def _changes(arm: ArmContent, name: str, metric: str) -> dict[int, float]:
    for curve in arm.curves:
        if (curve.name, curve.metric) == (name, metric) and curve.tokens:
            return dict(zip(curve.tokens, _against_base(curve), strict=True))
    return {}


def _against_base(curve: CurveContent) -> list[float]:
    sign = 1.0 if curve.higher_is_better else -1.0
    return [sign * (number - curve.values[0]) for number in curve.values]


def on_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Return which of several points no other one beats on both sides; larger is better."""
    stands: set[tuple[float, float]] = set()
    best = float("-inf")
    for point in sorted(points, reverse=True):  # the largest gain first, then what was kept
        if point[1] > best:
            stands.add(point)
            best = point[1]
    return [point in stands for point in points]


def way_plot(
    arms: Sequence[ArmContent], domain: str, general: str, metric_name: str
) -> Plot | None:
    """Make the chart of gain against forgetting along each arm; None where there is no way."""
    ways = [
        (index, arm.name, way_points(arm, domain, general, metric_name))
        for index, arm in enumerate(arms)
    ]
    ways = [way for way in ways if len(way[2]) > 2]
    if not ways:
        return None
    metric = metric_named(metric_name)
    trained = [(index, point) for index, _, way in ways for point in way if point[0] > 0]
    stands = on_front([(gain, kept) for _, (_, gain, kept) in trained])
    front = {
        (index, point[0]) for (index, point), stays in zip(trained, stands, strict=True) if stays
    }
    spec = {
        "kind": "ways",
        "title": "Gain against forgetting, point by point",
        "x": "change on general text",
        "y": "change on the domain",
        "digits": metric.digits,
        "ways": [_way(index, name, way, metric, front) for index, name, way in ways],
    }
    names = {index: name for index, name, _ in ways}
    rows = tuple(
        (names[index], tokens(seen), signed(kept, metric), signed(gain, metric))
        for index, (seen, gain, kept) in sorted(trained, key=lambda each: each[1][2])
        if (index, seen) in front
    )
    head = ("Arm", "Tokens seen", "Change on general text", "Change on the domain")
    table, note = capped(rows)
    note = note or "The points that no other one beats on both sides, by rising general change."
    subtitle = f"{metric.change_label} against the base; up and right is better"
    return Plot("Gain against forgetting, point by point", subtitle, spec, Table(head, table, note))


def _way(
    index: int, name: str, way: Sequence[Point], metric: Metric, front: set[tuple[int, int]]
) -> dict[str, Any]:
    return {
        "arm": index,
        "name": name,
        "tokens": [seen for seen, _, _ in way],
        "x": [kept * metric.scale for _, _, kept in way],
        "y": [gain * metric.scale for _, gain, _ in way],
        "front": [(index, seen) in front for seen, _, _ in way],
    }


def turns_plot(arms: Sequence[ArmContent]) -> Plot | None:
    """Make the chart of where each mean over a role turned: its bottom, its way back, its best."""
    groups: dict[tuple[str, str], list[tuple[int, ArmContent, GapRow]]] = {}
    for index, arm in enumerate(arms):
        for row in in_order(arm.gaps):
            if row.name == row.role:
                groups.setdefault((row.name, row.metric), []).append((index, arm, row))
    if not groups:
        return None
    seen = [at for arm in arms for curve in arm.curves for at in curve.tokens]
    spec = {
        "kind": "turns",
        "title": "Worst, back and best",
        "log": True,
        "first": min((at for at in seen if at > 0), default=0),
        "last": max([arm.tokens_seen for arm in arms]),
        "groups": [
            {
                "name": f"{name}, {metric_named(metric).label}",
                "rows": [_turn(*each) for each in own],
            }
            for (name, metric), own in groups.items()
        ],
    }
    rows = tuple(
        (f"{name}, {metric_named(metric).label}", arm.name, *_turn_cells(row))
        for (name, metric), own in groups.items()
        for _, arm, row in own
    )
    head = ("Mean over", "Arm", "Worst at", "Below the base", "Drop", "Back at", "Best at", "Best")
    subtitle = "of the means over each role"
    return Plot("Worst, back and best", subtitle, spec, Table(head, rows))


def _turn(index: int, arm: ArmContent, row: GapRow) -> dict[str, Any]:
    metric = metric_named(row.metric)
    dropped = row.depth > 0 and bool(row.tokens_to_bottom)
    return {
        "arm": index,
        "name": arm.name,
        "bottom": row.tokens_to_bottom if dropped else None,
        "recovery": row.tokens_to_recovery if dropped and row.recovered else None,
        "end": arm.tokens_seen,
        "real": row.drop_is_real,
        "depth": f"{amount(row.depth, metric)} below the base" if dropped else "",
        "best": row.tokens_to_peak,
        "peak": value(row.peak, metric),
    }


def _turn_cells(row: GapRow) -> tuple[str, ...]:
    metric = metric_named(row.metric)
    best = (tokens(row.tokens_to_peak), value(row.peak, metric))
    if row.depth <= 0 or not row.tokens_to_bottom:
        return (MISSING, MISSING, "no drop", MISSING, *best)
    drop = {True: "real", False: "within noise", None: "not judged"}[row.drop_is_real]
    back = tokens(row.tokens_to_recovery) if row.recovered else "never"
    return (tokens(row.tokens_to_bottom), amount(row.depth, metric), drop, back, *best)
