"""Fill rows with tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gapless.records.rows import Row
from gapless.records.token_store import TokenStore

IGNORED = -100
"""The target of a position that predicts nothing (PyTorch's cross-entropy skips it)."""


@dataclass(frozen=True)
class PackedRows:
    """Arrays of int64, each of shape (rows, context)."""

    ids: np.ndarray
    positions: np.ndarray
    """Counts from 0 at the beginning of each document slice."""
    targets: np.ndarray
    """The next token of the same document, or ``IGNORED`` at a slice's end."""

    @property
    def num_targets(self) -> int:
        """How many tokens are predicted."""
        return int((self.targets != IGNORED).sum())


def pack(rows: Sequence[Row], stores: Mapping[str, TokenStore], *, context: int) -> PackedRows:
    """Fill ``rows`` from their sources' stores."""
    shape = (len(rows), context)
    ids = np.empty(shape, dtype=np.int64)
    positions = np.empty(shape, dtype=np.int64)
    targets = np.full(shape, IGNORED, dtype=np.int64)
    for i, row in enumerate(rows):
        at = 0
        for segment in row.segments:
            length = segment.end - segment.begin
            tokens = stores[row.source].document(segment.document)[segment.begin : segment.end]
            ids[i, at : at + length] = tokens
            positions[i, at : at + length] = np.arange(length)
            targets[i, at : at + length - 1] = tokens[1:]
            at += length
        assert at == context
    return PackedRows(ids, positions, targets)
