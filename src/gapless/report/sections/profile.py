"""The profile: where the base and every arm ended on each source and task, in one look."""

from collections.abc import Sequence
from typing import Any

from gapless.report.content import Content, CurveContent
from gapless.report.numbers import MISSING, is_known, metric_named, plain_interval, value
from gapless.report.plots import ArmCurve, Plot, Table, curves_named
from gapless.report.source_styles import is_topic
from gapless.report.templating import Section, fill

_LEAST = 3
"""Fewer sources and tasks are read off the headline and the curves."""
_ROLES = {"domain": "Domain", "general": "General"}


def build(content: Content) -> Section | None:
    """Make a chart per role and metric; None where there are too few to compare."""
    groups: dict[tuple[str, str], list[list[ArmCurve]]] = {}
    names = set()
    for (name, metric), curves in curves_named(content.arms).items():
        own = [each for each in curves if each.curve.tokens[-1:] > (0,)]
        role = own[0].curve.role if own else ""
        if own and name != role and not is_topic(name):
            groups.setdefault((role, metric), []).append(own)
            names.add(name)
    if len(names) < _LEAST:
        return None
    keys = sorted(groups, key=lambda key: (key[0] != "domain", len(groups[key]) == 1))
    plots = [_plot(key, groups[key], content) for key in keys]
    html = fill("profile", arms=[arm.name for arm in content.arms], plots=plots)
    return Section("profile", "Profile", html)


def _plot(key: tuple[str, str], probes: list[list[ArmCurve]], content: Content) -> Plot:
    role, name = key
    metric, first = metric_named(name), probes[0][0].curve
    probes = sorted(probes, key=_mean_change, reverse=True)
    title = f"{_ROLES.get(role, role)}: {metric.label}"
    spec = {
        "kind": "dots",
        "title": title,
        "x": metric.label,
        "digits": metric.digits,
        "unit": metric.unit,
        "rows": [_row(curves, metric.scale) for curves in probes],
    }
    better = "higher" if first.higher_is_better else "lower"
    return Plot(title, f"{better} is better", spec, _table(probes, content))


def _mean_change(curves: Sequence[ArmCurve]) -> float:
    """Return how much better the arms became, on average."""
    sign = 1 if curves[0].curve.higher_is_better else -1
    changes = [sign * (each.curve.values[-1] - each.curve.values[0]) for each in curves]
    known = [change for change in changes if is_known(change)]
    return sum(known) / len(known) if known else float("-inf")


def _row(curves: Sequence[ArmCurve], scale: float) -> dict[str, Any]:
    bases = [(each.index, scale * each.curve.values[0]) for each in curves if _has_base(each.curve)]
    if len({base for _, base in bases}) == 1:
        bases = [(-1, bases[0][1])]
    return {
        "name": curves[0].curve.name,
        "base": [{"arm": None if arm < 0 else arm, "x": base} for arm, base in bases],
        "points": [_point(each, scale) for each in curves if is_known(each.curve.values[-1])],
    }


def _point(each: ArmCurve, scale: float) -> dict[str, Any]:
    low, high = _interval(each.curve)
    return {
        "arm": each.index,
        "name": each.arm,
        "x": scale * each.curve.values[-1],
        "low": None if low is None else scale * low,
        "high": None if high is None else scale * high,
    }


def _has_base(curve: CurveContent) -> bool:
    return curve.tokens[0] == 0 and is_known(curve.values[0])


def _interval(curve: CurveContent) -> tuple[float | None, float | None]:
    """Return the ends of the last value's interval, both or neither."""
    if not curve.low or not curve.high:
        return None, None
    low, high = curve.low[-1], curve.high[-1]
    return (low, high) if is_known(low) and is_known(high) else (None, None)


def _table(probes: Sequence[Sequence[ArmCurve]], content: Content) -> Table:
    rows = []
    for curves in probes:
        metric = metric_named(curves[0].curve.metric)
        ends = {each.index: each.curve for each in curves}
        bases = {value(c.values[0], metric) for c in ends.values() if _has_base(c)}
        cells = [_cell(ends.get(index)) for index in range(len(content.arms))]
        rows.append((curves[0].curve.name, ", ".join(sorted(bases)) or MISSING, *cells))
    return Table(("Measured", "Base", *(arm.name for arm in content.arms)), tuple(rows))


def _cell(curve: CurveContent | None) -> str:
    if curve is None:
        return MISSING
    metric = metric_named(curve.metric)
    span = plain_interval(*_interval(curve), metric)
    return value(curve.values[-1], metric) + (f" ({span})" if span else "")
