"""The processes of a training: one, or as many as `torchrun` has started.

The first writes, and all see what it writes: on several machines the run folder must be on storage
that every one of them sees.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from hashlib import blake2b
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
import torch
from torch import distributed

from gapless.errors import RunError
from gapless.packing import IGNORED, PackedRows

_Value = TypeVar("_Value")
_PATIENCE = timedelta(hours=2)
"""How long processes wait for one another: the first may be writing a large model meanwhile."""


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this one is. All work on the same steps, each on its rows."""

    rank: int = 0
    size: int = 1
    per_machine: int = 1

    @classmethod
    def of_environment(cls) -> "Processes":
        """Return what `torchrun` says; one process without it."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        local = int(os.environ.get("LOCAL_WORLD_SIZE", size))
        return cls(int(os.environ.get("RANK", "0")), size, local)

    @property
    def is_first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    @contextmanager
    def joined(self, device: torch.device, what: str) -> Iterator[None]:
        """Connect the processes for a piece of work; ``what`` differs from all others of a run.

        Raises:
            RunError: another process has gone.

        """
        if self.size == 1:
            yield
            return
        from torch.distributed.distributed_c10d import PrefixStore

        backend = "gloo"
        if device.type == "cuda":
            # What is decided together goes over gloo, without a stop of the GPU.
            backend = "cpu:gloo,cuda:nccl"
            torch.cuda.set_device(self.rank % self.per_machine)
        store = PrefixStore(what, _store())
        try:
            distributed.init_process_group(
                backend, store=store, rank=self.rank, world_size=self.size, timeout=_PATIENCE
            )
            yield
        except RuntimeError as error:
            if not _is_of_connection(error):
                raise
            raise RunError(
                f"process {self.rank} of {self.size} has lost the others: {error}",
                mend="See what the one that ended first says. The same command goes on from the "
                "last checkpoint; with `torchrun --max-restarts` that happens by itself.",
            ) from error
        finally:
            if distributed.is_initialized():
                distributed.destroy_process_group()

    def share(self, packed: PackedRows) -> PackedRows:
        """Return this process's rows; all get as many, the last filled up with rows of nothing."""
        if self.size == 1:
            return packed
        each = -(-len(packed.ids) // self.size)
        part = slice(self.rank * each, (self.rank + 1) * each)
        missing = ((0, each - len(packed.ids[part])), (0, 0))
        positions = np.pad(packed.positions[part], missing)
        positions[len(packed.ids[part]) :] = np.arange(
            positions.shape[1]
        )  # one document of nothing
        return PackedRows(
            np.pad(packed.ids[part], missing),
            positions,
            np.pad(packed.targets[part], missing, constant_values=IGNORED),
        )

    def summed(self, value: torch.Tensor) -> torch.Tensor:
        """Return the sum of a tensor over all processes."""
        if self.size > 1:
            distributed.all_reduce(value)
        return value

    def any(self, value: bool) -> bool:  # noqa: FBT001 - a question about one thing
        """Return whether it is so in one of the processes at least."""
        return bool(self.summed(torch.tensor(int(value))))

    def agreed(self, value: _Value) -> _Value:
        """Return what the first process has."""
        if self.size == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def gathered(self, value: _Value, aside: Any = None) -> list[_Value]:
        """Return what each process has; ``aside`` is a group of their own for other threads."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value, group=aside)
        return values

    def group_aside(self) -> Any:
        """Return a second connection, for a thread beside the training; all must ask at once."""
        return distributed.new_group(backend="gloo") if self.size > 1 else None

    def wait(self) -> None:
        """Go on when all processes are here."""
        self.summed(torch.zeros(1))

    def tell(self, what: str) -> None:
        """Let the others know, connected or not."""
        if self.size > 1:
            _store().set(what, "")

    def hear(self, what: str, stop: Callable[[], bool] = lambda: False) -> None:
        """Wait until another process tells it.

        Raises:
            KeyboardInterrupt: the user asked to stop.

        """
        while not stop():
            try:
                _store().wait([what], timedelta(seconds=1))
            except distributed.DistStoreError:
                continue
            return
        raise KeyboardInterrupt


@cache
def _store() -> Any:
    """Return the notice board of this start of the processes."""
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    store, rank, size = next(rendezvous("env://"))
    return PrefixStore(_start(store, rank, size), store)


def _start(store: Any, rank: int, size: int) -> str:
    """Return a name for this start, the same in all processes and never used before.

    `torchrun` keeps one notice board through all restarts, and what the dead have written stays on
    it. Each process writes down a token and a digest of all tokens that it finds. When all digests
    are equal, every token in them is of a process that is alive: its owner has seen it there.
    """
    store.set(f"token/{rank}", uuid4().hex)
    while True:
        tokens = store.multi_get([f"token/{each}" for each in range(size)])
        digest = blake2b(b" ".join(tokens), digest_size=16).hexdigest()
        store.set(f"digest/{rank}", digest)
        found = store.multi_get([f"digest/{each}" for each in range(size)])
        if {each.decode() for each in found} == {digest}:
            return digest
        time.sleep(0.1)


def _is_of_connection(error: RuntimeError) -> bool:
    known = ("gloo", "NCCL", "Connection", "Broken pipe", "Socket")
    return isinstance(error, distributed.DistError) or any(word in str(error) for word in known)


ALONE = Processes()
