"""Planes of two changes, drawn to stand still: the ends of the arms, and their ways there."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from gapless.report.figures.drawing import (
    FAINT,
    SOFT,
    Drawing,
    Scale,
    colour_of,
    linear,
    padded,
    tick_texts,
    ticks_between,
)
from gapless.report.figures.panels import (
    BELOW,
    LEGEND_ROW,
    draw_columns,
    draw_legend,
    draw_rows,
    frame,
    legend_rows,
    name_columns,
    name_rows,
)

Spec = Mapping[str, Any]


def draw_scatter(spec: Spec) -> Drawing:
    """Draw the ends of the arms, with intervals and their front."""
    points = spec["points"]
    xs, ys = ([v for p in points for v in p[axis] if v is not None] for axis in ("x", "y"))
    drawing, x, y = _plane(spec, points, xs, ys)
    _front(drawing, [(p["x"][0], p["y"][0]) for p in points if p.get("front")], x, y)
    for point in points:
        _whiskers(drawing, point, x, y)
    for point in points:
        at = (x(point["x"][0]), y(point["y"][0]))
        drawing.mark(point["arm"], at, colour=colour_of(point), size=4.4)
    return drawing


def draw_ways(spec: Spec) -> Drawing:
    """Draw the ways of the arms from the base to their ends, and the front of all their points."""
    ways = spec["ways"]
    xs, ys = ([v for way in ways for v in way[axis]] for axis in ("x", "y"))
    drawing, x, y = _plane(spec, ways, xs, ys)
    front = [
        (a, b)
        for way in ways
        for a, b, stays in zip(way["x"], way["y"], way["front"], strict=True)
        if stays
    ]
    _front(drawing, front, x, y)
    for way in ways:
        points = [(x(a), y(b)) for a, b in zip(way["x"], way["y"], strict=True)]
        drawing.path(points, colour=colour_of(way))
        for point in points[1:-1]:
            drawing.mark(way["arm"], point, colour=colour_of(way), size=1.8)
        drawing.mark(way["arm"], points[-1], colour=colour_of(way), size=4.0)
    return drawing


def _plane(
    spec: Spec, named: Sequence[Spec], xs: Iterable[float], ys: Iterable[float]
) -> tuple[Drawing, Scale, Scale]:
    """Draw the axes; the base model is where both changes are 0."""
    across, up = padded([*xs, 0.0], 0.1), padded([*ys, 0.0], 0.1)
    rows = ticks_between(*up, 5)
    texts = tick_texts(rows, signs=True)
    panel = frame(texts, top=10.0 + LEGEND_ROW * len(legend_rows(named)), height=200)
    drawing = Drawing(panel.bottom + BELOW)
    x, y = linear(*across, panel.left, panel.right), linear(*up, panel.bottom, panel.top)
    draw_legend(drawing, named)
    draw_rows(drawing, panel, rows, texts, y)
    columns = ticks_between(*across, (panel.right - panel.left) / 60)
    draw_columns(drawing, panel, columns, tick_texts(columns, signs=True), x)
    name_rows(drawing, panel, spec["y"])
    name_columns(drawing, panel, spec["x"])
    drawing.line((panel.left, y(0)), (panel.right, y(0)), colour=SOFT, dash="4 3")
    drawing.line((x(0), panel.top), (x(0), panel.bottom), colour=SOFT, dash="4 3")
    under = 11 if panel.bottom - y(0) > 14 else -4
    drawing.text((x(0) - 4, y(0) + under), "base", anchor="end")
    return drawing, x, y


def _front(drawing: Drawing, points: Iterable[tuple[float, float]], x: Scale, y: Scale) -> None:
    front = sorted(points)
    steps = [step for one, two in pairwise(front) for step in ((one[0], two[1]), two)]
    if steps:
        staircase = [front[0], *steps]
        drawing.path([(x(a), y(b)) for a, b in staircase], colour=FAINT, width=1, dash="1.5 3")


def _whiskers(drawing: Drawing, point: Spec, x: Scale, y: Scale) -> None:
    (px, left, right), (py, low, high) = point["x"], point["y"]
    if left is not None and right is not None:
        drawing.line((x(left), y(py)), (x(right), y(py)), colour=colour_of(point), width=1.1)
    if low is not None and high is not None:
        drawing.line((x(px), y(low)), (x(px), y(high)), colour=colour_of(point), width=1.1)
