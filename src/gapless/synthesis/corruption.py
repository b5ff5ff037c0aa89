"""Spoil a share of documents on purpose (the quality study of Chen et al. 2024), traceably.

    documents --rank by a hash of the id--> which --a way drawn--> edits --> text and altered spans

The ``round(rate * documents)`` documents of the lowest rank are spoiled, among those that anything
can change: so a higher rate spoils the same documents in the same way, and more of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gapless.recipe.syntheses import Corruption
from gapless.seeds import stream, stream_key
from gapless.synthesis.final_answers import final_answer
from gapless.synthesis.prose import CODE_SECTIONS
from gapless.synthesis.spoiling import WAYS, Edit, Section


@dataclass(frozen=True)
class Document:
    """A text that may be spoiled, and the sections that stand in it."""

    id: str
    text: str
    form: str
    sections: Mapping[str, str]
    """Name to text. One that does not stand in the document's text word for word is left alone."""


@dataclass(frozen=True)
class Altered:
    """A span of a spoiled text."""

    begin: int
    """In characters of the new text."""
    end: int
    before: str
    """What stood there."""


@dataclass(frozen=True)
class Corrupted:
    """A document after the operator, spoiled or not."""

    id: str
    text: str
    sections: Mapping[str, str]
    way: str | None
    """How it was spoiled; None where it is as it was."""
    spans: tuple[Altered, ...]
    """In the order of the text, none over another."""
    can_change: bool
    """Whether one of the ways could change it."""


def corrupt(
    documents: Iterable[Document], spec: Corruption, seed: int, name: str
) -> Iterator[Corrupted]:
    """Give every document in order, the spoiled ones changed by a way drawn for each.

    ``documents`` are read twice: give a list, or what starts anew at each ``iter``. Of ways that
    can change a document one is drawn; what is drawn hangs on seed, name, the document and, for
    answers in words, on the nearest document before it that ends in another one.
    """
    assert iter(documents) is not documents
    cut = _cut(documents, spec, seed, name)
    for place, (document, other) in enumerate(_with_answers(documents)):
        ways = _edits(document, other, spec, seed, name)
        if not ways or cut is None or (_rank(document, seed, name), place) > cut:
            unchanged = dict(document.sections)
            yield Corrupted(document.id, document.text, unchanged, None, (), bool(ways))
            continue
        drawn = stream(seed, "synthesis", name, "corruption", document.id, "way")
        way = list(ways)[int(drawn.integers(len(ways)))]
        yield _spoiled(document, way, ways[way])


def undone(text: str, spans: Sequence[Altered]) -> str:
    """Return the text as it was before the spans were altered."""
    for span in reversed(spans):
        text = text[: span.begin] + span.before + text[span.end :]
    return text


def _cut(
    documents: Iterable[Document], spec: Corruption, seed: int, name: str
) -> tuple[int, int] | None:
    """Return the rank and place of the last document to spoil; None when there is none."""
    ranks = []
    count = 0
    for place, (document, other) in enumerate(_with_answers(documents)):
        count += 1
        if _edits(document, other, spec, seed, name):
            ranks.append((_rank(document, seed, name), place))
    wanted = min(len(ranks), int(spec.rate * count + 0.5))
    return heapq.nsmallest(wanted, ranks)[-1] if wanted else None


def _rank(document: Document, seed: int, name: str) -> int:
    return stream_key(seed, "synthesis", name, "corruption", document.id) >> 64


def _with_answers(documents: Iterable[Document]) -> Iterator[tuple[Document, str | None]]:
    """Give each document with a final answer of one before it that is not its own."""
    last: list[str] = []
    for document in documents:
        own = next(
            (a for a in map(final_answer, reversed(list(document.sections.values()))) if a), None
        )
        yield document, next((answer for answer in reversed(last) if answer != own), None)
        if own is not None and (not last or last[-1] != own):
            # Two that differ are enough: one of them is not the next one's.
            last = [*last[-1:], own]


def _edits(
    document: Document, other: str | None, spec: Corruption, seed: int, name: str
) -> dict[str, list[Edit]]:
    """Return the edits of each way that can change a document."""
    sections = _located(document)
    edits = {
        way: WAYS[way](
            sections, stream(seed, "synthesis", name, "corruption", document.id, way), other
        )
        for way in spec.ways
    }
    return {way: found for way, found in edits.items() if found}


def _located(document: Document) -> list[Section]:
    """Return the sections that stand in the text, each after the one before."""
    code = CODE_SECTIONS.get(document.form, frozenset())
    sections, place = [], 0
    for name, text in document.sections.items():
        begin = document.text.find(text, place) if text else -1
        if begin >= 0:
            sections.append(Section(name, begin, text, name in code))
            place = begin + len(text)
    return sections


def _spoiled(document: Document, way: str, edits: Sequence[Edit]) -> Corrupted:
    """Make the edits, in the text and in its sections."""
    text, spans = _edited(document.text, edits)
    sections = dict(document.sections)
    for section in _located(document):
        end = section.begin + len(section.text)
        own = [edit for edit in edits if section.begin <= edit.begin and edit.end <= end]
        moved = [Edit(e.begin - section.begin, e.end - section.begin, e.text) for e in own]
        sections[section.name] = _edited(section.text, moved)[0]
    assert text != document.text
    return Corrupted(document.id, text, sections, way, spans, can_change=True)


def _edited(text: str, edits: Sequence[Edit]) -> tuple[str, tuple[Altered, ...]]:
    """Return the new text and its altered spans."""
    parts, spans = [], []
    place = length = 0
    for edit in edits:
        assert edit.begin >= place
        kept = text[place : edit.begin]
        begin = length + len(kept)
        parts += [kept, edit.text]
        length = begin + len(edit.text)
        spans.append(Altered(begin, length, text[edit.begin : edit.end]))
        place = edit.end
    return "".join([*parts, text[place:]]), tuple(spans)
