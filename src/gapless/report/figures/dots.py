"""The profile, drawn to stand still: a row per source or task, a mark and its interval per arm."""

from collections.abc import Mapping, Sequence
from typing import Any

from gapless.report.figures.drawing import (
    GRID,
    INK,
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
    Panel,
    clipped,
    draw_columns,
    draw_legend,
    legend_rows,
    name_columns,
)

Spec = Mapping[str, Any]
_LANE, _AROUND, _NAME = 8.0, 8.0, 12.0
_LETTERS = 60


def draw_dots(spec: Spec) -> Drawing:
    """Return the drawing of a profile."""
    rows = spec["rows"]
    arms = _arms(rows)
    top = 10.0 + LEGEND_ROW * len(legend_rows(arms))
    tall = [_NAME + _AROUND + _LANE * max(1, len(row["points"])) for row in rows]
    panel = Panel(2.0, 328.0, top, top + sum(tall))
    drawing = Drawing(panel.bottom + BELOW)
    ends = padded([value for row in rows for value in _values(row)], 0.06)
    x = linear(*ends, panel.left + 4, panel.right - 4)
    columns = ticks_between(*ends, (panel.right - panel.left) / 60)
    draw_legend(drawing, arms)
    for tick in columns:
        drawing.line((x(tick), panel.top), (x(tick), panel.bottom), colour=GRID)
    at = panel.top
    for row, height in zip(rows, tall, strict=True):
        drawing.line((panel.left, at), (panel.right, at), colour=GRID)
        drawing.text((panel.left, at + _NAME - 2), clipped(row["name"], _LETTERS - 4), colour=INK)
        _draw_row(drawing, row, x, at + _NAME + (height - _NAME) / 2)
        at += height
    draw_columns(drawing, panel, columns, tick_texts(columns), x)
    name_columns(drawing, panel, spec["x"] + spec["unit"])
    return drawing


def _draw_row(drawing: Drawing, row: Spec, x: Scale, middle: float) -> None:
    points = row["points"]
    half = max(5.0, _LANE * len(points) / 2 + 1)
    for base in row["base"]:
        colour = SOFT if base["arm"] is None else colour_of(base)
        drawing.line(
            (x(base["x"]), middle - half), (x(base["x"]), middle + half), colour=colour, width=1.4
        )
    for lane, point in enumerate(points):
        y = middle + _LANE * (lane - (len(points) - 1) / 2)
        if point["low"] is not None and point["high"] is not None:
            ends = (x(point["low"]), y), (x(point["high"]), y)
            drawing.line(*ends, colour=colour_of(point), width=1.1)
        drawing.mark(point["arm"], (x(point["x"]), y), colour=colour_of(point), size=3.0)


def _arms(rows: Sequence[Spec]) -> list[Spec]:
    """Return each arm once, in order."""
    found = {point["arm"]: point for row in rows for point in row["points"]}
    return [found[arm] for arm in sorted(found)]


def _values(row: Spec) -> list[float]:
    values = [base["x"] for base in row["base"]]
    for point in row["points"]:
        values += [point["x"], point["low"], point["high"]]
    return [value for value in values if value is not None]
