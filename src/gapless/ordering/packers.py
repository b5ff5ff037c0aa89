"""Packers: how the documents of a block become rows.

``Cut`` joins documents and cuts anywhere: no padding, and rows know nothing of blocks, so that its
unit is the token. ``BestFit`` cuts only documents longer than a row; its unit is the row.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gapless.ordering.best_fit import best_fit, split_long
from gapless.ordering.blocks import Arrangement
from gapless.records.rows import Pieces


@dataclass(frozen=True)
class Slices:
    """Slices of documents, one after the other."""

    documents: np.ndarray
    begins: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.documents)

    def where(self, chosen: np.ndarray) -> "Slices":
        """Return some of them: a mask or indices."""
        return Slices(self.documents[chosen], self.begins[chosen], self.ends[chosen])


class Packer(Protocol):
    """How slices become rows. A size is in the packer's own unit."""

    @property
    def context(self) -> int:
        """Tokens of a row."""

    @property
    def row_size(self) -> int:
        """Size of a row."""

    def sizes(self, arrangement: Arrangement) -> np.ndarray:
        """Return the size of every block of an arrangement: int64."""

    def size(self, slices: Slices) -> int:
        """Return the size of a block."""

    def packed(self, slices: Slices) -> "PackedBlock":
        """Return a block ready to be read from any place."""


class PackedBlock(Protocol):
    """The slices of a block, by place."""

    def read(self, first: int, last: int) -> tuple[Slices, np.ndarray | None]:
        """Return the slices between two places, and the row borders among them, if it has any."""


@dataclass(frozen=True)
class Cut:
    """Join and cut."""

    context: int

    @property
    def row_size(self) -> int:
        """Tokens of a row."""
        return self.context

    def sizes(self, arrangement: Arrangement) -> np.ndarray:
        """Return the tokens of every block."""
        return arrangement.block_tokens()

    def size(self, slices: Slices) -> int:
        """Return the tokens of a block."""
        return int((slices.ends - slices.begins).sum())

    def packed(self, slices: Slices) -> "CutBlock":
        """Return a block ready to be read from any token."""
        return CutBlock(slices, np.cumsum(slices.ends - slices.begins))


@dataclass(frozen=True)
class CutBlock:
    """A block of joined documents."""

    slices: Slices
    block_ends: np.ndarray
    """Where each slice ends, counted in tokens of the block."""

    def read(self, first: int, last: int) -> tuple[Slices, None]:
        """Return the slices between two tokens of the block."""
        if first == last:
            return self.slices.where(np.arange(0)), None
        low = int(np.searchsorted(self.block_ends, first, side="right"))
        high = int(np.searchsorted(self.block_ends, last, side="left")) + 1
        slices = self.slices.where(np.arange(low, high))
        slices.begins[0] = slices.ends[0] - (self.block_ends[low] - first)
        slices.ends[-1] -= self.block_ends[high - 1] - last
        return slices, None


@dataclass(frozen=True)
class BestFit:
    """Fit whole documents into rows."""

    context: int

    @property
    def row_size(self) -> int:
        """A row is one row."""
        return 1

    def sizes(self, arrangement: Arrangement) -> np.ndarray:
        """Return the rows of every block."""
        documents = arrangement.documents
        counts = np.empty(arrangement.num_blocks, np.int64)
        for block in range(arrangement.num_blocks):
            lengths = documents.lengths(arrangement.members(block))
            counts[block] = self._num_rows(np.zeros_like(lengths), lengths)
        return counts

    def size(self, slices: Slices) -> int:
        """Return the rows of a block."""
        return self._num_rows(slices.begins, slices.ends)

    def _num_rows(self, begins: np.ndarray, ends: np.ndarray) -> int:
        _, piece_begins, piece_ends = split_long(begins, ends, self.context)
        return best_fit(piece_ends - piece_begins, self.context)[1]

    def packed(self, slices: Slices) -> "FittedBlock":
        """Return a block's rows, by the first of the documents that each holds."""
        owners, begins, ends = split_long(slices.begins, slices.ends, self.context)
        rows, num_rows = best_fit(ends - begins, self.context)
        firsts = np.full(num_rows, len(rows))
        np.minimum.at(firsts, rows, np.arange(len(rows)))
        turns = np.empty(num_rows, np.int64)
        turns[np.argsort(firsts, kind="stable")] = np.arange(num_rows)
        by_row = np.argsort(turns[rows], kind="stable")
        counts = np.bincount(turns[rows], minlength=num_rows)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        fitted = Slices(slices.documents[owners[by_row]], begins[by_row], ends[by_row])
        return FittedBlock(fitted, offsets)


@dataclass(frozen=True)
class FittedBlock:
    """A block of rows."""

    slices: Slices
    offsets: np.ndarray

    def read(self, first: int, last: int) -> tuple[Slices, np.ndarray]:
        """Return the slices of some rows, and how many each row has."""
        part = np.arange(self.offsets[first], self.offsets[last])
        return self.slices.where(part), np.diff(self.offsets[first : last + 1])


def cut_into_rows(slices: Slices, epochs: np.ndarray, context: int) -> Pieces:
    """Cut joined slices, whose tokens fill rows exactly, at the rows' borders."""
    ends = np.cumsum(slices.ends - slices.begins)
    total = int(ends[-1])
    assert total % context == 0
    borders = np.arange(context, total + 1, context)
    stops = np.sort(np.concatenate([ends, borders]))
    stops = stops[np.diff(stops, prepend=0) > 0]
    owners = np.searchsorted(ends, stops, side="left")
    starts = np.concatenate([np.zeros(1, np.int64), stops[:-1]])
    shift = slices.ends[owners] - ends[owners]
    offsets = np.concatenate([np.zeros(1, np.int64), np.searchsorted(stops, borders, side="right")])
    return Pieces(offsets, slices.documents[owners], starts + shift, stops + shift, epochs[owners])
