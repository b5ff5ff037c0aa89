"""What most figures share: a frame with axes and ticks, and a legend above it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gapless.report.figures.drawing import (
    FAINT,
    GRID,
    LETTER,
    SOFT,
    WIDTH,
    Drawing,
    Scale,
    colour_of,
    linear,
    log_ticks,
    logarithmic,
    ticks_between,
)
from gapless.report.numbers import short

LEGEND_ROW = 14.0
BELOW = 34.0
"""Room below a panel, for its axis."""
_RIGHT = 8.0
_KEY, _AFTER_KEY = 12.0, 10.0


@dataclass(frozen=True)
class Panel:
    """A frame within a drawing."""

    left: float
    right: float
    top: float
    bottom: float


def legend_rows(things: Sequence[Mapping[str, Any]]) -> list[list[tuple[float, Mapping[str, Any]]]]:
    """Set a legend in rows: (place, thing) of each entry."""
    rows: list[list[tuple[float, Mapping[str, Any]]]] = [[]]
    at = 0.0
    for thing in things:
        width = _KEY + LETTER * len(clipped(str(thing["name"]))) + _AFTER_KEY
        if rows[-1] and at + width > WIDTH:
            rows.append([])
            at = 0.0
        rows[-1].append((at, thing))
        at += width
    return rows if things else []


def draw_legend(drawing: Drawing, things: Sequence[Mapping[str, Any]], *, top: float = 4.0) -> None:
    """Draw a legend; an arm has its mark, what has a style a square."""
    for number, row in enumerate(legend_rows(things)):
        y = top + LEGEND_ROW * number + 5
        for at, thing in row:
            mark = 1 if thing.get("style") else int(thing.get("arm") or 0)
            drawing.mark(mark, (at + 5, y), colour=colour_of(thing), size=3.4)
            drawing.text((at + _KEY, y + 3.6), clipped(str(thing["name"])))


def frame(texts: Sequence[str], *, top: float, height: float, named: bool = True) -> Panel:
    """Return the panel that leaves room for the rows' numbers, and for a name beside them."""
    wide = LETTER * max(map(len, texts), default=1)
    return Panel((15.0 if named else 2.0) + wide + 5, WIDTH - _RIGHT, top, top + height)


def draw_rows(
    drawing: Drawing, panel: Panel, ticks: Sequence[float], texts: Sequence[str], y: Scale
) -> None:
    """Draw the lines of the grid, and what they stand for."""
    for tick, text in zip(ticks, texts, strict=True):
        place = y(tick)
        drawing.line((panel.left, place), (panel.right, place), colour=GRID)
        drawing.text((panel.left - 5, place + 3.6), text, anchor="end")


def name_rows(drawing: Drawing, panel: Panel, name: str) -> None:
    """Write what the rows are, upwards, at the left."""
    middle = (panel.top + panel.bottom) / 2
    letters = int((panel.bottom - panel.top) / (0.85 * LETTER))
    drawing.text((9.0, middle), clipped(name, letters), anchor="middle", turned=True)


def draw_columns(
    drawing: Drawing, panel: Panel, ticks: Sequence[float], texts: Sequence[str], x: Scale
) -> None:
    """Draw the lower axis with its ticks."""
    bottom = panel.bottom
    drawing.line((panel.left, bottom), (panel.right, bottom), colour=FAINT)
    for tick, text in zip(ticks, texts, strict=True):
        place = x(tick)
        drawing.line((place, bottom), (place, bottom + 3), colour=FAINT)
        edge = place + LETTER * len(text) / 2 > WIDTH
        drawing.text(
            (WIDTH - 1 if edge else place, bottom + 14), text, anchor="end" if edge else "middle"
        )


def name_columns(drawing: Drawing, panel: Panel, name: str) -> None:
    """Write what the columns are, below their numbers."""
    drawing.text(
        ((panel.left + panel.right) / 2, panel.bottom + 28), clipped(name, 50), anchor="middle"
    )


def token_scale(panel: Panel, first: float, last: float, *, log: bool) -> tuple[Scale, list[float]]:
    """Return tokens to place, and ticks; on a log scale the base model has a place of its own."""
    left, right = panel.left + 4, panel.right - 4
    if not log or not last > first > 0:
        scale = linear(0.0, last or 1.0, left, right)
        return scale, ticks_between(0.0, last or 1.0, (right - left) / 62)
    start = left + 24
    inner = logarithmic(first, last, start, right)

    def place(tokens: float) -> float:
        return left + 24 * tokens / first if tokens < first else inner(tokens)

    ticks = [tick for tick in log_ticks(first, last, inner, 36) if place(tick) - left >= 20]
    return place, [0.0, *ticks]


def draw_tokens(
    drawing: Drawing,
    panel: Panel,
    scale: Scale,
    ticks: Sequence[float],
    *,
    log: bool,
    name: str = "tokens seen",
) -> None:
    """Draw the axis of tokens seen, or of what is named."""
    draw_columns(drawing, panel, ticks, [short(tick) for tick in ticks], scale)
    name_columns(drawing, panel, name + " (log)" * log)


def draw_phases(
    drawing: Drawing, panel: Panel, phases: Sequence[Mapping[str, Any]], x: Scale
) -> None:
    """Draw a line where a phase begins, and its name above where there is room."""
    ends = [*(x(phase["at"]) for phase in phases[1:]), panel.right]
    for phase, end in zip(phases, ends[: len(phases)], strict=True):
        place = x(phase["at"])
        if phase["at"] > 0:
            drawing.line((place, panel.top - 12), (place, panel.bottom), colour=SOFT, width=0.6)
        letters = int((end - place - 6) / LETTER)
        if letters >= min(4, len(phase["label"])):
            drawing.text((place + 3, panel.top - 4), clipped(phase["label"], letters))


def clipped(text: str, letters: int = 40) -> str:
    """Return text of at most so many letters."""
    return text if len(text) <= letters else text[: max(0, letters - 1)] + "\N{HORIZONTAL ELLIPSIS}"
