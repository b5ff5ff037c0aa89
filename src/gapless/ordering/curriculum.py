"""Curricula: the sequence of a stratum's documents by a column."""

import numpy as np

from gapless.ordering.blocks import Documents
from gapless.ordering.permutation import permutation_keys, places
from gapless.recipe.curricula import Buckets, Curriculum, Interleaved, Labels


def sequence_of(
    curriculum: Curriculum, documents: Documents, values: np.ndarray, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of a stratum's documents in their sequence, and each document's score.

    Equal documents, and those of one bucket or label, come at random. Documents without a number,
    or with a label that is not listed, come last.

    Args:
        curriculum: the recipe's.
        documents: the stratum's.
        values: each document's number, or the number of its label; float64, shape (documents,).
        seed: the recipe's.

    Returns:
        Two arrays of shape (documents,): int64; float64, rising along the sequence.

    """
    keys = permutation_keys(seed, "order", documents.stratum, "ties")
    ties = places(np.arange(len(documents)), len(documents), keys)
    scores = np.where(np.isnan(values), np.inf, values)
    if not isinstance(curriculum, Labels) and curriculum.direction == "descending":
        scores = np.where(np.isnan(values), np.inf, -values)
    sequence = np.lexsort((ties, scores))
    if isinstance(curriculum, Buckets):
        return _in_buckets(sequence, documents, ties, curriculum.buckets)
    if isinstance(curriculum, Interleaved):
        return _in_cycles(sequence, curriculum.cycles)
    return sequence, scores


def _in_buckets(
    sequence: np.ndarray, documents: Documents, ties: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the sequence into buckets of equal tokens, each in random sequence."""
    ends = np.cumsum(documents.lengths(sequence))
    total = int(ends[-1])
    middles = ends - documents.lengths(sequence) / 2
    buckets = np.empty(len(sequence))
    buckets[sequence] = np.minimum(middles * count // total, count - 1)
    return np.lexsort((ties, buckets)), buckets


def _in_cycles(sequence: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Go through the sequence ``count`` times, each time by another of ``count`` in a row."""
    cycled = np.concatenate([sequence[first::count] for first in range(count)])
    scores = np.empty(len(sequence))
    scores[cycled] = np.arange(len(sequence))
    return cycled, scores
