"""Fill rows with tokens."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gapless.records.rows import Rows
from gapless.records.token_store import TokenStore
from gapless.strata import source_of
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
    ids, positions, targets = packed = np.empty((3, len(rows), context), dtype=np.int64)
    pieces = rows.pieces
    slices = (pieces.documents, pieces.begins, pieces.ends)
    filled = 0
    for source in {source_of(rows.names[stratum]) for stratum in set(rows.strata.tolist())}:
        store = stores[source]
        own = np.array([source_of(name) == source for name in rows.names])
        texts = (store.offsets, store.tokens, store.learned)
        filled += _fill(packed, (rows.strata, own), pieces.offsets, slices, texts)
    return PackedRows(ids, positions, targets, ids.size - filled)


@compiled
def _fill(
    packed: np.ndarray,
    strata: tuple[np.ndarray, np.ndarray],
    offsets: np.ndarray,
    slices: tuple[np.ndarray, np.ndarray, np.ndarray],
    store: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> int:
    """Fill the rows of some strata, and return with how many tokens.

    An empty ``learned`` of the store means all of its tokens.
    """
    of_rows, own = strata
    documents, begins, ends = slices
    stored, tokens, learned = store
    filled = 0
    for row in range(len(of_rows)):
        if not own[of_rows[row]]:
            continue
        ids, positions, targets = packed[0, row], packed[1, row], packed[2, row]
        at = 0
        for piece in range(offsets[row], offsets[row + 1]):
            first, length = stored[documents[piece]] + begins[piece], ends[piece] - begins[piece]
            text = tokens[first : first + length]
            # Loops this plain over views are vectorised; with a condition inside they are not.
            ids_here, positions_here = ids[at : at + length], positions[at : at + length]
            targets_here = targets[at : at + length]
            for i in range(length):
                ids_here[i] = text[i]
                positions_here[i] = i
            for i in range(length - 1):
                targets_here[i] = text[i + 1]
            targets_here[length - 1 :] = IGNORED
            if len(learned):
                for i in range(1, length):
                    if not learned[first + i]:
                        targets_here[i - 1] = IGNORED
            at += length
        filled += at
        for i in range(at, len(ids)):
            ids[i], positions[i], targets[i] = 0, i - at, IGNORED
    return filled
