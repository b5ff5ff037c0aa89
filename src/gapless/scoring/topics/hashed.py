"""A linear classifier on hashed words and word pairs: small, quick, the same on every machine.

A document is its words and pairs of words, each counted in one of 2**bits buckets by its hash, as
1 + ln count, scaled to length 1; only its first words are read. The weights are fitted by
stochastic gradient descent with AdaGrad's step sizes (Duchi et al. 2011) on the log loss of a
softmax, one document after the other: no threads, so the same seed gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gapless.seeds import stream
from gapless.words import VERSION, ngram_hashes, split_words
from gapless.words.compiled import compiled

_BITS = 18
_MOST_WORDS = 1000
_EPOCHS = 5
_RATE = 0.1
_WEIGHTS_FILE = "classifier.safetensors"


@dataclass(frozen=True)
class Features:
    """The buckets of a batch of documents, end to end."""

    buckets: np.ndarray
    """uint32, shape (entries,): each document's own, ascending and once each."""
    values: np.ndarray
    """float32, shape (entries,)."""
    offsets: np.ndarray
    """Entries of document i are ``offsets[i]:offsets[i + 1]``: int64."""


def features_of(texts: Sequence[str], bits: int = _BITS) -> Features:
    """Return the features of texts; a text without words has none."""
    import pyarrow as pa

    words = split_words(pa.array(texts, type=pa.large_string()))
    pairs, pair_offsets = ngram_hashes(words, 2)
    lengths = np.minimum(np.diff(words.offsets), _MOST_WORDS)
    capacity = int(np.maximum(2 * lengths - 1, 0).sum())
    buckets, values = np.empty(capacity, np.uint32), np.empty(capacity, np.float32)
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    count = _collect(
        (words.hashes, words.offsets, lengths),
        (pairs, pair_offsets),
        np.uint64(64 - bits),
        (buckets, values, offsets),
    )
    return Features(buckets[:count], values[:count], offsets)


class HashedClassifier:
    """Weights of shape (buckets, topics), float32, and one bias a topic."""

    kind = "hashed"

    def __init__(self, weights: np.ndarray, bias: np.ndarray) -> None:
        assert len(weights).bit_count() == 1
        self._weights, self._bias = weights, bias

    @classmethod
    def train(
        cls, texts: Sequence[str], classes: np.ndarray, num_classes: int, *, seed: int
    ) -> HashedClassifier:
        """Learn classes 0 to ``num_classes`` - 1 (int64, shape (texts,))."""
        features = features_of(texts)
        weights = np.zeros((1 << _BITS, num_classes), dtype=np.float32)
        squares = np.full_like(weights, 1e-8)
        bias, bias_squares = np.zeros((2, num_classes), dtype=np.float32)
        bias_squares += 1
        for epoch in range(_EPOCHS):
            order = stream(seed, "topic", "epoch", epoch).permutation(len(texts))
            _descend(
                (features.buckets, features.values, features.offsets),
                (order, classes),
                (weights, squares),
                (bias, bias_squares),
            )
        return cls(weights, bias)

    @classmethod
    def load(cls, folder: Path) -> HashedClassifier:
        """Read what ``save`` wrote."""
        from safetensors.numpy import load_file

        tensors = load_file(folder / _WEIGHTS_FILE)
        return cls(tensors["weights"], tensors["bias"])

    def save(self, folder: Path) -> dict[str, int]:
        """Write the weights; return what must be as it is when they are read again."""
        from safetensors.numpy import save_file

        save_file({"weights": self._weights, "bias": self._bias}, folder / _WEIGHTS_FILE)
        return {"words_version": VERSION}

    def logits(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return logits (float32, shape (texts, topics)) and whether each text has a word."""
        features = features_of(texts, len(self._weights).bit_length() - 1)
        logits = _logits(
            features.buckets, features.values, features.offsets, self._weights, self._bias
        )
        return logits, np.diff(features.offsets) > 0


@compiled
def _collect(
    words: tuple[np.ndarray, np.ndarray, np.ndarray],
    pairs: tuple[np.ndarray, np.ndarray],
    shift: np.uint64,
    out: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> int:
    hashes, word_offsets, lengths = words
    pair_hashes, pair_offsets = pairs
    buckets, values, offsets = out
    count = 0
    for document in range(len(lengths)):
        num_words = lengths[document]
        start, pair_start = word_offsets[document], pair_offsets[document]
        found = np.empty(max(2 * num_words - 1, 0), dtype=np.uint32)
        for place in range(num_words):
            found[place] = hashes[start + place] >> shift
        for place in range(num_words - 1):
            found[num_words + place] = pair_hashes[pair_start + place] >> shift
        found.sort()
        begin, place, length = count, 0, 0.0
        while place < len(found):
            after = place + 1
            while after < len(found) and found[after] == found[place]:
                after += 1
            value = 1.0 + np.log(after - place)
            buckets[count], values[count] = found[place], value
            length += value * value
            count += 1
            place = after
        for entry in range(begin, count):
            values[entry] /= np.sqrt(length)
        offsets[document + 1] = count
    return count


@compiled
def _logits(
    buckets: np.ndarray,
    values: np.ndarray,
    offsets: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray,
) -> np.ndarray:
    logits = np.empty((len(offsets) - 1, len(bias)), dtype=np.float32)
    for document in range(len(logits)):
        logits[document] = bias
        for entry in range(offsets[document], offsets[document + 1]):
            for topic in range(len(bias)):
                logits[document, topic] += values[entry] * weights[buckets[entry], topic]
    return logits


@compiled
def _descend(
    features: tuple[np.ndarray, np.ndarray, np.ndarray],
    labels: tuple[np.ndarray, np.ndarray],
    layer: tuple[np.ndarray, np.ndarray],
    offset: tuple[np.ndarray, np.ndarray],
) -> None:
    """Take one step per document: weight -= rate x gradient / root of its squares so far."""
    buckets, values, offsets = features
    order, classes = labels
    weights, squares = layer
    bias, bias_squares = offset
    errors = np.empty(len(bias), dtype=np.float32)
    for document in order:
        errors[:] = bias
        for entry in range(offsets[document], offsets[document + 1]):
            for topic in range(len(bias)):
                errors[topic] += values[entry] * weights[buckets[entry], topic]
        errors[:] = np.exp(errors - errors.max())
        errors /= errors.sum()
        errors[classes[document]] -= 1
        for entry in range(offsets[document], offsets[document + 1]):
            bucket = buckets[entry]
            for topic in range(len(bias)):
                slope = errors[topic] * values[entry]
                squares[bucket, topic] += slope * slope
                weights[bucket, topic] -= _RATE * slope / np.sqrt(squares[bucket, topic])
        for topic in range(len(bias)):
            bias_squares[topic] += errors[topic] * errors[topic]
            bias[topic] -= _RATE * errors[topic] / np.sqrt(bias_squares[topic])
