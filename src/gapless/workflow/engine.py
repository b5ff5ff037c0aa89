"""Where a stage's parts are worked on: here, on this machine's cores, or on a Ray cluster.

The work goes through Daft, which hands out one task after the other to processes of this machine
(its native runner) or to a cluster's (its Ray runner). A task reads and writes files; what it
returns is small. On a cluster the run folder must be on storage that every node sees.
"""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gapless.corpus.quiet_daft import load_daft
from gapless.errors import GaplessError, RunError

_AUTO = "auto"
"""What Ray calls the cluster that this machine is part of."""
_SMALL_BYTES = 64 << 20
"""Below this, starting processes takes longer than the work."""


@dataclass(frozen=True)
class Engine:
    """Maps a function over tasks; the answers come in the order of the tasks."""

    kind: Literal["native", "ray"] = "native"
    stop: Callable[[], bool] = lambda: False
    """Whether the user has asked to stop; asked between tasks."""

    def map(
        self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], *, num_bytes: int
    ) -> list[Any]:
        """Return ``function(*task)`` of every task.

        ``function`` and its arguments are pickled, so it must be importable. ``num_bytes`` is about
        how much text there is in all: little is worked on right here.
        """
        alone = len(tasks) < 2 or _cores() < 2 or num_bytes < _SMALL_BYTES
        if self.kind == "native" and alone:
            return list(self._here(function, tasks))
        return self._through_daft(function, tasks)

    def _here(
        self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]
    ) -> Iterator[Any]:
        for task in tasks:
            if self.stop():
                raise KeyboardInterrupt
            yield function(*task)

    def _through_daft(
        self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]
    ) -> list[Any]:
        daft = load_daft()
        if self.kind == "ray":
            _use_ray(daft)
        packed = [pickle.dumps((function, task)) for task in tasks]
        frame = daft.from_pydict({"number": list(range(len(tasks))), "task": packed})
        if self.kind == "ray":
            frame = frame.into_partitions(len(tasks))
            do = daft.func(_do, return_dtype=daft.DataType.binary())
        else:
            frame = frame.into_batches(1)
            do = _processes(daft, min(_cores(), len(tasks)))
        try:
            answers = frame.select("number", do(daft.col("task")).alias("answer")).to_pydict()
        except (RuntimeError, daft.exceptions.DaftCoreException) as error:
            raise RunError(
                f"a process that worked on text has died ({error})",
                mend="Perhaps it had too little memory. What is complete is kept: run again.",
            ) from error
        by_number = dict(zip(answers["number"], answers["answer"], strict=True))
        if self.stop() or len(by_number) < len(tasks):
            raise KeyboardInterrupt  # Daft ends without an error when it is interrupted
        return [_unpacked(by_number[number]) for number in range(len(tasks))]


def _processes(daft: Any, number: int) -> Callable[[Any], Any]:
    """Return the expression that does tasks in processes of this machine."""

    @daft.cls(use_process=True, max_concurrency=number)
    class Worker:
        @daft.method(return_dtype=daft.DataType.binary())  # type: ignore[untyped-decorator]
        def do(self, packed: bytes) -> bytes:
            return _do(packed)

    do: Callable[[Any], Any] = Worker().do
    return do


def _do(packed: bytes) -> bytes:
    """Do one task in the process that got it; a user's mistake comes back as an answer."""
    function, task = pickle.loads(packed)  # noqa: S301  # made by this run, not read from a file
    try:
        return pickle.dumps((True, function(*task)))
    except GaplessError as error:
        return pickle.dumps((False, error))


def _unpacked(answer: bytes) -> Any:
    good, value = pickle.loads(answer)  # noqa: S301  # see above
    if not good:
        raise value
    return value


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _use_ray(daft: Any) -> None:
    """Connect to the cluster that ``RAY_ADDRESS`` names, once."""
    try:
        import ray
    except ImportError as error:
        mend = 'Install it: pip install "gapless[ray]".'
        raise RunError("`engine: ray` needs Ray, which is not here", mend=mend) from error
    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS")
        if not address:
            raise _no_cluster("RAY_ADDRESS does not say where the cluster is")
        if address != _AUTO:
            _check_answers(address)
        ray.init(address=address, log_to_driver=False)
    if daft.runners.get_or_infer_runner_type() != "ray":
        daft.set_runner_ray()


def _check_answers(address: str) -> None:
    """Ask whether anybody listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise _no_cluster(f"there is no Ray cluster at {address!r} ({error})") from error


def _no_cluster(what: str) -> RunError:
    mend = "Start one (`ray start --head`) and set RAY_ADDRESS to its host:port."
    return RunError(what, where="engine", mend=mend)
