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
    scored = sequence[: int((scores < np.inf).sum())]
    if isinstance(curriculum, Buckets):
        scores[scored] = _buckets(documents.lengths(scored), curriculum.buckets)
        return np.lexsort((ties, scores)), scores
    if isinstance(curriculum, Interleaved):
        count = curriculum.cycles
        cycled = np.concatenate([scored[first::count] for first in range(count)])
        scores[cycled] = np.arange(len(cycled))
        sequence[: len(cycled)] = cycled
    return sequence, scores


def _buckets(lengths: np.ndarray, count: int) -> np.ndarray:
    """Return the bucket of each document, so that all have equal tokens."""
    middles = np.cumsum(lengths) - lengths / 2
    return np.minimum(middles * count // max(1, int(lengths.sum())), count - 1)
