"""The topics of a mixture that reacts: what was measured of each, and what became of its share."""

from gapless.report.content import Content
from gapless.report.decisions import reactions
from gapless.report.source_styles import part_groups, parts_of
from gapless.report.templating import Section, fill


def build(content: Content) -> Section | None:
    """Make the charts and the decisions of every arm that has rounds."""
    parts = parts_of(content)
    found = [
        reaction
        for index, arm in enumerate(content.arms)
        if arm.rounds
        for reaction in reactions(arm, index, parts)
    ]
    if not found:
        return None
    shown = {part for reaction in found for part in reaction.parts}
    html = fill(
        "topics",
        reactions=found,
        groups=part_groups(part for part in parts.values() if part in shown),
    )
    return Section("topics", "Topics", html)
