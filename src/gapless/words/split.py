"""Texts to the hashes and places of their words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gapless.words.characters import ALONE, APOSTROPHE, LETTER, tables
from gapless.words.compiled import compiled

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
"""Raise it when the same text would give other words."""

_APOSTROPHE, _ALONE, _LETTER = (np.uint8(kind) for kind in (APOSTROPHE, ALONE, LETTER))
_BASIS = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0x100000001B3)
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_33 = np.uint64(33)


@dataclass(frozen=True)
class Words:
    """The words of a batch of documents, end to end."""

    hashes: np.ndarray
    """64-bit hash of each lower-cased word: uint64, shape (words,)."""
    offsets: np.ndarray
    """Words of document i are ``offsets[i]:offsets[i + 1]``: int64, shape (documents + 1,)."""
    begins: np.ndarray
    """First byte of each word in its own document's UTF-8 bytes: int64, shape (words,)."""
    ends: np.ndarray
    """One past the last byte: int64, shape (words,)."""


def split_words(texts: pa.LargeStringArray) -> Words:
    """Return the words of texts, none of which may be null."""
    data, borders = text_bytes(texts)
    classes, lower = tables()
    capacity = len(data) // 2 + len(texts) + 1
    hashes = np.empty(capacity, dtype=np.uint64)
    begins, ends = np.empty(capacity, dtype=np.int64), np.empty(capacity, dtype=np.int64)
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    count = _split(data, borders, classes, lower, (hashes, begins, ends, offsets))
    return Words(hashes[:count], offsets, begins[:count], ends[:count])


def text_bytes(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the UTF-8 bytes of texts end to end, and the borders between them (int64)."""
    assert texts.null_count == 0
    _, borders_buffer, data_buffer = texts.buffers()
    if len(texts) == 0 or borders_buffer is None:
        return np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    borders = np.frombuffer(borders_buffer, dtype=np.int64)
    borders = borders[texts.offset : texts.offset + len(texts) + 1]
    data = np.zeros(0, dtype=np.uint8)
    if data_buffer is not None:
        data = np.frombuffer(data_buffer, dtype=np.uint8)[borders[0] : borders[-1]]
    return data, borders - borders[0]


@compiled
def decode(data: np.ndarray, place: int) -> tuple[int, int]:
    """Return the code point that begins at a byte of valid UTF-8, and its number of bytes."""
    first = int(data[place])
    if first < 0x80:
        return first, 1
    second = int(data[place + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, 2
    third = int(data[place + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, 3
    return (first & 0x07) << 18 | second << 12 | third << 6 | int(data[place + 3]) & 0x3F, 4


@compiled
def continues_word(data: np.ndarray, place: int, size: int, end: int, classes: np.ndarray) -> bool:
    """Whether a letter or digit follows the apostrophe of ``size`` bytes at ``place``."""
    after = place + size
    if after >= end:
        return False
    point, _ = decode(data, after)
    return bool(classes[point] >= _LETTER)


@compiled
def mix(value: np.uint64) -> np.uint64:
    """Spread a hash over all its bits (MurmurHash3's last step)."""
    value = (value ^ (value >> _33)) * _MIX_1
    value = (value ^ (value >> _33)) * _MIX_2
    return value ^ (value >> _33)


@compiled
def _split(
    data: np.ndarray,
    borders: np.ndarray,
    classes: np.ndarray,
    lower: np.ndarray,
    out: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> int:
    hashes, begins, ends, offsets = out
    count = 0
    for document in range(len(borders) - 1):
        start, end = borders[document], borders[document + 1]
        place, word_begin = start, np.int64(-1)
        value = _BASIS
        while place < end:
            point, size = decode(data, place)
            kind = classes[point]
            inside = kind >= _LETTER
            if kind == _APOSTROPHE and word_begin >= 0:
                inside = continues_word(data, place, size, end, classes)
            if inside:
                if word_begin < 0:
                    word_begin, value = place, _BASIS
                value = (value ^ np.uint64(lower[point])) * _PRIME
            else:
                if word_begin >= 0:
                    hashes[count] = mix(value)
                    begins[count], ends[count] = word_begin - start, place - start
                    count += 1
                    word_begin = np.int64(-1)
                if kind == _ALONE:
                    hashes[count] = mix((_BASIS ^ np.uint64(lower[point])) * _PRIME)
                    begins[count], ends[count] = place - start, place + size - start
                    count += 1
            place += size
        if word_begin >= 0:
            hashes[count] = mix(value)
            begins[count], ends[count] = word_begin - start, end - start
            count += 1
        offsets[document + 1] = count
    return count
