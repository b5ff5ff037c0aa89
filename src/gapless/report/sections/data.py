"""The data: the sources, and every document that was removed, by reason."""

from dataclasses import dataclass

from gapless.report.content import Content, RemovalContent, SourceContent
from gapless.report.numbers import percent
from gapless.report.templating import Section, fill


@dataclass(frozen=True)
class Removal:
    """One reason in one source, with its part of that source's documents."""

    content: RemovalContent
    share: str


def build(content: Content) -> Section:
    """Make the tables of sources and removals."""
    sources = {source.name: source for source in content.sources}
    html = fill(
        "data",
        sources=content.sources,
        removals=[Removal(r, _share(r, sources.get(r.source))) for r in content.removals],
        removed=sum(removal.count for removal in content.removals),
    )
    return Section("data", "Data", html)


def _share(removal: RemovalContent, source: SourceContent | None) -> str:
    total = 0 if source is None else source.documents + source.removed
    return percent(removal.count / total) if total else ""
