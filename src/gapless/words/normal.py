"""Texts to the form that n-gram models read and score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gapless.words.characters import ALONE, APOSTROPHE, DIGIT, LETTER, tables
from gapless.words.compiled import compiled
from gapless.words.split import continues_word, decode, text_bytes

if TYPE_CHECKING:
    import pyarrow as pa

_LETTER, _DIGIT, _ALONE, _APOSTROPHE = (
    np.uint8(kind) for kind in (LETTER, DIGIT, ALONE, APOSTROPHE)
)
_SPACE, _ZERO = np.uint8(0x20), 0x30


def normalise(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return the words of texts, lower-cased, each digit a 0, with single spaces between them.

    The words are those of `split_words`; numbers that differ only in their digits become one word
    (as CCNet does, Wenzek et al. 2020). The form is part of `gapless.words.VERSION`.
    """
    import pyarrow as pa

    data, borders = text_bytes(texts)
    # A character of n bytes becomes at most a space and, lower-cased, one byte more than n.
    out = np.empty(2 * len(data), dtype=np.uint8)
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    size = _normalise(data, borders, tables(), out, offsets)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(out[:size])]
    return pa.LargeStringArray.from_buffers(len(texts), buffers[1], buffers[2])


@compiled
def _encode(point: int, out: np.ndarray, size: int) -> int:
    """Write a code point as UTF-8 and return the new size."""
    if point < 0x80:
        out[size] = point
        return size + 1
    if point < 0x800:
        out[size] = 0xC0 | point >> 6
        out[size + 1] = 0x80 | point & 0x3F
        return size + 2
    if point < 0x10000:
        out[size] = 0xE0 | point >> 12
        out[size + 1] = 0x80 | point >> 6 & 0x3F
        out[size + 2] = 0x80 | point & 0x3F
        return size + 3
    out[size] = 0xF0 | point >> 18
    out[size + 1] = 0x80 | point >> 12 & 0x3F
    out[size + 2] = 0x80 | point >> 6 & 0x3F
    out[size + 3] = 0x80 | point & 0x3F
    return size + 4


@compiled
def _normalise(
    data: np.ndarray,
    borders: np.ndarray,
    characters: tuple[np.ndarray, np.ndarray],
    out: np.ndarray,
    offsets: np.ndarray,
) -> int:
    classes, lower = characters
    size = 0
    for document in range(len(borders) - 1):
        begin, end = size, borders[document + 1]
        place = borders[document]
        in_word = False
        while place < end:
            point, length = decode(data, place)
            kind = classes[point]
            inside = kind >= _LETTER
            if kind == _APOSTROPHE and in_word:
                inside = continues_word(data, place, length, end, classes)
            if inside or kind == _ALONE:
                if size > begin and (kind == _ALONE or not in_word):
                    out[size] = _SPACE
                    size += 1
                size = _encode(_ZERO if kind == _DIGIT else int(lower[point]), out, size)
            in_word = inside
            place += length
        offsets[document + 1] = size
    return size
