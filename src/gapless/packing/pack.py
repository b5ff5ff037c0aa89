"""Fill rows with tokens."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gapless.records.rows import Rows, source_of
from gapless.records.token_store import TokenStore
from gapless.words.compiled import compiled

IGNORED = -100
"""The target of a position that predicts nothing (PyTorch's cross-entropy skips it)."""


@dataclass(frozen=True)
class PackedRows:
    """Arrays of int64, each of shape (rows, context)."""

    ids: np.ndarray
    positions: np.ndarray
    """Counts from 0 at the beginning of each document slice, and of the padding."""
    targets: np.ndarray
    """The next token of the slice, or ``IGNORED``: at its end, in padding, where not learned."""
    padding: int = 0
    """How many of the tokens are padding."""

    @property
    def num_targets(self) -> int:
        """How many tokens are predicted."""
        return int(np.count_nonzero(self.targets != IGNORED))


def pack(rows: Rows, stores: Mapping[str, TokenStore], *, context: int) -> PackedRows:
    """Fill ``rows`` from their sources' stores; what a row has left at its end is padding."""
    shape = (len(rows), context)
    ids = np.zeros(shape, dtype=np.int64)
    positions = np.empty(shape, dtype=np.int64)
    targets = np.full(shape, IGNORED, dtype=np.int64)
    sources = np.array([source_of(name) for name in rows.names])[rows.strata]
    for source in np.unique(sources):
        store = stores[source]
        of_source = np.flatnonzero(sources == source)
        pieces = rows.pieces.taken(of_source)
        _fill(
            (ids, positions, targets),
            of_source,
            pieces.offsets,
            (store.offsets[pieces.documents] + pieces.begins, pieces.ends - pieces.begins),
            (store.tokens, store.learned),
        )
    lengths = rows.pieces.ends - rows.pieces.begins
    return PackedRows(ids, positions, targets, ids.size - int(lengths.sum()))


@compiled
def _fill(
    packed: tuple[np.ndarray, np.ndarray, np.ndarray],
    rows: np.ndarray,
    offsets: np.ndarray,
    slices: tuple[np.ndarray, np.ndarray],
    store: tuple[np.ndarray, np.ndarray],
) -> None:
    """Copy the slices of each row; an empty ``learned`` of the store means all of them."""
    ids, positions, targets = packed
    starts, lengths = slices
    tokens, learned = store
    for i in range(len(rows)):
        row, at = rows[i], 0
        for piece in range(offsets[i], offsets[i + 1]):
            start, length = starts[piece], lengths[piece]
            for j in range(length):
                ids[row, at + j] = tokens[start + j]
                positions[row, at + j] = j
            for j in range(length - 1):
                if len(learned) == 0 or learned[start + j + 1]:
                    targets[row, at + j] = tokens[start + j + 1]
            at += length
        for j in range(at, ids.shape[1]):
            positions[row, j] = j - at
