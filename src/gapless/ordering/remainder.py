"""What an epoch has left when its documents are arranged anew in the middle of it."""

from dataclasses import dataclass

import numpy as np

from gapless.ordering.blocks import Arrangement
from gapless.ordering.packers import Packer, Slices


@dataclass(frozen=True)
class Remainder:
    """The rest of an epoch under a new arrangement: what was begun first, then the untouched."""

    untouched: np.ndarray
    """Which documents nobody has seen in this epoch: bool, by position in the stratum."""
    begun: Slices
    """What is left of documents that were seen in part."""
    sizes: np.ndarray
    """Of each block's untouched documents, in the packer's unit; the last is that of ``begun``."""

    @classmethod
    def of(
        cls, untouched: np.ndarray, begun: Slices, *, arrangement: Arrangement, packer: Packer
    ) -> "Remainder":
        """Return the remainder with the sizes that an arrangement's blocks have in it."""
        sizes = np.zeros(arrangement.num_blocks + 1, np.int64)
        for block in range(arrangement.num_blocks):
            members = arrangement.members(block)
            sizes[block] = packer.size(whole(arrangement, members[untouched[members]]))
        sizes[-1] = packer.size(begun)
        return cls(untouched, begun, sizes)

    @property
    def size(self) -> int:
        """Size of the rest of the epoch."""
        return int(self.sizes.sum())


def whole(arrangement: Arrangement, members: np.ndarray) -> Slices:
    """Return documents from beginning to end."""
    stored, lengths = arrangement.documents.stored(members)
    return Slices(stored, np.zeros(len(stored), np.int64), lengths)
