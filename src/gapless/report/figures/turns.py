"""Where each mean turned, drawn to stand still: a row per arm on one axis of tokens."""

from collections.abc import Mapping
from typing import Any

from gapless.report.figures.drawing import FAINT, GRID, INK, WIDTH, Drawing, Scale, colour_of
from gapless.report.figures.panels import (
    BELOW,
    LEGEND_ROW,
    Panel,
    clipped,
    draw_legend,
    draw_tokens,
    legend_rows,
    token_scale,
)

Spec = Mapping[str, Any]
_NAME, _ROW, _HEAD = 20.0, 13.0, 3.4


def draw_turns(spec: Spec) -> Drawing:
    """Draw the worst point, the way back and the best point of every arm."""
    groups = spec["groups"]
    named = list({row["arm"]: row for group in groups for row in group["rows"]}.values())
    top = 8.0 + LEGEND_ROW * len(legend_rows(named))
    tall = sum(_NAME + _ROW * len(group["rows"]) for group in groups)
    panel = Panel(2.0, WIDTH - 8.0, top, top + tall + 4)
    drawing = Drawing(panel.bottom + BELOW)
    log = bool(spec["log"])
    x, columns = token_scale(panel, float(spec["first"]), float(spec["last"]), log=log)
    draw_legend(drawing, named)
    draw_tokens(drawing, panel, x, columns, log=log and len(columns) > 1)
    at = top
    for number, group in enumerate(groups):
        if number:
            drawing.line((panel.left, at + 3), (panel.right, at + 3), colour=GRID)
        drawing.text((panel.left, at + 15), clipped(group["name"], 56), colour=INK)
        at += _NAME
        for row in group["rows"]:
            _turn(drawing, row, x, at + _ROW / 2)
            at += _ROW
    return drawing


def _turn(drawing: Drawing, row: Spec, x: Scale, middle: float) -> None:
    colour, best = colour_of(row), x(row["best"])
    drawing.line((x(0), middle), (x(row["end"]), middle), colour=FAINT, width=0.6)
    drawing.line((best, middle - 4.5), (best, middle + 4.5), colour=colour, width=1.4)
    if row["bottom"] is None:
        return
    start, back = x(row["bottom"]), row["recovery"]
    end = x(row["end"] if back is None else back)
    dash = "" if row["real"] else "2 3"
    drawing.line((start, middle), (end, middle), colour=colour, width=2.0, dash=dash)
    if back is not None:
        drawing.ring((end, middle), colour=colour)
    elif end > start + 2 * _HEAD:
        head = [(end - _HEAD, middle - _HEAD), (end, middle), (end - _HEAD, middle + _HEAD)]
        drawing.path(head, colour=colour)
    drawing.mark(row["arm"], (start, middle), colour=colour, size=3.6)
