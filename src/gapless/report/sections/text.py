"""The text: what became of every source's documents, and each reason for a removal."""

from dataclasses import dataclass

from gapless.report.content import Content
from gapless.report.numbers import percent
from gapless.report.templating import Section, fill
from gapless.report.text_content import RemovalContent, RemovedExample, SourceContent


@dataclass(frozen=True)
class Example:
    """A document that was removed, as it is shown."""

    content: RemovedExample
    because: str


@dataclass(frozen=True)
class Removal:
    """One reason in one source, with its part of that source's documents."""

    content: RemovalContent
    share: str
    examples: tuple[Example, ...]


def build(content: Content) -> Section:
    """Make the tables of sources and removals."""
    sources = {source.name: source for source in content.sources}
    html = fill(
        "text",
        sources=content.sources,
        has_reference=any(source.tokens is None for source in content.sources),
        removals=[_removal(r, sources.get(r.source)) for r in content.removals],
    )
    return Section("text", "Text", html)


def _removal(removal: RemovalContent, source: SourceContent | None) -> Removal:
    share = "" if source is None else _share(removal.count, source.read)
    examples = tuple(Example(example, _because(example)) for example in removal.examples)
    return Removal(removal, share, examples)


def _share(part: int, whole: int) -> str:
    if whole == 0:
        return ""
    return "< 0.1 %" if 0 < part / whole < 0.0005 else percent(part / whole)


def _because(example: RemovedExample) -> str:
    if not example.fell_to:
        return ""
    if example.similarity is None:
        return f"fell to {example.fell_to}"
    return f"{percent(example.similarity)} the same as {example.fell_to}"
