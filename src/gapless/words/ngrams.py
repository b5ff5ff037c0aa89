"""Words to hashes of n words in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gapless.words.compiled import compiled
from gapless.words.split import mix

if TYPE_CHECKING:
    from gapless.words.split import Words

_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)


def ngram_hashes(words: Words, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the hash of every n consecutive words (uint64), and the offsets of the documents.

    A document of fewer than n words has none. Offsets are int64, shape (documents + 1,). The hash
    is polynomial over the words' hashes, so it is rolled along in constant time a word.
    """
    lengths = np.diff(words.offsets)
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(np.maximum(lengths - n + 1, 0), out=offsets[1:])
    hashes = np.empty(offsets[-1], dtype=np.uint64)
    _roll(words.hashes, words.offsets, n, hashes, offsets)
    return hashes, offsets


@compiled
def _roll(
    words: np.ndarray, borders: np.ndarray, n: int, out: np.ndarray, offsets: np.ndarray
) -> None:
    leaving = np.uint64(1)
    for _ in range(n):
        leaving *= _MULTIPLIER
    for document in range(len(borders) - 1):
        begin, end = borders[document], borders[document + 1]
        if end - begin < n:
            continue
        value = np.uint64(0)
        for place in range(begin, begin + n):
            value = value * _MULTIPLIER + words[place]
        out[offsets[document]] = mix(value)
        for place in range(begin + n, end):
            value = value * _MULTIPLIER + words[place] - leaving * words[place - n]
            out[offsets[document] + place - begin - n + 1] = mix(value)
