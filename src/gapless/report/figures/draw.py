"""The kinds of charts, drawn to stand still: `KINDS` says which function draws which."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from gapless.report.figures.dots import draw_dots
from gapless.report.figures.drawing import (
    INK,
    LETTER,
    SOFT,
    Drawing,
    Point,
    Scale,
    colour_of,
    linear,
    log_ticks,
    logarithmic,
    padded,
    tick_texts,
    ticks_between,
)
from gapless.report.figures.gather import Figure
from gapless.report.figures.panels import (
    BELOW,
    LEGEND_ROW,
    Panel,
    clipped,
    draw_columns,
    draw_legend,
    draw_phases,
    draw_rows,
    draw_tokens,
    frame,
    legend_rows,
    name_columns,
    name_rows,
    token_scale,
)
from gapless.report.figures.planes import draw_scatter, draw_ways
from gapless.report.figures.points import draw_points
from gapless.report.figures.turns import draw_turns
from gapless.report.numbers import short

Spec = Mapping[str, Any]

_HEIGHT = 150.0
_FEW_POINTS = 60
"""Lines of more points have a mark at their end only."""


def draw(figure: Figure) -> str:
    """Return a figure as an SVG file.

    Raises:
        KeyError: there is no drawing of its kind.

    """
    drawing = KINDS[figure.spec["kind"]](figure.spec)
    return drawing.svg(figure.title, figure.subtitle)


def _lines(spec: Spec) -> Drawing:
    lines = [line for line in spec["lines"] if line["x"]]
    levels, phases = spec["levels"], spec.get("phases") or []
    top = _below_legend(lines) + 14 * bool(phases)
    values = [value for line in lines for value in _values_of(line)]
    values += [level["y"] for level in levels if level["y"] is not None]
    y_of, ticks, texts = _value_rows(values, log=bool(spec.get("ylog")))
    panel = frame(texts, top=top, height=_HEIGHT)
    drawing = Drawing(panel.bottom + BELOW)
    y = y_of(panel)
    seen = [float(at) for line in lines for at in line["x"]]
    first = min((at for at in seen if at > 0), default=0.0)
    x, columns = token_scale(
        panel, first, max([spec.get("last") or 0.0, *seen]), log=bool(spec["log"])
    )
    draw_legend(drawing, lines)
    draw_rows(drawing, panel, ticks, texts, y)
    name_rows(drawing, panel, spec["y"] + spec.get("unit", ""))
    draw_tokens(
        drawing,
        panel,
        x,
        columns,
        log=bool(spec["log"]) and len(columns) > 1,
        name=f"{spec['along']} of training" if spec.get("along") else "tokens seen",
    )
    draw_phases(drawing, panel, phases, x)
    for line in lines:
        _band(drawing, line, x, y)
    for level in levels:
        _level(drawing, panel, level, y)
    for above, line in enumerate(reversed(lines)):
        _line(
            drawing,
            line,
            x,
            y,
            width=1.4 + 1.6 * (len(lines) - 1 - above) * bool(spec.get("nested")),
        )
    return drawing


def _value_rows(
    values: Sequence[float], *, log: bool
) -> tuple[Callable[[Panel], Scale], list[float], list[str]]:
    """Return panel to scale, the ticks and their texts."""
    if log and values and min(values) > 0:
        low, high = min(values) * 0.94, max(values) * 1.06
        ticks = log_ticks(low, high, logarithmic(low, high, _HEIGHT, 0), 20)
        return (
            lambda panel: logarithmic(low, high, panel.bottom, panel.top),
            ticks,
            [short(tick) for tick in ticks],
        )
    low, high = padded(values, 0.06)
    ticks = ticks_between(low, high, _HEIGHT / 30)
    return lambda panel: linear(low, high, panel.bottom, panel.top), ticks, tick_texts(ticks)


def _values_of(line: Spec) -> list[float]:
    values = [*line["y"], *(line.get("low") or []), *(line.get("high") or [])]
    return [value for value in values if value is not None]


def _known(line: Spec, values: Sequence[float | None], x: Scale, y: Scale) -> list[Point]:
    return [
        (x(at), y(value)) for at, value in zip(line["x"], values, strict=True) if value is not None
    ]


def _band(drawing: Drawing, line: Spec, x: Scale, y: Scale) -> None:
    if line.get("low") and line.get("high"):
        upper, lower = _known(line, line["high"], x, y), _known(line, line["low"], x, y)
        drawing.area([*upper, *reversed(lower)], colour=colour_of(line), opacity=0.14)


def _line(drawing: Drawing, line: Spec, x: Scale, y: Scale, *, width: float) -> None:
    points, colour = _known(line, line["y"], x, y), colour_of(line)
    drawing.path(points, colour=colour, width=width)
    if not line.get("style"):
        for point in points if len(points) <= _FEW_POINTS else points[-1:]:
            drawing.mark(line["arm"], point, colour=colour, size=2.4)


def _level(drawing: Drawing, panel: Panel, level: Spec, y: Scale) -> None:
    if level["y"] is None:
        return
    colour = SOFT if level.get("arm") is None else colour_of(level)
    place = y(level["y"])
    drawing.line((panel.left, place), (panel.right, place), colour=colour, dash="4 3")
    if level.get("arm") is None:
        drawing.text((panel.right, place - 3), level.get("name") or "base", anchor="end")


def _area(spec: Spec) -> Drawing:
    phases, edges = spec["phases"], spec["edges"]
    top = _below_legend(spec["layers"]) + 14 * bool(phases) + 6 * bool(spec["rounds"])
    texts = ["0 %", "50 %", "100 %"]
    panel = frame(texts, top=top, height=120, named=False)
    drawing = Drawing(panel.bottom + BELOW)
    x, columns = token_scale(panel, 0.0, spec["last"], log=False)
    y = linear(0.0, 1.0, panel.bottom, panel.top)
    draw_legend(drawing, spec["layers"])
    draw_rows(drawing, panel, [0.0, 0.5, 1.0], texts, y)
    floor = [0.0] * (len(edges) - 1)
    for layer in spec["layers"]:
        roof = [low + share for low, share in zip(floor, layer["shares"], strict=True)]
        outline = [*_corners(edges, roof, x, y), *reversed(_corners(edges, floor, x, y))]
        drawing.area(outline, colour=colour_of(layer))
        floor = roof
    draw_tokens(drawing, panel, x, columns, log=False)
    draw_phases(drawing, panel, phases, x)
    for at in spec["rounds"]:
        tip = (x(at), panel.top - 1)
        drawing.area([tip, (tip[0] - 3, tip[1] - 5), (tip[0] + 3, tip[1] - 5)], colour=SOFT)
    return drawing


def _corners(edges: Sequence[float], values: Sequence[float], x: Scale, y: Scale) -> list[Point]:
    return [
        corner
        for (low, high), value in zip(pairwise(edges), values, strict=True)
        for corner in ((x(low), y(value)), (x(high), y(value)))
    ]


def _bins(spec: Spec) -> Drawing:
    edges, cuts = spec["edges"], spec["cuts"]
    top = _below_legend(spec["series"]) + 12.0 * len(cuts)
    most = max([share for series in spec["series"] for share in series["shares"]] or [1.0]) * 1.04
    rows = ticks_between(0.0, most, _HEIGHT / 34)
    texts = [f"{text} %" for text in tick_texts(rows)]
    panel = frame(texts, top=top, height=_HEIGHT, named=False)
    drawing = Drawing(panel.bottom + BELOW)
    make = logarithmic if spec["log"] else linear
    x, y = make(edges[0], edges[-1], panel.left, panel.right), linear(0.0, most, panel.bottom, top)
    draw_legend(drawing, spec["series"])
    draw_rows(drawing, panel, rows, texts, y)
    columns = (
        log_ticks(edges[0], edges[-1], x, 34)
        if spec["log"]
        else ticks_between(edges[0], edges[-1], 5)
    )
    draw_columns(drawing, panel, columns, [short(tick) for tick in columns], x)
    name_columns(drawing, panel, clipped(spec["x"]) + " (log)" * bool(spec["log"]))
    ends = ((x(edges[0]), y(0)), (x(edges[-1]), y(0)))
    for series in spec["series"]:
        outline = [ends[0], *_corners(edges, series["shares"], x, y), ends[1]]
        drawing.area(outline, colour=colour_of(series), opacity=0.2)
        if series["selected"]:
            chosen = [ends[0], *_corners(edges, series["selected"], x, y), ends[1]]
            drawing.area(chosen, colour=colour_of(series), opacity=0.7)
        drawing.path(outline, colour=colour_of(series), width=1.1)
    for number, cut in enumerate(cuts):
        at = x(min(edges[-1], max(edges[0], cut["at"])))
        _cut(drawing, panel, cut, (at, top - 12.0 * (len(cuts) - number) + 4))
    return drawing


def _cut(drawing: Drawing, panel: Panel, cut: Spec, at: Point) -> None:
    colour = colour_of({"arm": cut["arms"][0] if cut["arms"] else 0})
    drawing.line(at, (at[0], panel.bottom), colour=colour, width=1.1)
    text = f"{clipped(cut['name'])} {short(cut['at'])}".strip()
    flip = at[0] + LETTER * len(text) + 6 > panel.right
    drawing.text((at[0] + (-4 if flip else 4), at[1] + 4), text, anchor="end" if flip else "start")


def _topics(spec: Spec) -> Drawing:
    """Draw the topics' shares above their perplexities' changes since the start."""
    topics, phases = spec["topics"], spec["phases"]
    top = _below_legend(topics) + 16 + 14 * bool(phases)
    tracks = [_track(spec, place) for place in range(len(topics))]
    shares = [value for steps, _ in tracks for _, _, value in steps]
    changes = [value for _, points in tracks for _, value in points]
    rows = ticks_between(0.0, max([0.01, *shares]) * 1.06, 4)
    low, high = padded([*changes, 0.0], 0.08)
    lower_rows = ticks_between(low, high, 4)
    texts = [f"{text} %" for text in tick_texts([100 * row for row in rows])]
    lower_texts = [
        f"{text} %" for text in tick_texts([100 * row for row in lower_rows], signs=True)
    ]
    upper = frame([*texts, *lower_texts], top=top, height=130, named=False)
    lower = Panel(upper.left, upper.right, upper.bottom + 30, upper.bottom + 160)
    drawing = Drawing(lower.bottom + BELOW)
    x, columns = token_scale(upper, 0.0, spec["last"], log=False)
    y = linear(0.0, max([0.01, *shares]) * 1.06, upper.bottom, upper.top)
    z = linear(low, high, lower.bottom, lower.top)
    draw_legend(drawing, topics)
    draw_rows(drawing, upper, rows, texts, y)
    draw_rows(drawing, lower, lower_rows, lower_texts, z)
    drawing.text((upper.left, upper.top - 6), "share of tokens", colour=INK)
    drawing.text((lower.left, lower.top - 6), "perplexity, change since the start", colour=INK)
    drawing.line((lower.left, z(0)), (lower.right, z(0)), colour=SOFT, dash="4 3")
    draw_phases(drawing, Panel(upper.left, upper.right, upper.top - 16, lower.bottom), phases, x)
    draw_tokens(drawing, lower, x, columns, log=False)
    for topic, (steps, points) in zip(topics, tracks, strict=True):
        colour = colour_of(topic)
        stairs = [(x(at), y(value)) for begin, end, value in steps for at in (begin, end)]
        drawing.path(stairs, colour=colour)
        drawing.path([(x(at), z(value)) for at, value in points], colour=colour)
    return drawing


def _track(
    spec: Spec, topic: int
) -> tuple[list[tuple[float, float, float]], list[tuple[float, float]]]:
    """Return a topic's (begin, end, share), and (tokens, change of its perplexity)."""
    steps, points = [], []
    base = None
    for each in spec["rounds"]:
        own = next((one for one in each["of"] if one[0] == topic), None)
        if own is None:
            continue
        steps.append((each["at"], each["end"], own[5]))
        if own[2] is not None and own[2] > 0:
            base = base or own[2]
            points.append((each["at"], own[2] / base - 1))
    return steps, points


def _below_legend(things: Sequence[Spec]) -> float:
    return 10.0 + LEGEND_ROW * len(legend_rows(things))


KINDS: Mapping[str, Callable[[Spec], Drawing]] = {
    "lines": _lines,
    "scatter": draw_scatter,
    "ways": draw_ways,
    "turns": draw_turns,
    "dots": draw_dots,
    "points": draw_points,
    "area": _area,
    "bins": _bins,
    "topics": _topics,
}
"""Kind of a chart, as its spec calls it, to what draws it."""
