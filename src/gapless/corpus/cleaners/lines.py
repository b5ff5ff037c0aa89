"""Kernels that find the lines of a text, count in them, and know those that came before.

Places are bytes of UTF-8. A line ends before its line feed; white space around it is no part of it
when it is stripped.
"""

from __future__ import annotations

import numpy as np

from gapless.words.compiled import compiled
from gapless.words.split import mix

_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@compiled
def line_end(data: np.ndarray, place: int, end: int) -> int:
    """Return the place of the next line feed, or the end."""
    while place < end and data[place] != 0x0A:
        place += 1
    return place


@compiled
def is_blank(byte: int) -> bool:
    """Whether a byte is ASCII white space, as Python has it."""
    return byte == 0x20 or 0x09 <= byte <= 0x0D or 0x1C <= byte <= 0x1F


@compiled
def strip(data: np.ndarray, begin: int, end: int) -> tuple[int, int]:
    """Return a line without the ASCII white space around it."""
    while begin < end and is_blank(data[begin]):
        begin += 1
    while end > begin and is_blank(data[end - 1]):
        end -= 1
    return begin, end


@compiled
def num_characters(data: np.ndarray, begin: int, end: int) -> int:
    """Return how many characters some bytes are: those that continue none."""
    count = 0
    for place in range(begin, end):
        count += (data[place] & 0xC0) != 0x80
    return count


@compiled
def num_words(data: np.ndarray, begin: int, end: int) -> int:
    """Return the number of words between ASCII white space."""
    count = 0
    outside = True
    for place in range(begin, end):
        blank = is_blank(data[place])
        count += outside and not blank
        outside = blank
    return count


@compiled
def hash_bytes(data: np.ndarray, begin: int, end: int) -> np.uint64:
    """Return the 64-bit hash (FNV-1a, mixed) of some bytes."""
    value = _BASIS
    for place in range(begin, end):
        value = (value ^ np.uint64(data[place])) * _PRIME
    return mix(value)


@compiled
def num_lines(data: np.ndarray, begin: int, end: int) -> int:
    """Return the number of lines, blank ones too."""
    count = 1
    for place in range(begin, end):
        count += data[place] == 0x0A
    return count


@compiled
def most_lines(data: np.ndarray, borders: np.ndarray) -> int:
    """Return the number of lines of the text that has most."""
    most = 0
    for document in range(len(borders) - 1):
        most = max(most, num_lines(data, borders[document], borders[document + 1]))
    return most


def new_table(capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an empty set of hashes that holds up to ``capacity`` of each document.

    The set is two arrays: the hashes, and the stamp of the document that put each there. A document
    uses another's slots again, so that nothing need be emptied.
    """
    size = 1 << max(2 * capacity, 2).bit_length()
    return np.zeros(size, dtype=np.uint64), np.full(size, -1, dtype=np.int64)


@compiled
def table_mask(capacity: int) -> np.uint64:
    """Return the mask of the part of a table that serves so many hashes."""
    size = 4
    while size < 2 * capacity:
        size *= 2
    return np.uint64(size - 1)


@compiled
def find_slot(
    keys: np.ndarray, stamps: np.ndarray, mask: np.uint64, key: np.uint64, stamp: int
) -> int:
    """Return the slot of a hash, or the free one where it goes."""
    slot = key & mask
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return int(slot)


@compiled
def add_hash(
    table: tuple[np.ndarray, np.ndarray], mask: np.uint64, key: np.uint64, stamp: int
) -> bool:
    """Put a hash into the set and return whether it was there."""
    keys, stamps = table
    slot = find_slot(keys, stamps, mask, key, stamp)
    known = bool(stamps[slot] == stamp)
    keys[slot], stamps[slot] = key, stamp
    return known
