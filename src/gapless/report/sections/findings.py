"""Findings: what the advisor says, arm by arm, each with its source."""

from collections.abc import Sequence
from dataclasses import dataclass

from gapless.report.content import Content, FindingContent
from gapless.report.templating import Section, fill


@dataclass(frozen=True)
class Saying:
    """Findings of one rule with one suggestion: of several metrics it is given once."""

    first: FindingContent
    texts: tuple[str, ...]


def build(content: Content) -> Section | None:
    """Make the list of findings; nothing when there is none."""
    if not content.findings:
        return None
    places = {arm.name: place for place, arm in enumerate(content.arms)}
    groups: dict[str, list[FindingContent]] = {}
    for finding in content.findings:
        groups.setdefault(finding.about, []).append(finding)
    ordered = sorted(groups.items(), key=lambda item: places.get(item[0], len(places)))
    said = [(places.get(about), about, sayings(own)) for about, own in ordered]
    return Section("findings", "Findings", fill("findings", groups=said))


def sayings(findings: Sequence[FindingContent]) -> list[Saying]:
    """Put findings that suggest the same for the same reason together, where the first stands."""
    alike: dict[tuple[str, str | None, str], list[FindingContent]] = {}
    for each in findings:
        alike.setdefault((each.rule, each.suggestion, each.source), []).append(each)
    return [Saying(own[0], tuple(each.text for each in own)) for own in alike.values()]
