"""Findings: what the advisor says, arm by arm, each with its source."""

from gapless.report.content import Content, FindingContent
from gapless.report.templating import Section, fill


def build(content: Content) -> Section | None:
    """Make the list of findings; nothing when there is none."""
    if not content.findings:
        return None
    places = {arm.name: place for place, arm in enumerate(content.arms)}
    groups: dict[str, list[FindingContent]] = {}
    for finding in content.findings:
        groups.setdefault(finding.about, []).append(finding)
    ordered = sorted(groups.items(), key=lambda item: places.get(item[0], len(places)))
    html = fill("findings", groups=[(places.get(about), about, own) for about, own in ordered])
    return Section("findings", "Findings", html)
