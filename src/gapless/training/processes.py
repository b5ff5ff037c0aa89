"""The processes of a training: one, or as many as `torchrun` has started."""

import os
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import distributed

from gapless.packing import IGNORED, PackedRows

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this one is. All work on the same steps, each on its rows."""

    rank: int = 0
    size: int = 1

    @classmethod
    def of_environment(cls) -> "Processes":
        """Return what `torchrun` says; one process without it."""
        return cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))

    @property
    def is_first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def share(self, packed: PackedRows) -> PackedRows:
        """Return this process's rows; all get as many, the last filled up with rows of nothing."""
        if self.size == 1:
            return packed
        each = -(-len(packed.ids) // self.size)
        part = slice(self.rank * each, (self.rank + 1) * each)
        missing = ((0, each - len(packed.ids[part])), (0, 0))
        return PackedRows(
            np.pad(packed.ids[part], missing),
            np.pad(packed.positions[part], missing),
            np.pad(packed.targets[part], missing, constant_values=IGNORED),
        )

    def summed(self, value: torch.Tensor) -> torch.Tensor:
        """Return the sum of a tensor over all processes."""
        if self.size > 1:
            distributed.all_reduce(value)
        return value

    def agreed(self, value: _Value) -> _Value:
        """Return what the first process has."""
        if self.size == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.size > 1:
            distributed.barrier()


ALONE = Processes()
