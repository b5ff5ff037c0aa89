"""The mixture that each arm saw, as stacked bars over the tokens of its run."""

from dataclasses import dataclass
from itertools import pairwise

from gapless.report.content import ArmContent, Content, MixturePoint
from gapless.report.numbers import percent, tokens
from gapless.report.plots import Table
from gapless.report.source_styles import source_styles
from gapless.report.templating import Section, fill

MAX_BARS = 40
"""More stretches than this are merged into ``MERGED_BARS`` equal ones."""
MERGED_BARS = 20
_WIDTH, _HEIGHT = 1000.0, 100.0


@dataclass(frozen=True)
class Stretch:
    """The shares of the tokens between two points of a run."""

    start: int
    end: int
    shares: dict[str, float]


@dataclass(frozen=True)
class Bar:
    """One rectangle, in the chart's own units."""

    x: str
    y: str
    width: str
    height: str
    style: str
    title: str


@dataclass(frozen=True)
class Strip:
    """The chart of one arm."""

    arm: int
    name: str
    tokens_seen: int
    end: str
    """Where the run ends, as a share of the longest one's width."""
    bars: tuple[Bar, ...]
    table: Table


def build(content: Content) -> Section:
    """Make a strip of stacked bars for each arm."""
    mixed = {point.source for arm in content.arms for point in arm.mixture}
    styles = {name: style for name, style in source_styles(content).items() if name in mixed}
    longest = max((arm.tokens_seen for arm in content.arms), default=0)
    strips = [
        _strip(index, arm, styles, longest) for index, arm in enumerate(content.arms) if arm.mixture
    ]
    html = fill("mixture", strips=strips, styles=styles, longest=longest)
    return Section("mixture", "Mixture seen", html)


def stretches(points: tuple[MixturePoint, ...]) -> list[Stretch]:
    """Return the run's stretches, merged into equal ones when there are very many."""
    shares: dict[int, dict[str, float]] = {}
    for point in points:
        shares.setdefault(point.tokens_seen, {})[point.source] = point.share
    ends = sorted(shares)
    starts = [0, *ends[:-1]]
    found = [Stretch(start, end, shares[end]) for start, end in zip(starts, ends, strict=True)]
    found = [stretch for stretch in found if stretch.end > stretch.start]
    return found if len(found) <= MAX_BARS else _merged(found)


def _merged(found: list[Stretch]) -> list[Stretch]:
    last = found[-1].end
    borders = [last * part // MERGED_BARS for part in range(MERGED_BARS + 1)]
    merged = []
    for start, end in pairwise(borders):
        sums: dict[str, float] = {}
        for stretch in found:
            overlap = min(end, stretch.end) - max(start, stretch.start)
            if overlap > 0:
                for source, share in stretch.shares.items():
                    sums[source] = sums.get(source, 0.0) + share * overlap / (end - start)
        merged.append(Stretch(start, end, sums))
    return merged


def _strip(index: int, arm: ArmContent, styles: dict[str, str], longest: int) -> Strip:
    found = stretches(arm.mixture)
    scale = _WIDTH / max(longest, found[-1].end)
    bars = tuple(bar for stretch in found for bar in _bars(stretch, styles, scale))
    rows = tuple(
        (
            f"{tokens(stretch.start)} to {tokens(stretch.end)}",
            *(percent(stretch.shares.get(source, 0.0)) for source in styles),
        )
        for stretch in found
    )
    table = Table(("Tokens seen", *styles), rows)
    return Strip(index, arm.name, arm.tokens_seen, f"{found[-1].end * scale:.2f}", bars, table)


def _bars(stretch: Stretch, styles: dict[str, str], scale: float) -> list[Bar]:
    """Stack the sources upwards in the order of ``styles``: the domain lies at the bottom."""
    bars, top = [], _HEIGHT
    for source, style in styles.items():
        share = stretch.shares.get(source, 0.0)
        if share <= 0:
            continue
        height = share * _HEIGHT
        top -= height
        bars.append(
            Bar(
                x=f"{stretch.start * scale:.2f}",
                y=f"{top:.2f}",
                width=f"{(stretch.end - stretch.start) * scale:.2f}",
                height=f"{height:.2f}",
                style=style,
                title=f"{source}: {percent(share)} of {tokens(stretch.start)} "
                f"to {tokens(stretch.end)} tokens",
            )
        )
    return bars
