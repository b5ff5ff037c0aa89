"""Points in a plane, drawn to stand still: responses, predictions, a front."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from gapless.report.figures.drawing import (
    FAINT,
    LETTER,
    SOFT,
    Drawing,
    Scale,
    colour_of,
    linear,
    log_ticks,
    logarithmic,
    padded,
    tick_texts,
    ticks_between,
)
from gapless.report.figures.panels import (
    BELOW,
    LEGEND_ROW,
    Panel,
    clipped,
    draw_columns,
    draw_legend,
    draw_rows,
    frame,
    legend_rows,
    name_columns,
    name_rows,
)
from gapless.report.numbers import short

Spec = Mapping[str, Any]
_HEIGHT = 180.0


def draw_points(spec: Spec) -> Drawing:
    """Return the drawing of points, with the lines through their means."""
    series = spec["series"]
    xs, ys = _ends(spec)
    low, high = padded(ys, 0.07)
    rows = ticks_between(low, high, _HEIGHT / 34)
    texts = tick_texts(rows, signs=spec.get("zero") is not None)
    legend = series if len(series) > 1 else []
    panel = frame(texts, top=10.0 + LEGEND_ROW * len(legend_rows(legend)), height=_HEIGHT)
    drawing = Drawing(panel.bottom + BELOW)
    y = linear(low, high, panel.bottom, panel.top)
    x, columns, names = _columns(spec, xs, panel)
    draw_legend(drawing, legend)
    draw_rows(drawing, panel, rows, texts, y)
    draw_columns(drawing, panel, columns, names, x)
    name_columns(drawing, panel, clipped(spec["x"]) + " (log)" * bool(spec.get("xlog")))
    name_rows(drawing, panel, spec["y"])
    _levels(drawing, spec, panel, x, y)
    for each in series:
        for px, py, _ in each["points"]:
            drawing.mark(each["arm"], (x(px), y(py)), colour=colour_of(each), size=2.6)
    for each in series:
        if len(each["line"]) > 1:
            drawing.path([(x(px), y(py)) for px, py in each["line"]], colour=colour_of(each))
    return drawing


def _ends(spec: Spec) -> tuple[list[float], list[float]]:
    """Return all that each axis must show."""
    points = [point for each in spec["series"] for point in each["points"]]
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    if spec.get("zero") is not None:
        ys.append(0.0)
    if spec.get("bound") is not None:
        xs.append(spec["bound"])
    return (xs + ys, xs + ys) if spec.get("diagonal") else (xs, ys)


def _columns(spec: Spec, xs: Sequence[float], panel: Panel) -> tuple[Scale, list[float], list[str]]:
    """Return the scale of x, its ticks and their texts."""
    left, right = panel.left + 4, panel.right - 4
    if spec.get("names"):
        names = spec["names"]
        letters = max(3, int((right - left) / len(names) / LETTER))
        places = [float(number) for number in range(len(names))]
        scale = linear(-0.5, len(names) - 0.5, left, right)
        return scale, places, [clipped(name, letters) for name in names]
    if spec.get("xlog"):
        ends = [math.exp(end) for end in padded([math.log(x) for x in xs], 0.05)]
        scale = logarithmic(ends[0], ends[1], left, right)
        ticks = log_ticks(ends[0], ends[1], scale, 36)
        return scale, ticks, [short(tick) for tick in ticks]
    low, high = padded(xs, 0.05)
    ticks = ticks_between(low, high, (right - left) / 60)
    return linear(low, high, left, right), ticks, tick_texts(ticks)


def _levels(drawing: Drawing, spec: Spec, panel: Panel, x: Scale, y: Scale) -> None:
    """Draw the base, the bound, the diagonal and the front, where there are any."""
    if spec.get("zero") is not None:
        drawing.line((panel.left, y(0)), (panel.right, y(0)), colour=SOFT, dash="4 3")
        drawing.text((panel.right, y(0) - 3), spec["zero"], anchor="end")
    if spec.get("bound") is not None:
        place = x(spec["bound"])
        drawing.line((place, panel.top), (place, panel.bottom), colour=SOFT, dash="4 3")
        drawing.text((place - 4, panel.bottom - 4), "bound", anchor="end")
    if spec.get("diagonal"):
        every, _ = _ends(spec)
        ends = min(every, default=0.0), max(every, default=0.0)
        drawing.line((x(ends[0]), y(ends[0])), (x(ends[1]), y(ends[1])), colour=SOFT, dash="4 3")
    front = spec.get("front") or []
    if front:
        steps = [step for one, two in pairwise(front) for step in ((two[0], one[1]), two)]
        stairs = [front[0], *steps]
        drawing.path([(x(a), y(b)) for a, b in stairs], colour=FAINT, width=1, dash="1.5 3")
