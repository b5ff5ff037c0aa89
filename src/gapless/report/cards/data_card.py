"""The card of the text that a run was made with."""

from collections.abc import Iterator

from gapless.report.cards.markdown import code, table, words
from gapless.report.content import Content
from gapless.report.numbers import MISSING, count, percent
from gapless.report.text_content import SourceContent

_MOST_REASONS = 40
_PUBLIC = ("asset:", "hf://", "http://", "https://", "s3://", "gs://")
"""Beginnings of paths that say something to others; those of a disk are its owner's business."""


def data_card(content: Content) -> str:
    """Return ``DATA.md``: sources, what was removed and why, what is held out."""
    lines = [
        f"# The text of {code(content.run_name)}",
        "",
        *_sources(content.sources),
        *_origins(content.sources),
        *_removals(content),
        *_held_out(content),
        *_contamination(content),
        *_scores(content),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _sources(sources: tuple[SourceContent, ...]) -> Iterator[str]:
    yield from ("## Documents", "")
    head = (
        "Source",
        "Role",
        "Read",
        "Removed in cleaning",
        "Copies",
        "Held out",
        "With evaluation items",
        "To train on",
        "Tokens",
    )
    rows = [
        (
            code(source.name),
            words(source.role),
            count(source.read),
            count(source.removed),
            count(source.copies),
            count(source.held_out_documents),
            MISSING if source.contaminated is None else count(source.contaminated),
            count(source.eligible),
            MISSING if source.tokens is None else count(source.tokens),
        )
        for source in sources
    ]
    yield from table(head, rows)
    yield "A document counts once, where it fell first, from left to right. Tokens are of the"
    yield "documents to train on; an arm may have selected some of them, or seen them many times."
    if any(source.role == "reference" for source in sources):
        yield "A reference is what scores are measured against; no model was trained on it."
    yield ""


def _origins(sources: tuple[SourceContent, ...]) -> Iterator[str]:
    yield from ("## Where it is from", "")
    for source in sources:
        path = source.path_shown
        place = code(path) if path.startswith(_PUBLIC) else "files of whoever made the run"
        licence = (
            f"licence {code(source.licence)}" if source.licence else "its licence is not known here"
        )
        yield f"- {code(source.name)}: {place}; {licence}."
    yield ""


def _removals(content: Content) -> Iterator[str]:
    if not content.removals:
        return
    yield from ("## Why documents were removed", "")
    read = {source.name: source.read for source in content.sources}
    shown = content.removals[:_MOST_REASONS]
    rows = [
        (
            code(removal.source),
            words(removal.reason),
            count(removal.count),
            percent(removal.count / read[removal.source]) if read.get(removal.source) else MISSING,
        )
        for removal in shown
    ]
    yield from table(("Source", "Reason", "Documents", "Of those read"), rows)
    if len(shown) < len(content.removals):
        yield from (f"And {len(content.removals) - len(shown)} more in the run's report.", "")


def _held_out(content: Content) -> Iterator[str]:
    total = sum(s.held_out_documents for s in content.sources if s.role != "reference")
    yield from ("## Held out", "")
    yield f"{count(total)} documents were kept out of training, by the hash of their work's name:"
    yield "all of a work is on one side. What the model lost and gained is measured on them."
    yield ""


def _contamination(content: Content) -> Iterator[str]:
    yield from ("## Evaluation items in the text", "")
    known = [s for s in content.sources if s.contaminated is not None and s.role != "reference"]
    if known:
        found = sum(source.contaminated or 0 for source in known)
        yield f"They were looked for; {count(found)} documents that held one were taken out."
    else:
        yield "Nobody looked for them: what is measured may have been trained on."
    yield ""


def _scores(content: Content) -> Iterator[str]:
    if not content.scores and not content.labels:
        return
    yield from ("## Scores", "")
    abouts = [*((s.name, s.about) for s in content.scores)]
    abouts += [(labels.name, labels.about) for labels in content.labels]
    yield from (f"- {code(name)}: {words(about)}" for name, about in abouts)
    yield ""
