"""The mixture that each arm saw, as a stacked area over the tokens of its run."""

from typing import Any

from gapless.report.content import ArmContent, Content
from gapless.report.numbers import percent, tokens
from gapless.report.plots import Plot, Table, phase_marks
from gapless.report.source_styles import Part, part_groups, parts_of
from gapless.report.stretches import Stretch, merged, stretches
from gapless.report.templating import Section, fill

MAX_SHARES = 1500
"""More shares than this in one chart are drawn as means over stretches of the run."""
MAX_STRETCHES = 240
MAX_ROWS = 40
"""A longer table is merged into ``MERGED_ROWS`` stretches."""
MERGED_ROWS = 20
_DEEP = 6
"""More layers than this need a higher chart."""


def build(content: Content) -> Section:
    """Make a stacked area for each arm."""
    mixed = {point.source for arm in content.arms for point in arm.mixture}
    parts = [part for name, part in parts_of(content).items() if name in mixed]
    longest = max((arm.tokens_seen for arm in content.arms), default=0)
    plots = [
        (index, mixture_plot(arm, parts, longest))
        for index, arm in enumerate(content.arms)
        if arm.mixture
    ]
    html = fill(
        "mixture",
        plots=plots,
        groups=part_groups(parts),
        has_phases=any(plot.spec["phases"] for _, plot in plots),
        has_rounds=any(plot.spec["rounds"] for _, plot in plots),
    )
    return Section("mixture", "Mixture seen", html)


def mixture_plot(arm: ArmContent, parts: list[Part], longest: int) -> Plot:
    """Make the chart of one arm; its axis ends at ``longest``, that of the longest arm."""
    every = stretches(arm.mixture)
    seen = {point.source for point in arm.mixture if point.share > 0}
    layers = [part for part in parts if part.name in seen]
    decided = sorted(
        {
            each.tokens_seen
            for each in arm.rounds
            if any(d.factor is not None for d in each.decisions)
        }
    )
    marks = [*decided, *(phase.tokens_seen for phase in arm.phases)]
    limit = max(MERGED_ROWS, min(MAX_STRETCHES, MAX_SHARES // max(1, len(layers))))
    found = merged(every, parts=limit, marks=marks)
    spec = {
        "kind": "area",
        "title": arm.name,
        "deep": len(layers) > _DEEP,
        "last": max([longest, *(stretch.end for stretch in found)]),
        "edges": [0, *(stretch.end for stretch in found)],
        "layers": [_layer(part, found) for part in layers],
        "phases": phase_marks(arm),
        "rounds": decided,
    }
    rows = every if len(every) <= MAX_ROWS else merged(every, parts=MERGED_ROWS, marks=marks)
    return Plot(arm.name, f"{tokens(arm.tokens_seen)} tokens", spec, _table(rows, layers))


def _layer(part: Part, found: list[Stretch]) -> dict[str, Any]:
    return {
        "part": part.index,
        "name": part.label,
        "source": part.source,
        "style": part.style,
        "shares": [round(stretch.shares.get(part.name, 0.0), 4) for stretch in found],
    }


def _table(found: list[Stretch], layers: list[Part]) -> Table:
    rows = tuple(
        (
            f"{tokens(stretch.start)} to {tokens(stretch.end)}",
            *(percent(stretch.shares.get(part.name, 0.0)) for part in layers),
        )
        for stretch in found
    )
    return Table(("Tokens seen", *(part.name for part in layers)), rows)
