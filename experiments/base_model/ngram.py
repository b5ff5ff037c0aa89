"""An n-gram model: interpolated modified Kneser-Ney (Chen and Goodman 1998), vectorised.

    documents --NGram.train--> NGram --probabilities--> of every token after a document's first

A document is an array of ids whose first is the prefix: a context, never predicted. Contexts do not
cross documents: token i is predicted from the i tokens before it, at most ``order - 1``. The end
token, if a document has one, may have the prefix's id: it stands last, where it is no context.

An n-gram is one int64 key, its last token in the lowest bits, so that dropping the last token is a
shift, dropping the first is a mask, and counting is ``np.unique``. Lower orders count in how many
contexts of one token more an n-gram was seen; those that begin with the prefix, which nothing
stands before, keep their plain counts (as KenLM does).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

FALLBACK = np.array([0.5, 1.0, 1.5])
"""D1, D2, D3+ where a text gives no discounts: too small, or with no rare n-gram of the order."""


@dataclass(frozen=True)
class Level:
    """What one order knows: p(w | h) = weight(hw) + backoff(h) * p of the next lower order."""

    keys: np.ndarray
    """N-grams seen, sorted: int64."""
    weights: np.ndarray
    """Discounted relative frequency of each n-gram: float64."""
    contexts: np.ndarray
    """Contexts seen, sorted: int64."""
    backoffs: np.ndarray
    """What each context leaves to the lower order: float64."""
    discounts: np.ndarray
    """D1, D2, D3+."""

    @classmethod
    def of_counts(cls, keys: np.ndarray, counts: np.ndarray, bits: int) -> Level:
        """Discount the counts of an order's n-grams."""
        amounts = discounts(counts)
        contexts, first = np.unique(keys >> bits, return_index=True)
        sizes = np.diff(first, append=len(keys))
        totals = np.add.reduceat(counts, first)
        taken = amounts[np.minimum(counts, 3) - 1]
        weights = (counts - taken) / np.repeat(totals, sizes)
        return cls(keys, weights, contexts, np.add.reduceat(taken, first) / totals, amounts)

    def interpolate(self, keys: np.ndarray, lower: np.ndarray, bits: int) -> np.ndarray:
        """Return the probability of n-grams, given that of the next lower order."""
        weights = _look_up(self.keys, self.weights, keys, missing=0.0)
        backoffs = _look_up(self.contexts, self.backoffs, keys >> bits, missing=1.0)
        return weights + backoffs * lower


class NGram:
    """A trained model of one order and all orders below it."""

    def __init__(self, levels: Sequence[Level], vocabulary_size: int) -> None:
        self.levels = tuple(levels)
        self._vocabulary_size = vocabulary_size

    @classmethod
    def train(cls, documents: Sequence[np.ndarray], *, order: int, vocabulary_size: int) -> NGram:
        """Count documents and discount the counts."""
        bits = _bits(vocabulary_size)
        if not 1 <= order <= 63 // bits:
            raise ValueError(f"{order} ids of {bits} bits do not fit one int64")
        ids, places = _flatten(documents)
        levels: list[Level] = []
        longer = np.zeros(0, dtype=np.int64)
        for length in range(order, 0, -1):
            # The top order counts every n-gram, a lower one those that begin with the prefix.
            if length == order:
                chosen = places >= max(order - 1, 1)
            else:
                chosen = (places == length - 1) & (places > 0)
            plain = _keys(ids, np.flatnonzero(chosen), length, bits)
            # Each n-gram of one token more stands for one context: drop its first token.
            keys = np.concatenate([plain, longer & ((1 << bits * length) - 1)])
            keys, counts = np.unique(keys, return_counts=True)
            levels.append(Level.of_counts(keys, counts, bits))
            longer = keys
        return cls(levels[::-1], vocabulary_size)

    def probabilities(self, documents: Sequence[np.ndarray]) -> np.ndarray:
        """Return p of every token after the first of each document, documents end to end."""
        bits = _bits(self._vocabulary_size)
        ids, places = _flatten(documents)
        answers = np.full(len(ids), 1 / self._vocabulary_size)
        for length, level in enumerate(self.levels, start=1):
            which = np.flatnonzero(places >= max(length - 1, 1))
            keys = _keys(ids, which, length, bits)
            answers[which] = level.interpolate(keys, answers[which], bits)
        return answers[places > 0]

    def bits(self, documents: Sequence[np.ndarray]) -> np.ndarray:
        """Return the bits of each document: minus log2 p, summed after its first token."""
        logs = -np.log2(self.probabilities(documents))
        borders = np.cumsum([0, *(len(document) - 1 for document in documents)])
        return np.array([logs[a:b].sum() for a, b in pairwise(borders)])


def discounts(counts: np.ndarray) -> np.ndarray:
    """Return D1, D2, D3+ from how many n-grams have a count of 1, 2, 3, 4."""
    n1, n2, n3, n4 = (int((counts == value).sum()) for value in (1, 2, 3, 4))
    if 0 in (n1, n2, n3, n4):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    amounts = np.array([1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return amounts if (amounts >= 0).all() else FALLBACK


def _bits(vocabulary_size: int) -> int:
    return max(1, (vocabulary_size - 1).bit_length())


def _flatten(documents: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return all ids end to end, and each one's place in its document."""
    ids = np.concatenate(documents).astype(np.int64)
    places = np.concatenate([np.arange(len(document), dtype=np.int32) for document in documents])
    return ids, places


def _keys(ids: np.ndarray, ends: np.ndarray, length: int, bits: int) -> np.ndarray:
    """Return the n-grams that end at these positions."""
    keys = np.zeros(len(ends), dtype=np.int64)
    for back in range(length):
        keys |= ids[ends - back] << bits * back
    return keys


def _look_up(
    table: np.ndarray, values: np.ndarray, keys: np.ndarray, *, missing: float
) -> np.ndarray:
    """Return the value of each key, or ``missing`` where the sorted table does not hold it."""
    found = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return np.where(table[found] == keys, values[found], missing)
