"""Line charts: the data that `assets/lines.js` draws, and the same numbers as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gapless.report.content import ArmContent, CurveContent, Trace
from gapless.report.numbers import (
    MISSING,
    Metric,
    flops,
    flops_unit,
    metric_named,
    plain_interval,
    short,
    tokens,
    value,
)

_T = TypeVar("_T")

MAX_POINTS = 240
"""A longer trace is drawn as means over stretches of it."""
MAX_TABLE_ROWS = 200


@dataclass(frozen=True)
class Table:
    """Numbers as text, for the view beside a chart."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Plot:
    """One chart."""

    title: str
    subtitle: str
    spec: dict[str, Any]
    """What the script reads; see the head of `assets/lines.js` and `assets/scatter.js`."""
    table: Table


@dataclass(frozen=True)
class ArmCurve:
    """A curve and the arm that it belongs to."""

    index: int
    """The arm's place, which gives its colour and mark."""
    arm: str
    curve: CurveContent


def curves_named(arms: Sequence[ArmContent]) -> dict[tuple[str, str], list[ArmCurve]]:
    """Gather the arms' curves by (name, metric), in the order in which they first come."""
    gathered: dict[tuple[str, str], list[ArmCurve]] = {}
    for index, arm in enumerate(arms):
        for curve in arm.curves:
            key = (curve.name, curve.metric)
            gathered.setdefault(key, []).append(ArmCurve(index, arm.name, curve))
    return gathered


def curve_plot(
    curves: Sequence[ArmCurve], *, title: str, small: bool = False, along: str = "tokens"
) -> Plot:
    """Make the chart of one metric of one probe, a line for each arm.

    With ``along`` "flops", over the operations of training instead of tokens.
    """
    if along == "flops":
        curves = [replace(item, curve=_over_flops(item.curve)) for item in curves]
    most = max((at for item in curves for at in item.curve.tokens), default=0)
    scale, unit = flops_unit(most) if along == "flops" else (1, "")
    first = curves[0].curve
    metric = metric_named(first.metric)
    better = "higher" if first.higher_is_better else "lower"
    spec = {
        "kind": "lines",
        "title": title,
        "y": metric.label,
        "scale": metric.scale,
        "digits": metric.digits,
        "unit": metric.unit,
        "small": small,
        "log": True,
        "lines": [_line(item, metric, scale) for item in curves],
        "levels": _base_levels(curves, metric),
    }
    if unit:
        spec["along"] = unit
    table = _curve_table(curves, metric, along)
    return Plot(title, f"{metric.label}, {better} is better", spec, table)


def trace_plot(
    arms: Sequence[ArmContent],
    traces: Sequence[Trace],
    *,
    title: str,
    subtitle: str,
    nested: bool = False,
    log: bool = False,
    levels: Sequence[Mapping[str, Any]] = (),
) -> Plot:
    """Make the chart of something that was logged while training.

    ``nested`` draws earlier arms wider, so that lines which lie on one another are all seen; with
    ``log`` the tokens are on a log scale at first. ``levels`` are as `assets/lines.js` takes them.
    """
    thin = [thinned(trace) for trace in traces]
    spec = {
        "kind": "lines",
        "title": title,
        "y": title.lower(),
        "scale": 1,
        "digits": None,
        "unit": "",
        "small": False,
        "log": log,
        "nested": nested,
        "lines": [
            {"arm": index, "name": arm.name, "x": trace.tokens, "y": trace.values}
            for index, (arm, trace) in enumerate(zip(arms, thin, strict=True))
            if trace.tokens
        ],
        "levels": list(levels),
    }
    rows = _by_tokens([dict(zip(trace.tokens, trace.values, strict=True)) for trace in thin])
    shown = tuple(
        (tokens(seen), *(_short_or_blank(cell) for cell in cells)) for seen, cells in rows
    )
    head = ("Tokens seen", *(arm.name for arm in arms))
    return Plot(title, subtitle, spec, Table(head, *capped(shown)))


def phase_marks(arm: ArmContent) -> list[dict[str, Any]]:
    """Return where an arm's phases begin, for its charts; none when it has one phase."""
    marks = [{"at": phase.tokens_seen, "label": phase.label} for phase in arm.phases]
    return marks if len(marks) > 1 else []


def thinned(trace: Trace, points: int = MAX_POINTS) -> Trace:
    """Return at most ``points`` points, each the mean over an equal number of logged ones."""
    size = -(-len(trace.tokens) // points) if trace.tokens else 1
    if size == 1:
        return trace
    groups = [
        (trace.tokens[start : start + size], trace.values[start : start + size])
        for start in range(0, len(trace.tokens), size)
    ]
    return Trace(
        tokens=tuple(seen[-1] for seen, _ in groups),
        values=tuple(sum(values) / len(values) for _, values in groups),
    )


def capped(
    rows: tuple[tuple[str, ...], ...], most: int = MAX_TABLE_ROWS
) -> tuple[tuple[tuple[str, ...], ...], str]:
    """Return about ``most`` of the rows, the first and the last among them, and what to say."""
    step = -(-len(rows) // most) if rows else 1
    if step == 1:
        return rows, ""
    kept = rows[::step] if (len(rows) - 1) % step == 0 else (*rows[::step], rows[-1])
    return kept, f"Every {step}th of {len(rows)} rows; all of them are in the run's folder."


def _over_flops(curve: CurveContent) -> CurveContent:
    assert curve.flops is not None, "a comparison along operations knows them"
    return replace(curve, tokens=curve.flops)


def _line(item: ArmCurve, metric: Metric, unit: float) -> dict[str, Any]:
    curve = item.curve
    line: dict[str, Any] = {
        "arm": item.index,
        "name": item.arm,
        "x": curve.tokens if unit == 1 else [at / unit for at in curve.tokens],
        "y": _scaled(curve.values, metric),
    }
    if curve.low is not None and curve.high is not None:
        line["low"] = _scaled(curve.low, metric)
        line["high"] = _scaled(curve.high, metric)
    return line


def _scaled(values: Sequence[float | None], metric: Metric) -> list[float | None]:
    return [None if number is None else number * metric.scale for number in values]


def _base_levels(curves: Sequence[ArmCurve], metric: Metric) -> list[dict[str, Any]]:
    starts = [
        (item.index, item.curve.values[0] * metric.scale)
        for item in curves
        if item.curve.tokens and item.curve.tokens[0] == 0
    ]
    if len({start for _, start in starts}) == 1:
        return [{"y": starts[0][1], "arm": None}]
    return [{"y": start, "arm": index} for index, start in starts]


def _curve_table(curves: Sequence[ArmCurve], metric: Metric, along: str) -> Table:
    cells = []
    for item in curves:
        low, high = item.curve.low, item.curve.high
        texts = {}
        for point, (seen, number) in enumerate(
            zip(item.curve.tokens, item.curve.values, strict=True)
        ):
            span = (
                plain_interval(low[point], high[point], metric)
                if low and high and low[point] != high[point]
                else ""
            )
            texts[seen] = value(number, metric) + (f" ({span})" if span else "")
        cells.append(texts)
    rows = tuple(
        ((flops if along == "flops" else tokens)(seen), *(cell or MISSING for cell in line))
        for seen, line in _by_tokens(cells)
    )
    head = ("Operations" if along == "flops" else "Tokens seen", *(item.arm for item in curves))
    return Table(head, *capped(rows))


def _by_tokens(columns: Sequence[dict[int, _T]]) -> list[tuple[int, list[_T | None]]]:
    every = sorted({seen for column in columns for seen in column})
    return [(seen, [column.get(seen) for column in columns]) for seen in every]


def _short_or_blank(number: float | None) -> str:
    return MISSING if number is None else short(number)
