"""Arrangements: how the documents of a stratum follow one another, block by block.

Whatever the size of a corpus, only its blocks' sizes are held in memory, and the documents of the
blocks that are being read.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gapless.ordering.mapped import taken
from gapless.ordering.permutation import permutation_keys, permuted, places

BLOCK = 4096
"""Documents."""
_SORTED_BLOCK, _SORTED_BLOCKS = 64, 16
"""Smallest block, and fewest blocks, of a sequence: best-fit rows keep it to a sixteenth, and pad
3 % at most (lognormal lengths of mean 650 in rows of 2,048)."""
_AT_ONCE = 1 << 20
"""Documents whose lengths are read together."""


@dataclass(frozen=True)
class Documents:
    """The documents of a stratum."""

    stratum: str
    indices: np.ndarray
    """Their indices in the source's store, ascending: int64, shape (documents,)."""
    offsets: np.ndarray
    """Where every document of the store begins, and the end: int64."""

    def __len__(self) -> int:
        return len(self.indices)

    def lengths(self, members: np.ndarray | slice) -> np.ndarray:
        """Return the tokens of some: positions among ``indices``."""
        return self.stored(members)[1]

    def stored(self, members: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices in the store, and the tokens, of some: positions among ``indices``."""
        if isinstance(members, slice):
            indices = np.asarray(self.indices[members])
            begins = self.offsets[indices]
        else:
            indices = taken(self.indices, members)
            begins = taken(self.offsets, indices)
        return indices, np.asarray(self.offsets[indices + 1] - begins)

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield positions and lengths of all documents, many at once."""
        for first in range(0, len(self), _AT_ONCE):
            last = min(first + _AT_ONCE, len(self))
            yield np.arange(first, last), self.lengths(slice(first, last))


class Arrangement(ABC):
    """Documents in blocks; the sequence of the blocks, and within them, is the epoch's."""

    shuffled: bool
    """Whether each epoch shuffles the blocks and the documents in each."""

    def __init__(self, documents: Documents, *, sizes: np.ndarray | None = None) -> None:
        """Take the documents, and the sizes that a packer gives the blocks where it has done so."""
        self.documents = documents
        self.sizes = sizes

    @property
    def block(self) -> int:
        """Documents of a block."""
        return BLOCK

    @property
    def num_blocks(self) -> int:
        """Blocks of all documents."""
        return -(-len(self.documents) // self.block)

    @abstractmethod
    def members(self, block: int) -> np.ndarray:
        """Return the documents of a block, as positions in the stratum."""

    @abstractmethod
    def block_tokens(self) -> np.ndarray:
        """Return the tokens of every block: int64."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What tells this arrangement from another of the same documents."""

    def scores(self, members: np.ndarray) -> np.ndarray:
        """Return the numbers that a curriculum goes by: float64, rising along the sequence."""
        raise NotImplementedError


class Shuffled(Arrangement):
    """Every block is a random sample of the documents, the same in all epochs."""

    shuffled = True
    key = "shuffled"

    def __init__(self, documents: Documents, *, seed: int, sizes: np.ndarray | None = None) -> None:
        super().__init__(documents, sizes=sizes)
        self._keys = permutation_keys(seed, "order", documents.stratum, "blocks")

    def members(self, block: int) -> np.ndarray:
        """Return the documents of a block, as positions in the stratum."""
        size = len(self.documents)
        return permuted(block * BLOCK, min((block + 1) * BLOCK, size), size, self._keys)

    def block_tokens(self) -> np.ndarray:
        """Return the tokens of every block: one pass over the documents' lengths."""
        tokens = np.zeros(self.num_blocks, np.int64)
        for positions, lengths in self.documents.chunks():
            blocks = places(positions, len(self.documents), self._keys) // BLOCK
            # Sums of integers in float64 are exact to 2^53; a chunk has at most 2^20 documents.
            tokens += np.bincount(blocks, lengths, self.num_blocks).astype(np.int64)
        return tokens


class Sorted(Arrangement):
    """Documents in a given sequence, the same in all epochs."""

    shuffled = False

    def __init__(
        self,
        documents: Documents,
        sequence: np.ndarray,
        scores: np.ndarray,
        *,
        key: str,
        sizes: np.ndarray | None = None,
    ) -> None:
        """Take the positions of the documents in their sequence, and each document's score.

        Both may be memory-mapped; scores are by position, not by sequence.
        """
        super().__init__(documents, sizes=sizes)
        assert len(sequence) == len(scores) == len(documents)
        self._sequence = sequence
        self._scores = scores
        self._key = key

    @property
    def key(self) -> str:
        """What tells this arrangement from another of the same documents."""
        return self._key

    @property
    def block(self) -> int:
        """Documents of a block; rows that hold whole ones mix the sequence within it."""
        return min(BLOCK, max(_SORTED_BLOCK, len(self.documents) // _SORTED_BLOCKS))

    def members(self, block: int) -> np.ndarray:
        """Return the documents of a block, as positions in the stratum."""
        return np.asarray(self._sequence[block * self.block : (block + 1) * self.block])

    def scores(self, members: np.ndarray) -> np.ndarray:
        """Return the numbers that the curriculum goes by: float64, rising along the sequence."""
        return np.asarray(self._scores[members], dtype=np.float64)

    def block_tokens(self) -> np.ndarray:
        """Return the tokens of every block."""
        return np.array(
            [self.documents.lengths(self.members(b)).sum() for b in range(self.num_blocks)],
            dtype=np.int64,
        )
