"""Curves drawn with braille letters: two dots across and four down in each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.text import Text

from gapless.records.live_views import Line

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of each dot: row, column."""
_BLANK = 0x2800
_LABELS = 7
"""Columns for the numbers at the left."""
_START = 2
"""Columns for the base model, before the first measured point of a log scale."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a chart is drawn."""

    width: int
    """Columns in all."""
    height: int
    """Rows of the curve, without the axis below."""
    last: int
    """Tokens at the right end."""
    first: int
    """Tokens of the first point after the base model; the scale is logarithmic from there on."""
    digits: int = 3
    base: bool = False
    """Whether 0 is the base model: a line is drawn there, and what is below it looks otherwise."""
    ascii_only: bool = False


def chart(line: Line, look: Look) -> list[Text]:
    """Draw a line: rows of equal width, numbers at the left, tokens below."""
    known = [
        (seen, value)
        for seen, value in zip(line.tokens, line.values, strict=True)
        if math.isfinite(value)
    ]
    columns = look.width - _LABELS
    low, high = _ends([value for _, value in known], base=look.base)
    grid = _Grid(columns, look.height)
    across = [(_across(seen, look, 2 * columns - 1), value) for seen, value in known]
    if not look.base:  # noise would fill the chart: one dot for all that share a column
        across = [
            (x, sum(values) / len(values))
            for x, group in groupby(across, lambda place: place[0])
            if (values := [value for _, value in group])
        ]
    grid.draw([(x, _down(value, low, high, 4 * look.height - 1)) for x, value in across])
    base_row = _down(0.0, low, high, 4 * look.height - 1) // 4 if look.base else None
    labels = _labels(low, high, base_row, look)
    return [
        Text.assemble(
            (labels[row].rjust(_LABELS - 1) + " ", "dim"), grid.row(row, base_row, look.ascii_only)
        )
        for row in range(look.height)
    ]


def axis(look: Look, shown: Sequence[str]) -> Text:
    """Return the line below a chart: 0, the first point's tokens and the last one's."""
    columns = look.width - _LABELS
    left, middle, right = shown
    at = _START - 1
    text = left + " " * max(1, at - len(left)) + middle
    room = columns - len(text) - len(right)
    text = text + " " * room + right if room > 0 else (left + right.rjust(columns - len(left)))
    return Text(" " * _LABELS + text[:columns], style="dim")


class _Grid:
    """Dots of a canvas."""

    def __init__(self, columns: int, rows: int) -> None:
        self._bits = [[0] * columns for _ in range(rows)]

    def draw(self, places: Sequence[tuple[int, int]]) -> None:
        """Join points (column, row of dots) by lines."""
        for place, (x, y) in enumerate(places):
            x0, y0 = places[place - 1] if place else (x, y)
            steps = max(abs(x - x0), abs(y - y0), 1)
            for step in range(steps + 1):
                self._set(x0 + round((x - x0) * step / steps), y0 + round((y - y0) * step / steps))

    def _set(self, x: int, y: int) -> None:
        self._bits[y // 4][x // 2] |= _DOTS[y % 4][x % 2]

    def row(self, row: int, base_row: int | None, ascii_only: bool) -> Text:  # noqa: FBT001
        """Return one row of letters; the base's row is dotted where nothing else is."""
        below = base_row is not None and row > base_row
        style = "yellow" if below else "cyan"
        text = Text()
        for column, bits in enumerate(self._bits[row]):
            if bits:
                text.append("*" if ascii_only else chr(_BLANK + bits), style=style)
            elif row == base_row:
                dot = "-" if ascii_only else "\N{BOX DRAWINGS LIGHT HORIZONTAL}"
                text.append(dot if column % 2 == 0 else " ", style="dim")
            else:
                text.append(" ")
        return text


def _ends(values: Sequence[float], *, base: bool) -> tuple[float, float]:
    """Return the ends of the scale; the base's 0 is always on it, with room on both sides."""
    shown = [*values, 0.0] if base else list(values)
    if not shown:
        return 0.0, 1.0
    low, high = min(shown), max(shown)
    if low == high:
        pad = abs(high) * 0.05 or 0.05
        return low - pad, high + pad
    return low, high


def _across(seen: int, look: Look, dots: int) -> int:
    """Return the column of dots: log of tokens, with a place of its own for the base model."""
    if look.first <= 0 or look.last <= look.first:
        return round(dots * min(1.0, seen / max(1, look.last)))
    start = 2 * _START
    if seen < look.first:
        return round(start * seen / look.first)
    part = math.log(seen / look.first) / math.log(look.last / look.first)
    return start + round((dots - start) * min(1.0, part))


def _down(value: float, low: float, high: float, dots: int) -> int:
    return round(dots * (high - value) / (high - low))


def _labels(low: float, high: float, base_row: int | None, look: Look) -> list[str]:
    labels = [""] * look.height
    sign = "+" if look.base else ""
    for row, value in ((0, high), (-1, low)):
        labels[row] = f"{value:{sign}.{look.digits}f}".replace("-", "\N{MINUS SIGN}")
    if base_row is not None:
        labels[base_row] = "base"
    return labels
