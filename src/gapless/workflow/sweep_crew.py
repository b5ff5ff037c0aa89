"""The processes of a sweep: each trains one trial at a time, with its part of the cores.

Which process trains a trial changes nothing. They end with this one, however it ends: they read
their tasks from a pipe, and leave when it closes.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from statistics import fmean
from typing import TYPE_CHECKING, Any, Self

from gapless.errors import RunError

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gapless.records.views import Progress
    from gapless.workflow.stage import Stage
    from gapless.workflow.sweep_attempts import Task

_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_TO_LEAVE = 5.0
_ALL = "trials"
"""What their progress together is called."""


@dataclass(frozen=True)
class CrewPlace:
    """What every process is told."""

    run_dir: Path
    recipe: Path
    """The recipe's file, where its paths begin."""
    jobs: int
    lock: int
    """A descriptor that each holds open: while one lives, nobody else takes the trials."""

    @property
    def threads(self) -> int:
        """How many threads each gets: its part of the cores, or fewer where OMP_NUM_THREADS is."""
        asked = os.environ.get("OMP_NUM_THREADS", "")
        part = max(1, _cores() // self.jobs)
        return min(part, int(asked)) if asked.isdigit() and int(asked) > 0 else part


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Worker:
    """One of the processes, as seen from here."""

    def __init__(
        self, place: CrewPlace, heard: SimpleQueue[tuple[_Worker, dict[str, Any]]]
    ) -> None:
        self.task: Task | None = None
        self.ready = False
        self._heard = heard
        threads = str(place.threads)
        # -P: a file of the folder that we are in must not pass for a module.
        command = [sys.executable, "-P", "-m", "gapless.workflow.sweep_worker"]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [*command, str(place.run_dir), str(place.recipe), threads],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": threads},
            pass_fds=(place.lock,),
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def tell(self, **order: Any) -> None:
        """Give an order; one that has ended is heard of otherwise."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def leave(self) -> None:
        """Let it end at once."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def wait(self) -> None:
        """Wait until it has ended; not for long."""
        try:
            self._process.wait(_SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._heard.put((self, json.loads(line)))
        self._heard.put((self, {"ended": self._process.wait()}))


@dataclass
class Crew:
    """Processes that train trials, as many at once as there are; a `Hands`."""

    place: CrewPlace
    stage_of: Callable[[str], Stage]
    """Trial to its training."""
    progress: Progress
    stop: Callable[[], bool]
    _workers: list[_Worker] = field(default_factory=list)
    _heard: SimpleQueue[tuple[_Worker, dict[str, Any]]] = field(default_factory=SimpleQueue)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.leave()
        for worker in self._workers:
            worker.wait()

    def work(self, tasks: deque[Task]) -> Iterator[tuple[Task, str]]:
        """See `Hands.work`."""
        told = _Together(self.progress, sum(task.tokens for task in tasks))
        while tasks or self._busy():
            if self.stop():
                self._stop_all()
                raise KeyboardInterrupt
            self._hand_out(tasks)
            try:
                worker, message = self._heard.get(timeout=_SECONDS_BETWEEN_LOOKS)
            except Empty:
                continue
            outcome = self._take(worker, message, told)
            if outcome is not None:
                yield outcome

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.task is not None]

    def _hand_out(self, tasks: deque[Task]) -> None:
        """Give every process that is free a task; start more while there are tasks for them."""
        while tasks:
            free = next((worker for worker in self._workers if worker.task is None), None)
            if free is None and len(self._workers) == self.place.jobs:
                return
            if free is None:
                free = _Worker(self.place, self._heard)
                self._workers.append(free)
            free.task = task = tasks.popleft()
            stage = self.stage_of(task.trial)
            self.progress.stage(stage.label, task.how_far)
            free.tell(trial=task.trial, fingerprint=stage.fingerprint, tokens=task.tokens)

    def _take(
        self, worker: _Worker, message: dict[str, Any], told: _Together
    ) -> tuple[Task, str] | None:
        """Take a message in; return a task that is over, and why it failed."""
        task, why = worker.task, ""
        if "note" in message:
            self.progress.note(message["note"])
        elif "seen" in message and task is not None:
            told.step(task, message["seen"], message["speed"], message["loss"])
        worker.ready = worker.ready or "ready" in message
        if message.keys().isdisjoint({"failed", "full", "stopped", "ended"}):
            return None
        if "full" in message:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), message["full"])
        if "stopped" in message:  # by somebody else: it would stop at every other trial too
            self._workers.remove(worker)
            worker.leave()
        if "ended" in message:
            with suppress(ValueError):  # it was told to leave before
                self._workers.remove(worker)
            why = _ended(message["ended"])
            if not worker.ready:
                raise RunError(f"a process of the sweep did not start: {why}")
        worker.task = None
        if task is None:
            return None
        told.over(task)
        return task, why or message.get("failed", "its process was told to stop")

    def _stop_all(self) -> None:
        """Let each finish its step and save it."""
        for worker in self._workers:
            worker.tell(stop=True)
        while self._busy():
            worker, message = self._heard.get()
            if not message.keys().isdisjoint({"failed", "full", "stopped", "ended"}):
                worker.task = None


def _ended(status: int) -> str:
    if status >= 0:
        return f"its process ended with status {status}"
    return f"its process was killed ({signal.Signals(-status).name})"


class _Together:
    """The progress of trials that are trained at the same time, as one."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total = progress, total
        self._seen: dict[str, int] = {}
        self._now: dict[str, tuple[float, float | None]] = {}
        """Trial to tokens a second, and loss."""

    def step(self, task: Task, seen: int, speed: float, loss: float | None) -> None:
        """Take in how far a trial is."""
        self._seen[task.trial] = min(seen, task.tokens)
        self._now[task.trial] = speed, loss
        losses = [loss for _, loss in self._now.values() if loss is not None]
        if losses:
            speeds = sum(speed for speed, _ in self._now.values())
            seen = min(sum(self._seen.values()), self._total)
            self._progress.training(_ALL, seen, self._total, speeds, fmean(losses), None, None)

    def over(self, task: Task) -> None:
        """Take in that a trial is over, for now."""
        self._seen[task.trial] = task.tokens
        self._now.pop(task.trial, None)
