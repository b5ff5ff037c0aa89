"""Gopher's repetition rules (Rae et al. 2021, appendix A.1.1 and table A1).

    lines, paragraphs   those equal to an earlier one: how many, and their characters
    n-grams, n = 2..4   the most frequent one: its characters with single spaces, times its count
    n-grams, n = 5..10  those equal to an earlier one, none overlapping: characters of their words

Every count of characters is divided by the characters of the text. As in datatrove, the first of
several equals is no repetition, and of equally frequent n-grams the first counts. Other than there,
an n-gram that occurs once is not a repetition at all, blank lines are no lines, white space around
lines is ignored, and n-grams are of `gapless.words`: lower-cased, without punctuation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gapless.corpus.cleaners.answer import Answer, first_reasons
from gapless.corpus.cleaners.lines import (
    add_hash,
    find_slot,
    hash_bytes,
    line_end,
    most_lines,
    new_table,
    num_characters,
    num_lines,
    strip,
    table_mask,
)
from gapless.words import ngram_hashes, split_words
from gapless.words.compiled import compiled
from gapless.words.split import mix, text_bytes

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.corpus.cleaners.answer import Cleaner
    from gapless.recipe.cleanings import GopherRepetition

(
    _CHARACTERS,
    _LINES,
    _PARAGRAPHS,
    _DUPLICATE_LINES,
    _DUPLICATE_PARAGRAPHS,
    _LINE_CHARACTERS,
    _PARAGRAPH_CHARACTERS,
) = range(7)


def build_gopher_repetition(spec: GopherRepetition) -> Cleaner:
    """Return the cleaner of Gopher's repetition rules."""

    def clean(texts: pa.LargeStringArray) -> Answer:
        counts = _count_lines(texts)
        characters = np.maximum(counts[:, _CHARACTERS], 1)
        broken = _broken_by_lines(spec, counts, characters)
        broken |= _broken_by_ngrams(spec, texts, characters)
        return Answer(texts, first_reasons("gopher_repetition", broken))

    return clean


def _broken_by_lines(
    spec: GopherRepetition, counts: np.ndarray, characters: np.ndarray
) -> dict[str, np.ndarray]:
    lines = np.maximum(counts[:, _LINES], 1)
    paragraphs = np.maximum(counts[:, _PARAGRAPHS], 1)
    return {
        "duplicate_paragraphs": counts[:, _DUPLICATE_PARAGRAPHS] / paragraphs
        > spec.max_duplicate_paragraph_fraction,
        "duplicate_paragraph_characters": counts[:, _PARAGRAPH_CHARACTERS] / characters
        > spec.max_duplicate_paragraph_character_fraction,
        "duplicate_lines": counts[:, _DUPLICATE_LINES] / lines > spec.max_duplicate_line_fraction,
        "duplicate_line_characters": counts[:, _LINE_CHARACTERS] / characters
        > spec.max_duplicate_line_character_fraction,
    }


def _broken_by_ngrams(
    spec: GopherRepetition, texts: pa.LargeStringArray, characters: np.ndarray
) -> dict[str, np.ndarray]:
    data, borders = text_bytes(texts)
    words = split_words(texts)
    before = np.zeros(len(words.hashes) + 1, dtype=np.int64)
    _word_lengths(data, borders, (words.offsets, words.begins, words.ends), before)
    most = int(np.diff(words.offsets).max(initial=0))
    keys, stamps = new_table(most)
    tally, firsts = np.zeros_like(stamps), np.zeros_like(stamps)
    broken: dict[str, np.ndarray] = {}
    repeats = np.ones(len(texts), dtype=np.bool_)
    found = np.zeros(len(texts), dtype=np.int64)
    for n, limit in sorted(spec.max_top_ngram_character_fractions.items()):
        stamps.fill(-1)
        grams, offsets = ngram_hashes(words, n)
        _top(grams, (offsets, words.offsets, before), n, (keys, stamps, tally, firsts), found)
        broken[f"top_{n}_gram"] = found / characters > limit
    for n, limit in sorted(spec.max_duplicate_ngram_character_fractions.items()):
        stamps.fill(-1)
        grams, offsets = ngram_hashes(words, n)
        _duplicate(grams, (offsets, words.offsets, before), n, (keys, stamps), (found, repeats))
        broken[f"duplicate_{n}_grams"] = found / characters > limit
    return broken


def _count_lines(texts: pa.LargeStringArray) -> np.ndarray:
    """Return the counts of each text's lines and paragraphs: int64, shape (texts, 7)."""
    data, borders = text_bytes(texts)
    counts = np.zeros((len(texts), 7), dtype=np.int64)
    most = most_lines(data, borders)
    _count_all_lines(data, borders, new_table(most), new_table(most), counts)
    return counts


@compiled
def _count_all_lines(
    data: np.ndarray,
    borders: np.ndarray,
    lines: tuple[np.ndarray, np.ndarray],
    paragraphs: tuple[np.ndarray, np.ndarray],
    counts: np.ndarray,
) -> None:
    for document in range(len(borders) - 1):
        place, end = borders[document], borders[document + 1]
        row = counts[document]
        row[_CHARACTERS] = num_characters(data, place, end)
        mask = table_mask(num_lines(data, place, end))
        paragraph, inside = np.uint64(0), 0
        while place <= end:
            after = line_end(data, place, end)
            first, last = strip(data, place, after)
            if first < last:
                key, size = hash_bytes(data, first, last), num_characters(data, first, last)
                row[_LINES] += 1
                if add_hash(lines, mask, key, document):
                    row[_DUPLICATE_LINES] += 1
                    row[_LINE_CHARACTERS] += size
                paragraph = mix(paragraph + key)
                inside += size + (inside > 0)
            if inside > 0 and (first == last or after == end):
                row[_PARAGRAPHS] += 1
                if add_hash(paragraphs, mask, paragraph, document):
                    row[_DUPLICATE_PARAGRAPHS] += 1
                    row[_PARAGRAPH_CHARACTERS] += inside
                paragraph, inside = np.uint64(0), 0
            place = after + 1


@compiled
def _word_lengths(
    data: np.ndarray,
    borders: np.ndarray,
    words: tuple[np.ndarray, np.ndarray, np.ndarray],
    before: np.ndarray,
) -> None:
    """Set ``before[w]`` to the characters of all words before word ``w`` of the batch."""
    offsets, begins, ends = words
    for document in range(len(borders) - 1):
        start = borders[document]
        for word in range(offsets[document], offsets[document + 1]):
            size = num_characters(data, start + begins[word], start + ends[word])
            before[word + 1] = before[word] + size


@compiled
def _top(
    grams: np.ndarray,
    places: tuple[np.ndarray, np.ndarray, np.ndarray],
    n: int,
    table: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    found: np.ndarray,
) -> None:
    """Set ``found`` to the characters in all occurrences of each text's most frequent n-gram."""
    offsets, word_offsets, before = places
    keys, stamps, tally, firsts = table
    for document in range(len(offsets) - 1):
        begin, end = offsets[document], offsets[document + 1]
        mask = table_mask(end - begin)
        best, best_first = 1, 0
        for gram in range(begin, end):
            slot = find_slot(keys, stamps, mask, grams[gram], document)
            if stamps[slot] != document:
                keys[slot], stamps[slot] = grams[gram], document
                tally[slot], firsts[slot] = 0, gram
            tally[slot] += 1
            first = firsts[slot]
            if tally[slot] > best or (tally[slot] == best and best > 1 and first < best_first):
                best, best_first = tally[slot], first
        found[document] = 0
        if best > 1:
            word = word_offsets[document] + best_first - begin
            found[document] = best * (before[word + n] - before[word] + n - 1)


@compiled
def _duplicate(
    grams: np.ndarray,
    places: tuple[np.ndarray, np.ndarray, np.ndarray],
    n: int,
    table: tuple[np.ndarray, np.ndarray],
    out: tuple[np.ndarray, np.ndarray],
) -> None:
    """Set ``found`` to the characters of the n-grams that stood earlier in the text.

    A text that repeats none repeats no longer one either: ``repeats`` remembers it.
    """
    offsets, word_offsets, before = places
    found, repeats = out
    for document in range(len(offsets) - 1):
        found[document] = 0
        if not repeats[document]:
            continue
        gram, end = offsets[document], offsets[document + 1]
        shift = word_offsets[document] - gram
        mask = table_mask(end - gram)
        while gram < end:
            if add_hash(table, mask, grams[gram], document):
                found[document] += before[gram + shift + n] - before[gram + shift]
                gram += n
            else:
                gram += 1
        repeats[document] = found[document] > 0
