"""Cosines of word counts: quick, in any language, blind to words of like meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gapless.words import split_words
from gapless.words.compiled import compiled

if TYPE_CHECKING:
    import pyarrow as pa


class CountedExamples:
    """The words of the examples, and in which examples each stands.

    A word that stands c times in a text weighs (1 + ln c) x idf there, idf = 1 + ln((1 + N) /
    (1 + n)) for a word that n of the N examples hold (a smoothed inverse document frequency, as
    scikit-learn's). So the words of every question count little, and a document's words that no
    example knows, at the full 1 + ln(1 + N), make it less like all of them. Words are told apart by
    their 64-bit hashes.
    """

    def __init__(self, examples: Sequence[str]) -> None:
        import pyarrow as pa

        words = split_words(pa.array(examples, type=pa.large_string()))
        owners = np.repeat(np.arange(len(examples)), np.diff(words.offsets))
        pairs, counts = np.unique(
            np.stack([words.hashes, owners.astype(np.uint64)]), axis=1, return_counts=True
        )
        self._kinds, first = np.unique(pairs[0], return_index=True)
        self._borders = np.append(first, pairs.shape[1])
        self._examples = pairs[1].astype(np.int64)
        num_holders = np.diff(self._borders)
        self._idf = 1 + np.log((1 + len(examples)) / (1 + num_holders))
        weights = (1 + np.log(counts)) * np.repeat(self._idf, num_holders)
        squares = np.bincount(self._examples, weights**2, minlength=len(examples))
        self._weights = weights / np.sqrt(squares)[self._examples]
        self._unknown_idf = 1 + np.log(1 + len(examples))
        self._num_examples = len(examples)

    def nearness(self, texts: pa.LargeStringArray, nearest: int) -> np.ndarray:
        """Return the mean of each text's ``nearest`` largest cosines; NaN for one without words."""
        words = split_words(texts)
        return np.asarray(
            _nearness(
                (words.hashes, words.offsets),
                (self._kinds, self._idf, self._unknown_idf),
                (self._borders, self._examples, self._weights),
                self._num_examples,
                min(nearest, self._num_examples),
            )
        )


@compiled
def _nearness(
    documents: tuple[np.ndarray, np.ndarray],
    vocabulary: tuple[np.ndarray, np.ndarray, float],
    holders: tuple[np.ndarray, np.ndarray, np.ndarray],
    num_examples: int,
    nearest: int,
) -> np.ndarray:
    hashes, offsets = documents
    kinds, idf, unknown_idf = vocabulary
    borders, examples, weights = holders
    means = np.full(len(offsets) - 1, np.nan)
    for document in range(len(means)):
        found = np.sort(hashes[offsets[document] : offsets[document + 1]])
        cosines = np.zeros(num_examples)
        place, squares = 0, 0.0
        while place < len(found):
            after = place + 1
            while after < len(found) and found[after] == found[place]:
                after += 1
            kind = np.searchsorted(kinds, found[place])
            known = kind < len(kinds) and kinds[kind] == found[place]
            weight = (1 + np.log(after - place)) * (idf[kind] if known else unknown_idf)
            squares += weight * weight
            if known:
                for entry in range(borders[kind], borders[kind + 1]):
                    cosines[examples[entry]] += weight * weights[entry]
            place = after
        if squares > 0:
            largest = np.partition(cosines, num_examples - nearest)[num_examples - nearest :]
            means[document] = largest.mean() / np.sqrt(squares)
    return means
