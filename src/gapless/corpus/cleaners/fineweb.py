"""The rules FineWeb added to those of Gopher and C4 (Penedo et al. 2024).

Bounds are datatrove's: a document at a bound stays (the paper removes it), a line of exactly
``short_line_characters`` is short. The paper's 0.1 for duplicate lines is the default; datatrove
has 0.01. The rule on line feeds is datatrove's and not in the paper. Blank lines are no lines, and
white space around lines is ignored; words stand between white space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gapless.corpus.cleaners.answer import Answer, first_reasons
from gapless.corpus.cleaners.characters import SENTENCE_END, character_flags
from gapless.corpus.cleaners.lines import (
    add_hash,
    hash_bytes,
    line_end,
    most_lines,
    new_table,
    num_characters,
    num_lines,
    num_words,
    strip,
    table_mask,
)
from gapless.words.compiled import compiled
from gapless.words.split import decode, text_bytes

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.corpus.cleaners.answer import Cleaner
    from gapless.recipe.cleanings import FineWeb

_LINES, _PUNCTUATED, _SHORT, _DUPLICATE, _CHARACTERS, _LINE_FEEDS, _WORDS = range(7)


def build_fineweb(spec: FineWeb) -> Cleaner:
    """Return the cleaner of FineWeb's own rules."""
    flags = character_flags()

    def clean(texts: pa.LargeStringArray) -> Answer:
        data, borders = text_bytes(texts)
        counts = np.zeros((len(texts), 7), dtype=np.int64)
        table = new_table(most_lines(data, borders))
        _count(data, borders, (flags, spec.short_line_characters), table, counts)
        return Answer(texts, first_reasons("fineweb", _broken(spec, counts)))

    return clean


def _broken(spec: FineWeb, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return for every rule the documents that break it."""
    lines = np.maximum(counts[:, _LINES], 1)
    characters = np.maximum(counts[:, _CHARACTERS], 1)
    words = np.maximum(counts[:, _WORDS], 1)
    return {
        "few_punctuated_lines": counts[:, _PUNCTUATED] / lines < spec.min_line_punctuation_fraction,
        "short_lines": counts[:, _SHORT] / lines > spec.max_short_line_fraction,
        "duplicate_lines": counts[:, _DUPLICATE] / characters
        > spec.max_duplicate_line_character_fraction,
        "many_line_feeds": counts[:, _LINE_FEEDS] / words > spec.max_newline_word_ratio,
    }


@compiled
def _count(
    data: np.ndarray,
    borders: np.ndarray,
    measures: tuple[np.ndarray, int],
    table: tuple[np.ndarray, np.ndarray],
    counts: np.ndarray,
) -> None:
    flags, short = measures
    for document in range(len(borders) - 1):
        place, end = borders[document], borders[document + 1]
        row = counts[document]
        feeds = num_lines(data, place, end) - 1
        row[_LINE_FEEDS] = feeds
        row[_CHARACTERS] = num_characters(data, place, end) - feeds
        row[_WORDS] = num_words(data, place, end)
        mask = table_mask(feeds + 1)
        while place < end:
            after = line_end(data, place, end)
            first, last = strip(data, place, after)
            if first < last:
                size = num_characters(data, first, last)
                row[_LINES] += 1
                row[_SHORT] += size <= short
                row[_PUNCTUATED] += _ends_sentence(data, last, flags)
                if add_hash(table, mask, hash_bytes(data, first, last), document):
                    row[_DUPLICATE] += size
            place = after + 1


@compiled
def _ends_sentence(data: np.ndarray, end: int, flags: np.ndarray) -> bool:
    """Whether the character before a place ends a sentence."""
    place = end - 1
    while (data[place] & 0xC0) == 0x80:
        place -= 1
    point, _ = decode(data, place)
    return bool(flags[point] & SENTENCE_END)
