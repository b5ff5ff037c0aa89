"""Rows of several strata that follow one another by their scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Merged:
    """The strata of a stretch whose rows stand where one stratum of their size would have its own.

    Together they keep their share of any window; whose turn it is, their rows' scores say.
    """

    members: np.ndarray
    """Which strata: int64."""
    strata: np.ndarray
    """Whose row each of their rows is, in sequence: int64, shape (rows,)."""
    indices: np.ndarray
    """Which of that stratum's rows; same shape."""

    @classmethod
    def of(
        cls, members: Sequence[int], scores: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> "Merged":
        """Merge by epoch, then score; each member's rows are in that sequence already.

        Of equal ones, each member's are spread evenly.
        """
        counts = [len(part) for _, part in scores]
        epochs = np.concatenate([epochs for epochs, _ in scores])
        spread = np.concatenate([_places_among_equals(*pair) for pair in scores])
        turns = np.lexsort((spread, np.concatenate([part for _, part in scores]), epochs))
        strata = np.repeat(np.asarray(members), counts)
        indices = np.concatenate([np.arange(count) for count in counts])
        return cls(np.asarray(members), strata[turns], indices[turns])

    def slots(self, counts: np.ndarray) -> np.ndarray:
        """Return the counts with the rows of all members given to the first of them."""
        slots = counts.copy()
        slots[self.members] = 0
        slots[self.members[0]] = len(self.strata)
        return slots

    def taken(self, slots_taken: np.ndarray) -> np.ndarray:
        """Return the rows taken of each stratum, from those taken of each slot."""
        first = self.strata[: slots_taken[self.members[0]]]
        taken = slots_taken.copy()
        taken[self.members] = np.bincount(first, minlength=len(slots_taken))[self.members]
        return taken

    def opened(self, sources: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return stratum and row of it for each slot and row of that."""
        ours = sources == self.members[0]
        turns = np.where(ours, indices, 0)
        return (
            np.where(ours, self.strata[turns], sources),
            np.where(ours, self.indices[turns], indices),
        )


def _places_among_equals(epochs: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return where each row stands among the rows of its epoch and score: above 0, below 1."""
    changes = (epochs[1:] != epochs[:-1]) | (scores[1:] != scores[:-1])
    begins = np.concatenate([np.zeros(1, np.int64), np.flatnonzero(changes) + 1])
    counts = np.diff(np.append(begins, len(scores)))
    ranks = np.arange(len(scores)) - np.repeat(begins, counts)
    places: np.ndarray = (ranks + 0.5) / np.repeat(counts, counts)
    return places
