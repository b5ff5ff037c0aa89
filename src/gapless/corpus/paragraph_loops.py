"""Compiled loops over the paragraphs of documents: hash them, judge them, cut them out.

A paragraph is a line with something on it. It is long when it has at least ``least`` characters,
white space around it aside; only long ones are hashed, judged and cut. What is equal is found by
64-bit hashes: n paragraphs that differ have n^2 / 2^65 expected pairs of equal ones, 0.03 in a
thousand million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gapless.corpus.cleaners.lines import hash_bytes, line_end, num_characters, num_lines, strip
from gapless.words.compiled import compiled
from gapless.words.split import text_bytes

if TYPE_CHECKING:
    import pyarrow as pa

HASH, CHARACTERS, PARAGRAPHS = 0, 1, 2
"""Columns of the marks; those of paragraphs have the first two."""
_FREE = np.uint64(0)
"""A slot of the table in which no hash is; a hash that equals it counts as 1."""


def mark_documents(texts: pa.LargeStringArray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the marks of documents and of their long paragraphs, end to end.

    Both are uint64. Documents, shape (documents, 3): the hash is left free, the characters are
    those of all paragraphs, the paragraphs are the long ones. Paragraphs, shape (paragraphs, 2).
    """
    data, borders = text_bytes(texts)
    documents = np.zeros((len(texts), 3), dtype=np.uint64)
    most = min(num_lines(data, 0, len(data)) + len(texts), len(data) // least)
    paragraphs = np.empty((most, 2), dtype=np.uint64)
    count = _mark(data, borders, least, documents, paragraphs)
    return documents, paragraphs[:count]


def new_table(capacity: int) -> np.ndarray:
    """Return an empty set for so many hashes: uint64, 12 bytes for each, two thirds full at most.

    They are placed by linear probing (Knuth, "The art of computer programming" 3, section 6.4).
    """
    return np.zeros(capacity * 3 // 2 + 1, dtype=np.uint64)


@compiled
def judge(
    documents: np.ndarray, paragraphs: np.ndarray, least: int, table: np.ndarray, copies: np.ndarray
) -> np.ndarray:
    """Set ``copies`` to whether each paragraph stood earlier; return which documents must go.

    A document must go when an earlier one equals it, or when it loses a paragraph and fewer than
    ``least`` characters are left. What stands in it alone is forgotten again, so that whatever is
    cut out anywhere stands in a document that stays.
    """
    gone = np.zeros(len(documents), dtype=np.bool_)
    end = np.int64(0)
    for document in range(len(documents)):
        begin, end = end, end + np.int64(documents[document, PARAGRAPHS])
        is_new = _add(table, documents[document, HASH])
        left, loses = np.int64(documents[document, CHARACTERS]), False
        for paragraph in range(begin, end):
            copies[paragraph] = not _add(table, paragraphs[paragraph, HASH])
            if copies[paragraph]:
                loses = True
                left -= np.int64(paragraphs[paragraph, CHARACTERS])
        if is_new and not (loses and left < least):
            continue
        gone[document] = True
        # Last in, first out: the table is then as it was, no chain of probes is broken.
        for paragraph in range(end - 1, begin - 1, -1):
            if not copies[paragraph]:
                _take(table, paragraphs[paragraph, HASH])
        if is_new:
            _take(table, documents[document, HASH])
    return gone


def cut_out(
    texts: pa.LargeStringArray, least: int, gone: np.ndarray, copies: np.ndarray
) -> tuple[pa.LargeStringArray, np.ndarray]:
    """Return documents without their copied paragraphs, and how many each lost (int64).

    ``copies`` says of every long paragraph whether it is one. With a paragraph go the blank lines
    after it, and those before it when it is the last. A document that is gone stays as it is.
    """
    import pyarrow as pa

    data, borders = text_bytes(texts)
    out = np.empty(len(data), dtype=np.uint8)
    offsets, lost = np.zeros(len(texts) + 1, dtype=np.int64), np.zeros(len(texts), dtype=np.int64)
    size = _cut(data, borders, least, (gone, copies), (out, offsets, lost))
    buffers = pa.py_buffer(offsets), pa.py_buffer(out[:size])
    return pa.LargeStringArray.from_buffers(len(texts), *buffers), lost


@compiled
def _size(data: np.ndarray, begin: int, end: int) -> int:
    """Return the characters of a line without the white space around it."""
    begin, end = strip(data, begin, end)
    return num_characters(data, begin, end)


@compiled
def _mark(
    data: np.ndarray,
    borders: np.ndarray,
    least: int,
    documents: np.ndarray,
    paragraphs: np.ndarray,
) -> int:
    count = 0
    for document in range(len(borders) - 1):
        place, end, first = borders[document], borders[document + 1], count
        characters = 0
        while place < end:
            after = line_end(data, place, end)
            size = _size(data, place, after)
            characters += size
            if size >= least:
                paragraphs[count, HASH] = hash_bytes(data, place, after)
                paragraphs[count, CHARACTERS] = size
                count += 1
            place = after + 1
        documents[document, CHARACTERS] = characters
        documents[document, PARAGRAPHS] = count - first
    return count


@compiled
def _slot(table: np.ndarray, key: np.uint64) -> int:
    """Return the slot of a hash, or the free one where it goes."""
    size = np.uint64(len(table))
    slot = key % size
    while table[slot] != _FREE and table[slot] != key:
        slot += np.uint64(1)
        if slot == size:
            slot = np.uint64(0)
    return int(slot)


@compiled
def _add(table: np.ndarray, key: np.uint64) -> bool:
    """Put a hash into the table; return whether it was not there."""
    key = max(key, np.uint64(1))
    slot = _slot(table, key)
    is_new = bool(table[slot] == _FREE)
    table[slot] = key
    return is_new


@compiled
def _take(table: np.ndarray, key: np.uint64) -> None:
    """Take out the hash that was put in last."""
    table[_slot(table, max(key, np.uint64(1)))] = _FREE


@compiled
def _cut(
    data: np.ndarray,
    borders: np.ndarray,
    least: int,
    verdicts: tuple[np.ndarray, np.ndarray],
    out: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> int:
    gone, copies = verdicts
    texts, offsets, lost = out
    paragraph, size = 0, 0
    for document in range(len(borders) - 1):
        place, end = borders[document], borders[document + 1]
        stop, is_cut = size, False
        while place < end:
            after = line_end(data, place, end)
            characters = _size(data, place, after)
            if characters > 0:
                is_cut = False
                if characters >= least:
                    is_cut = copies[paragraph] and not gone[document]
                    paragraph += 1
                    lost[document] += is_cut
            if not is_cut:
                next_line = min(after + 1, end)
                texts[size : size + next_line - place] = data[place:next_line]
                if characters > 0:
                    stop = size + after - place
                size += next_line - place
            place = after + 1
        if is_cut:
            size = stop
        offsets[document + 1] = size
    return size
