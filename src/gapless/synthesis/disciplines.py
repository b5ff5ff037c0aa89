"""The discipline of a document: by words in it, by the address it came from, or by a label.

    rule --labeller--> Labeller: ids, texts, labels --> a discipline or null per document

A word list is read into one table of word hashes, so that a document costs one probe per word
however long the lists are. To add a rule: its spec in ``recipe/syntheses.py``, one function here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.errors import DataError
from gapless.recipe.syntheses import DISCIPLINES, Addresses, DisciplineRule, Keywords, Labels
from gapless.words import Words, split_words
from gapless.words.compiled import compiled

if TYPE_CHECKING:
    import pyarrow as pa

Labeller = Callable[["pa.Array", "pa.LargeStringArray", "pa.Array | None"], "pa.StringArray"]
"""Ids, texts (no nulls), labels (of a score; None for other rules) to disciplines or nulls."""

_SLOT_BITS = 15
_SLOT_MASK = np.uint64((1 << _SLOT_BITS) - 1)


def labeller(rule: DisciplineRule) -> Labeller:
    """Return the function that tells disciplines by a rule; it may be shared among threads."""
    if isinstance(rule, Keywords):
        return _by_keywords(rule)
    if isinstance(rule, Addresses):
        return _by_addresses(rule)
    return _by_labels(rule)


@cache
def _table() -> dict[str, dict[str, Any]]:
    import tomllib

    text = resources.files("gapless.synthesis").joinpath("disciplines.toml").read_text("utf-8")
    table: dict[str, dict[str, Any]] = tomllib.loads(text)
    assert tuple(table) == DISCIPLINES
    return table


def name_of(discipline: str, language: str) -> str:
    """Return what a discipline is called in ``en`` or ``zh``."""
    return str(_table()[discipline]["name"][language])


def words_of(discipline: str) -> tuple[str, ...]:
    """Return the words and phrases, English and Chinese, that speak for a discipline."""
    words = _table()[discipline]["words"]
    return (*words["en"], *words["zh"])


def _by_keywords(rule: Keywords) -> Labeller:
    """Count the different keywords in a document: most hits decide, a tie is no discipline.

    Capitals do not count, and neither does a plain English plural: ``gene`` stands for ``genes``.
    """
    lists: Mapping[Any, Sequence[str]] = _our_lists() if rule.words is None else rule.words
    phrases = _our_phrases() if rule.words is None else _phrases(lists)

    def told(ids: pa.Array, texts: pa.LargeStringArray, labels: pa.Array | None) -> pa.StringArray:  # noqa: ARG001
        best, hits, tied = _most_hits(split_words(texts), phrases, len(lists))
        return _names(list(lists), np.where((hits >= rule.least) & ~tied, best, -1))

    return told


def _by_addresses(rule: Addresses) -> Labeller:
    """Look for pieces of addresses in ids: the longest decides, a tie is no discipline.

    Capitals do not count.
    """
    names = list(rule.contain)
    pieces = [
        (piece, number)
        for number, name in enumerate(names)
        for piece in rule.contain[name]
        if piece
    ]

    def told(ids: pa.Array, texts: pa.LargeStringArray, labels: pa.Array | None) -> pa.StringArray:  # noqa: ARG001
        import pyarrow.compute as pc

        best = np.full(len(ids), -1, dtype=np.int64)
        longest = np.zeros(len(ids), dtype=np.int64)
        for piece, number in pieces:
            found = pc.match_substring(ids, piece, ignore_case=True)
            found = pc.fill_null(found, False).to_numpy(zero_copy_only=False)  # noqa: FBT003
            longer = found & (len(piece) > longest)
            same = found & (len(piece) == longest) & (best != number)
            best[longer], longest[longer], best[same] = number, len(piece), -1
        return _names(names, best)

    return told


def _by_labels(rule: Labels) -> Labeller:
    """Take the discipline that the recipe gives a label."""

    def told(ids: pa.Array, texts: pa.LargeStringArray, labels: pa.Array | None) -> pa.StringArray:  # noqa: ARG001
        import pyarrow as pa

        assert labels is not None
        given = [rule.labels.get(label) for label in labels.to_pylist()]
        return pa.array(given, type=pa.string())

    return told


def _names(names: Sequence[str], chosen: np.ndarray) -> pa.StringArray:
    import pyarrow as pa

    given = [names[number] if number >= 0 else None for number in chosen.tolist()]
    return pa.array(given, type=pa.string())


@dataclass(frozen=True)
class _Phrases:
    """Keywords as runs of word hashes, found by their first word."""

    slots: np.ndarray
    """By the low bits of a first word's hash, the number of its first phrase, or -1: int32."""
    following: np.ndarray
    """The next phrase to try in the same slot, or -1: int32, shape (phrases,)."""
    words: np.ndarray
    """All phrases' words end to end: uint64."""
    offsets: np.ndarray
    """Words of phrase i are ``offsets[i]:offsets[i + 1]``: int64, shape (phrases + 1,)."""
    disciplines: np.ndarray
    """int32, shape (phrases,)."""
    keywords: np.ndarray
    """The keyword that a phrase is a form of: int32, shape (phrases,)."""


@cache
def _our_lists() -> dict[str, tuple[str, ...]]:
    return {discipline: words_of(discipline) for discipline in DISCIPLINES}


@cache
def _our_phrases() -> _Phrases:
    return _phrases(_our_lists())


def _phrases(lists: Mapping[Any, Sequence[str]]) -> _Phrases:
    """Index word lists; a keyword without a letter or digit is a `DataError`."""
    import pyarrow as pa

    written: list[str] = []
    disciplines: list[int] = []
    keywords: list[int] = []
    number = 0
    for place, (discipline, words) in enumerate(lists.items()):
        for word in dict.fromkeys(word.casefold().strip() for word in words):
            forms = [word, f"{word}s"] if word[-1:].isascii() and word[-1:].isalpha() else [word]
            written += forms
            disciplines += [place] * len(forms)
            keywords += [number] * len(forms)
            number += 1
            if not len(split_words(pa.array([word], type=pa.large_string())).hashes):
                raise DataError(
                    f"{word!r} holds no word",
                    where=f"words.{discipline}",
                    mend="Words are runs of letters and digits; leave this one out.",
                )
    split = split_words(pa.array(written, type=pa.large_string()))
    slots = np.full(1 << _SLOT_BITS, -1, dtype=np.int32)
    following = np.full(len(written), -1, dtype=np.int32)
    for phrase in range(len(written)):
        slot = int(split.hashes[split.offsets[phrase]] & _SLOT_MASK)
        following[phrase], slots[slot] = slots[slot], phrase
    return _Phrases(
        slots,
        following,
        split.hashes,
        split.offsets,
        np.array(disciplines, dtype=np.int32),
        np.array(keywords, dtype=np.int32),
    )


def _most_hits(
    words: Words, phrases: _Phrases, disciplines: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return per document the best discipline, how many keywords of it there are, and if tied."""
    documents = len(words.offsets) - 1
    hits = np.zeros((documents, disciplines), dtype=np.int32)
    table = (phrases.slots, phrases.following, phrases.words, phrases.offsets)
    _count(words.hashes, words.offsets, table, phrases.disciplines, phrases.keywords, hits)
    best = hits.argmax(axis=1)
    most = hits.max(axis=1)
    return best, most, (hits == most[:, None]).sum(axis=1) > 1


@compiled
def _count(
    words: np.ndarray,
    borders: np.ndarray,
    table: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    disciplines: np.ndarray,
    keywords: np.ndarray,
    hits: np.ndarray,
) -> None:
    slots, following, phrase_words, offsets = table
    seen = np.full(len(keywords), -1, dtype=np.int64)  # a keyword's last document
    for document in range(len(borders) - 1):
        end = borders[document + 1]
        for place in range(borders[document], end):
            phrase = slots[words[place] & _SLOT_MASK]
            while phrase >= 0:
                first, length = offsets[phrase], offsets[phrase + 1] - offsets[phrase]
                same = place + length <= end and seen[keywords[phrase]] != document
                step = 0
                while same and step < length:
                    same = words[place + step] == phrase_words[first + step]
                    step += 1
                if same:
                    seen[keywords[phrase]] = document
                    hits[document, disciplines[phrase]] += 1
                phrase = following[phrase]
