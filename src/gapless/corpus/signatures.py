"""Texts to MinHash signatures: rows of numbers that agree as often as the texts' words do.

A document is the set of its shingles, n words in a row. One hash function after another is applied
to all of them and only the least value is kept. Two sets have the same least value with a
probability that is their Jaccard index, so the fraction of equal numbers in two rows estimates it
without bias (Broder 1997, "On the resemblance and containment of documents", section 3).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gapless.seeds import stream
from gapless.words import ngram_hashes, split_words
from gapless.words.compiled import compiled
from gapless.words.split import mix

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
"""Raise it when the same text would give another signature."""

EMPTY = np.uint32(0xFFFFFFFF)
"""Every number of the row of a document without words; no other row holds it anywhere."""

_HIGHEST = np.uint32(0xFFFFFFFE)
_32 = np.uint64(32)


def signatures(texts: pa.LargeStringArray, *, ngram: int, hashes: int) -> np.ndarray:
    """Return the MinHash signatures of texts, none of which may be null.

    The answer is uint32, shape (documents, hashes). The shingles are the hashes of ``ngram``
    consecutive words (`gapless.words`). A document of fewer words has one shingle, the sequence of
    all its words; one without words has a row of EMPTY, which equals no document's row, not even
    another such one: whoever compares rows leaves it out.

    Hash function k takes a shingle x to the upper half of a[k] x + b[k] modulo 2^64, a[k] odd
    (multiply-shift; Dietzfelbinger 1996, "Universal hashing and k-wise independent random
    variables", theorem 3). The shingles were mixed before, which makes up for what so plain a
    function lacks in independence.
    """
    assert ngram >= 1
    assert hashes >= 1
    words = split_words(texts)
    shingles = ngram_hashes(words, ngram)
    rows = np.empty((len(texts), hashes), dtype=np.uint32)
    _sign(shingles, (words.hashes, words.offsets), *_functions(hashes), rows)
    return rows


@cache
def _functions(hashes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the factors, all odd, and the terms of the hash functions (uint64)."""
    # Raw words of the generator are the same in every version of NumPy; its distributions are not.
    bits = stream(VERSION, "signatures").bit_generator
    numbers = bits.random_raw(2 * hashes)
    return numbers[::2] | np.uint64(1), numbers[1::2].copy()


@compiled
def _sign(
    shingles: tuple[np.ndarray, np.ndarray],
    words: tuple[np.ndarray, np.ndarray],
    factors: np.ndarray,
    terms: np.ndarray,
    rows: np.ndarray,
) -> None:
    values, borders = shingles
    word_values, word_borders = words
    whole = np.empty(1, dtype=np.uint64)
    for document in range(len(rows)):
        row = rows[document]
        first, end = word_borders[document], word_borders[document + 1]
        if first == end:
            row[:] = EMPTY
            continue
        row[:] = _HIGHEST
        if borders[document] == borders[document + 1]:
            whole[0] = 0
            for place in range(first, end):
                whole[0] = mix(whole[0] + word_values[place])
            _lower(row, whole, factors, terms)
        else:
            _lower(row, values[borders[document] : borders[document + 1]], factors, terms)


@compiled
def _lower(row: np.ndarray, shingles: np.ndarray, factors: np.ndarray, terms: np.ndarray) -> None:
    """Lower the numbers of a row to the least values of some shingles, of which there is one.

    Four shingles at a time, so that the vectors of a row, factors and terms are loaded a fourth as
    often. At the end the last one stands in for those that are missing: a minimum bears that.
    """
    last = len(shingles) - 1
    for place in range(0, last + 1, 4):
        one, two = shingles[place], shingles[min(place + 1, last)]
        three, four = shingles[min(place + 2, last)], shingles[min(place + 3, last)]
        for k in range(len(row)):
            factor, term = factors[k], terms[k]
            least_1 = min(factor * one + term, factor * two + term)
            least_2 = min(factor * three + term, factor * four + term)
            row[k] = min(np.uint32(min(least_1, least_2) >> _32), row[k])
