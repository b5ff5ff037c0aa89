"""Rows: what the model sees, as slices of documents. Ordering makes them, packing fills them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gapless.strata import source_of


@dataclass(frozen=True, slots=True)
class Segment:
    """A slice of one document."""

    document: int
    """Index in the source's token store."""
    begin: int
    """First token, counted from the document's beginning."""
    end: int
    """One past the last token."""
    epoch: int
    """Which pass over the stratum this is, from 0."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the run: up to ``context`` tokens of one stratum."""

    index: int
    phase: int
    stratum: str
    segments: tuple[Segment, ...]

    @property
    def source(self) -> str:
        """The source of its documents."""
        return source_of(self.stratum)


@dataclass(frozen=True, slots=True)
class Pieces:
    """Rows of one stratum, as arrays."""

    offsets: np.ndarray
    """Row i's slices are ``offsets[i]:offsets[i + 1]``: int64, shape (rows + 1,)."""
    documents: np.ndarray
    """Index of each slice's document in the source's store: int64, shape (slices,)."""
    begins: np.ndarray
    """Each slice's first token within its document; same shape."""
    ends: np.ndarray
    """One past the last; same shape."""
    epochs: np.ndarray
    """The pass over the stratum, from 0; same shape."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def joined(cls, parts: Sequence["Pieces"]) -> "Pieces":
        """Return the rows of several, one after the other."""
        if len(parts) == 1:
            return parts[0]
        counts = np.concatenate([np.diff(part.offsets) for part in parts])
        return cls(
            np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
            np.concatenate([part.documents for part in parts]),
            np.concatenate([part.begins for part in parts]),
            np.concatenate([part.ends for part in parts]),
            np.concatenate([part.epochs for part in parts]),
        )

    def taken(self, rows: np.ndarray) -> "Pieces":
        """Return some of the rows, in the order of their indices."""
        counts = np.diff(self.offsets)[rows]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        slices = np.repeat(self.offsets[:-1][rows] - offsets[:-1], counts) + np.arange(offsets[-1])
        return Pieces(
            offsets,
            self.documents[slices],
            self.begins[slices],
            self.ends[slices],
            self.epochs[slices],
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive rows of the run, as arrays."""

    first: int
    """Index of the first one in the run."""
    names: tuple[str, ...]
    """The strata that ``strata`` counts through."""
    strata: np.ndarray
    """Each row's stratum, as an index into ``names``: int64, shape (rows,)."""
    phases: np.ndarray
    """Each row's phase; same shape."""
    pieces: Pieces
    """What the rows hold."""

    def __len__(self) -> int:
        return len(self.strata)

    def __iter__(self) -> Iterator[Row]:
        for i in range(len(self)):
            yield self.row(i)

    def row(self, i: int) -> Row:
        """Return the i-th of these rows."""
        low, high = int(self.pieces.offsets[i]), int(self.pieces.offsets[i + 1])
        fields = (self.pieces.documents, self.pieces.begins, self.pieces.ends, self.pieces.epochs)
        segments = zip(*(field[low:high].tolist() for field in fields), strict=True)
        return Row(
            self.first + i,
            int(self.phases[i]),
            self.names[int(self.strata[i])],
            tuple(Segment(*segment) for segment in segments),
        )

    def tokens_of_strata(self) -> dict[str, int]:
        """Return the tokens of each stratum in these rows, without padding."""
        sums = np.concatenate(
            [np.zeros(1, np.int64), np.cumsum(self.pieces.ends - self.pieces.begins)]
        )
        tokens = np.diff(sums[self.pieces.offsets])
        totals = np.bincount(self.strata, weights=tokens, minlength=len(self.names))
        return {self.names[i]: int(totals[i]) for i in np.flatnonzero(totals)}
