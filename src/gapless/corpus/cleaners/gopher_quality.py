"""Gopher's quality rules (Rae et al. 2021, appendix A.1.1).

Words here are what stands between white space, as in Dolma's reading of the paper: its rules speak
of words without a letter and of words as long as ten characters on average, so punctuation and
numbers are words or parts of them. A stop word counts once, in any case, wherever letters and
digits end around it. The rules fit languages that write spaces and have these stop words.

Where the paper is silent: blank lines are no lines; a bullet is one of ``BULLETS``; an ellipsis is
three full stops or U+2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gapless.corpus.cleaners.answer import Answer, first_reasons
from gapless.corpus.cleaners.characters import ALPHABETIC, DIGIT, SPACE, character_flags
from gapless.corpus.cleaners.lines import line_end, strip
from gapless.words.compiled import compiled
from gapless.words.split import decode, text_bytes

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.corpus.cleaners.answer import Cleaner
    from gapless.recipe.cleanings import GopherQuality

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
BULLETS = "*-\u2022\u2023\u25aa\u25cf\u25e6\u2013\u00b7"

_PACKED = np.array([int.from_bytes(word.encode(), "big") for word in STOP_WORDS], dtype=np.int64)
_BULLETS = np.array([ord(character) for character in BULLETS], dtype=np.int64)
_LONGEST = max(map(len, STOP_WORDS))
(
    _WORDS,
    _WORD_CHARACTERS,
    _ALPHABETIC_WORDS,
    _HASHES,
    _ELLIPSES,
    _STOP_WORDS,
    _LINES,
    _BULLET_LINES,
    _ELLIPSIS_LINES,
) = range(9)


def build_gopher_quality(spec: GopherQuality) -> Cleaner:
    """Return the cleaner of Gopher's quality rules."""
    flags = character_flags()

    def clean(texts: pa.LargeStringArray) -> Answer:
        data, borders = text_bytes(texts)
        counts = np.zeros((len(texts), 9), dtype=np.int64)
        _count(data, borders, flags, counts)
        return Answer(texts, first_reasons("gopher_quality", _broken(spec, counts)))

    return clean


def _broken(spec: GopherQuality, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return for every rule the documents that break it."""
    words = np.maximum(counts[:, _WORDS], 1)
    lines = np.maximum(counts[:, _LINES], 1)
    mean_length = counts[:, _WORD_CHARACTERS] / words
    return {
        "too_few_words": counts[:, _WORDS] < spec.min_words,
        "too_many_words": counts[:, _WORDS] > spec.max_words,
        "short_words": mean_length < spec.min_mean_word_length,
        "long_words": mean_length > spec.max_mean_word_length,
        "hash_symbols": counts[:, _HASHES] / words > spec.max_symbol_word_ratio,
        "ellipses": counts[:, _ELLIPSES] / words > spec.max_symbol_word_ratio,
        "bullet_lines": counts[:, _BULLET_LINES] / lines > spec.max_bullet_line_fraction,
        "ellipsis_lines": counts[:, _ELLIPSIS_LINES] / lines > spec.max_ellipsis_line_fraction,
        "few_alphabetic_words": counts[:, _ALPHABETIC_WORDS] / words
        < spec.min_alphabetic_word_fraction,
        "few_stop_words": counts[:, _STOP_WORDS] < spec.min_stop_words,
    }


@compiled
def _count(data: np.ndarray, borders: np.ndarray, flags: np.ndarray, counts: np.ndarray) -> None:
    for document in range(len(borders) - 1):
        begin, end = borders[document], borders[document + 1]
        _count_words(data, begin, end, flags, counts[document])
        _count_symbols(data, begin, end, counts[document])
        _count_stop_words(data, begin, end, flags, counts[document])
        _count_lines(data, begin, end, counts[document])


@compiled
def _count_words(
    data: np.ndarray, begin: int, end: int, flags: np.ndarray, row: np.ndarray
) -> None:
    words, characters, alphabetic = 0, 0, 0
    in_word, has_letter = False, False
    place = begin
    while place < end:
        point, size = decode(data, place)
        flag = flags[point]
        if flag & SPACE:
            alphabetic += has_letter
            in_word, has_letter = False, False
        else:
            words += not in_word
            characters += 1
            in_word = True
            has_letter |= (flag & ALPHABETIC) != 0
        place += size
    row[_WORDS], row[_WORD_CHARACTERS] = words, characters
    row[_ALPHABETIC_WORDS] = alphabetic + has_letter


@compiled
def _count_symbols(data: np.ndarray, begin: int, end: int, row: np.ndarray) -> None:
    """Count hash symbols and ellipses; a run of full stops has one for every three."""
    hashes, ellipses, run = 0, 0, 0
    for place in range(begin, end):
        byte = data[place]
        hashes += byte == 0x23
        run = run + 1 if byte == 0x2E else 0
        ellipses += run > 0 and run % 3 == 0
        ellipses += byte == 0xE2 and data[place + 1] == 0x80 and data[place + 2] == 0xA6
    row[_HASHES], row[_ELLIPSES] = hashes, ellipses


@compiled
def _count_stop_words(
    data: np.ndarray, begin: int, end: int, flags: np.ndarray, row: np.ndarray
) -> None:
    """Count which stop words stand in a text. A word is packed into an integer to compare it."""
    seen, packed, length = 0, 0, 0
    place = begin
    while place <= end:
        point, size = 0x20, 1
        if place < end:
            point, size = decode(data, place)
        if flags[point] & (ALPHABETIC | DIGIT):
            length += 1
            if point < 0x80 and length <= _LONGEST:
                packed = packed << 8 | (point | 0x20)
            else:
                length = _LONGEST + 1
        else:
            if 0 < length <= _LONGEST:
                for number in range(len(_PACKED)):
                    if packed == _PACKED[number]:
                        seen |= 1 << number
            packed, length = 0, 0
        place += size
    for number in range(len(_PACKED)):
        row[_STOP_WORDS] += seen >> number & 1


@compiled
def _count_lines(data: np.ndarray, begin: int, end: int, row: np.ndarray) -> None:
    place = begin
    while place < end:
        after = line_end(data, place, end)
        first, last = strip(data, place, after)
        if first < last:
            row[_LINES] += 1
            point, _ = decode(data, first)
            for bullet in _BULLETS:
                row[_BULLET_LINES] += point == bullet
            row[_ELLIPSIS_LINES] += ends_with_ellipsis(data, first, last)
        place = after + 1


@compiled
def ends_with_ellipsis(data: np.ndarray, begin: int, end: int) -> bool:
    """Whether a text ends with three full stops or U+2026."""
    if end - begin < 3:
        return False
    if data[end - 1] == 0x2E:
        return bool(data[end - 2] == 0x2E and data[end - 3] == 0x2E)
    return bool(data[end - 3] == 0xE2 and data[end - 2] == 0x80 and data[end - 1] == 0xA6)
