"""A drawing of some columns' width: shapes and texts, made to SVG; scales and their ticks."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from gapless.report.numbers import MINUS, short

WIDTH = 336.0
"""Units; four to a millimetre: a column of 84 mm."""
LETTER = 5.6
"""About the width of a letter."""
INK, SOFT, FAINT, GRID = "#1d2024", "#454a51", "#8b9097", "#e6e6e0"

Scale = Callable[[float], float]
Point = tuple[float, float]


class Drawing:
    """Shapes in the order in which they are painted."""

    def __init__(self, height: float) -> None:
        self.height = height
        self._parts: list[str] = []

    def svg(self, title: str, about: str) -> str:
        """Return the drawing as a file of its own, on white."""
        box = f"0 0 {_number(WIDTH)} {_number(self.height)}"
        size = f'width="{_number(WIDTH / 4)}mm" height="{_number(self.height / 4)}mm"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="{box}" role="img" '
            'font-family="Helvetica, Arial, Liberation Sans, sans-serif" font-size="10.5">'
        )
        told = f"<title>{text_of(title)}</title><desc>{text_of(about)}</desc>"
        paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
        return "\n".join([head, told, paper, *self._parts, "</svg>", ""])

    def line(
        self, one: Point, other: Point, *, colour: str, width: float = 0.8, dash: str = ""
    ) -> None:
        """Draw a straight line."""
        self.path([one, other], colour=colour, width=width, dash=dash)

    def path(
        self, points: Sequence[Point], *, colour: str, width: float = 1.4, dash: str = ""
    ) -> None:
        """Draw a line through points."""
        if not points:
            return
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<path d="{_path(points)}" fill="none" stroke="{colour}" '
            f'stroke-width="{_number(width)}" stroke-linejoin="round"{dashed}/>'
        )

    def area(self, points: Sequence[Point], *, colour: str, opacity: float = 1.0) -> None:
        """Fill what points enclose."""
        if points:
            self._parts.append(
                f'<path d="{_path(points)}Z" fill="{colour}" fill-opacity="{_number(opacity)}"/>'
            )

    def mark(self, index: int, at: Point, *, colour: str, size: float = 3.2) -> None:
        """Draw an arm's mark: the shapes of the page."""
        self._parts.append(
            f'<path transform="translate({_number(at[0])} {_number(at[1])}) scale({_number(size)})"'
            f' d="{_MARKS[index % len(_MARKS)]}" fill="{colour}" stroke="#ffffff" '
            'stroke-width="0.15"/>'
        )

    def ring(self, at: Point, *, colour: str, size: float = 3.0) -> None:
        """Draw a circle that is white within."""
        self._parts.append(
            f'<path transform="translate({_number(at[0])} {_number(at[1])}) scale({_number(size)})"'
            f' d="{_MARKS[0]}" fill="#ffffff" stroke="{colour}" stroke-width="0.45"/>'
        )

    def text(
        self,
        at: Point,
        text: str,
        *,
        anchor: str = "start",
        colour: str = SOFT,
        turned: bool = False,
    ) -> None:
        """Write a line of text; ``anchor`` is the part of it that stands there."""
        turn = f' transform="rotate(-90 {_number(at[0])} {_number(at[1])})"' if turned else ""
        self._parts.append(
            f'<text x="{_number(at[0])}" y="{_number(at[1])}" text-anchor="{anchor}" '
            f'fill="{colour}" paint-order="stroke" stroke="#ffffff" stroke-width="2" '
            f'stroke-linejoin="round"{turn}>{text_of(text)}</text>'
        )


_MARKS = (
    "M-1 0A1 1 0 1 0 1 0A1 1 0 1 0 -1 0Z",
    "M-.9 -.9H.9V.9H-.9Z",
    "M0 -1.15L1.1 .85H-1.1Z",
    "M0 -1.25L1.15 0L0 1.25L-1.15 0Z",
    "M0 1.15L1.1 -.85H-1.1Z",
)


def text_of(text: str) -> str:
    """Return text for an XML file: escaped, and without what XML cannot hold."""
    known = text.encode("utf-8", "replace").decode("utf-8")
    kept = (
        c if c >= " " and c not in "\x7f\ufffe\uffff" else "\N{REPLACEMENT CHARACTER}"
        for c in known
    )
    return escape("".join(kept))


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """Return value to place."""
    span = high - low or 1.0
    return lambda value: start + (end - start) * (value - low) / span


def logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    """Return value above 0 to place."""
    inner = linear(math.log(low), math.log(high), start, end)
    return lambda value: inner(math.log(value))


def ticks_between(low: float, high: float, wanted: float) -> list[float]:
    """Return round numbers within two ends, about as many as wanted."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1.0, wanted)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((f for f in (1, 2, 2.5, 5) if raw <= f * power * (1 + 1e-9)), 10) * power
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, scale: Scale, room: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten, where each has room."""
    if high / low < 6:
        wanted = abs(scale(high) - scale(low)) / room
        return [tick for tick in ticks_between(low, high, wanted) if tick > 0]
    taken: list[float] = []
    for digit in (1, 2, 5):
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
            tick = digit * 10.0**power
            if low <= tick <= high and all(abs(scale(t) - scale(tick)) >= room for t in taken):
                taken.append(tick)
    return sorted(taken) or [low, high]


def tick_texts(ticks: Sequence[float], *, signs: bool = False) -> list[str]:
    """Write ticks with as many digits as their distance asks for."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(ticks[0]) or 1.0
    if step < 1e-4 or abs(ticks[-1]) >= 1e4:
        return [short(tick) for tick in ticks]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**digits - round(step * 10**digits)) > 1e-6:
        digits += 1
    texts = [f"{tick:{'+' if signs and round(tick, digits) else ''}.{digits}f}" for tick in ticks]
    return [text.replace("-", MINUS) if text.strip("-0.") else text.lstrip("-") for text in texts]


def padded(values: Iterable[float], part: float) -> tuple[float, float]:
    """Return the ends of values, with some room beyond them."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    pad = (high - low) * part or abs(high) * 0.05 or 1.0
    return low - pad, high + pad


def colour_of(thing: Mapping[str, object]) -> str:
    """Return the colour of an arm, or of a source's or topic's classes (`source_styles`)."""
    style = str(thing.get("style") or "")
    if not style:
        return _ARMS[int(str(thing.get("arm") or 0)) % len(_ARMS)]
    names = style.split()
    if names[0] in {"warm", "cool"}:
        return _topic_colour(names[0], int(names[1][1:]), int(names[2][1:]))
    return _SOURCES.get(names[0], FAINT)


_ARMS = (
    "#0072b2", "#d55e00", "#00825f", "#b3589a", "#a87900", "#3d9bd1", "#6f56b8", "#5b6169",
)  # fmt: skip
_SOURCES = {
    "d0": "#b6541b", "d1": "#d98545", "d2": "#e9ae7c", "d3": "#f2cfae",
    "g0": "#3c6285", "g1": "#6a8fb0", "g2": "#9bb8d0", "g3": "#c6d7e5",
    "r0": "#6c6a63", "r1": "#8e8c84", "r2": "#b0aea6", "r3": "#d0cec6",
}  # fmt: skip
"""As in `assets/page.css`, in its light theme."""


def _topic_colour(half: str, hue: int, light: int) -> str:
    """Return a colour of `assets/topics.css`: OKLCH to sRGB (Ottosson 2020)."""
    lightness = (0.45, 0.575, 0.7)[light]
    chroma, angle = (0.13, 12 + hue * 4) if half == "warm" else (0.11, 172 + hue * 6.2)
    a, b = chroma * math.cos(math.radians(angle)), chroma * math.sin(math.radians(angle))
    l3 = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m3 = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s3 = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
    mixed = (
        4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3,
        -1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3,
        -0.0041960863 * l3 - 0.7034186147 * m3 + 1.707614701 * s3,
    )
    return "#" + "".join(f"{_channel(value):02x}" for value in mixed)


def _channel(value: float) -> int:
    value = min(1.0, max(0.0, value))
    value = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(255 * value)


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
