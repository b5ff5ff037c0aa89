"""Attempts at a sweep's trials: each trains one of them to a rung.

`Alone` makes them in this process, one after the other; `sweep_crew.Crew` in several.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gapless.errors import GaplessError
from gapless.workflow.full_disk import disk_is_full
from gapless.workflow.run import ArmObserver

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterator

    from gapless.records.observer import StepDone
    from gapless.records.views import Progress
    from gapless.workflow.stage import Stage


@dataclass(frozen=True)
class Task:
    """A trial, and how far it is to be trained now."""

    trial: str
    tokens: int
    """The next checkpoint after so many is where it ends; its whole run, or a rung."""
    how_far: str = ""
    """The same in words; empty for the whole run."""


class Hands(Protocol):
    """Whoever trains the trials."""

    def work(self, tasks: deque[Task]) -> Iterator[tuple[Task, str]]:
        """Take tasks from the left until none is left; give each with why it failed, or ``""``.

        Whoever asks may add tasks meanwhile.

        Raises:
            KeyboardInterrupt: somebody asked to stop.
            OSError: the disk is full, which is no fault of one trial.

        """


class Rung:
    """Stops a training at a number of tokens, or when the user asks to."""

    def __init__(self, progress: Progress, stop: Callable[[], bool]) -> None:
        self._progress, self.stop = progress, stop
        self._limit, self.reached = math.inf, False

    def __call__(self) -> bool:
        """Whether a training is to end here."""
        return self.reached or self.stop()

    @contextmanager
    def at(self, tokens: float) -> Iterator[None]:
        """Let trainings end at ``tokens``, with a checkpoint, as if they had been interrupted."""
        self._limit, self.reached = tokens, False
        try:
            yield
        except KeyboardInterrupt:
            if self.stop() or not self.reached:
                raise
        finally:
            self._limit, self.reached = math.inf, False

    def seen(self, tokens: int) -> None:
        """Hear how far a training is."""
        self.reached = tokens >= self._limit

    def observer(self, arm: str, total_tokens: int) -> ArmObserver:
        """Return who watches a trial."""
        return _TrialObserver(arm, total_tokens, self._progress, self)


class _TrialObserver(ArmObserver):
    """Tells the rung how far its trial is."""

    def __init__(self, arm: str, total_tokens: int, progress: Progress, rung: Rung) -> None:
        super().__init__(arm, total_tokens, progress)
        self._rung = rung

    def step(self, done: StepDone) -> None:
        """Pass a step on."""
        super().step(done)
        self._rung.seen(done.tokens_seen)


def attempt(stage: Stage, tokens: int, rung: Rung) -> str:
    """Train a trial to ``tokens``; return why it failed, or ``""``.

    Raises:
        KeyboardInterrupt: somebody asked to stop.
        OSError, GaplessError: the disk is full.

    """
    try:
        with rung.at(tokens):
            stage.make()
    except (GaplessError, OSError) as error:
        if disk_is_full(error):
            raise
        return str(error).splitlines()[0]
    return ""


@dataclass(frozen=True)
class Alone:
    """One process, where the sweep itself is."""

    stage_of: Callable[[str], Stage]
    """Trial to its training."""
    rung: Rung
    progress: Progress

    def work(self, tasks: deque[Task]) -> Iterator[tuple[Task, str]]:
        """See `Hands.work`."""
        while tasks:
            task = tasks.popleft()
            if self.rung.stop():
                raise KeyboardInterrupt
            stage = self.stage_of(task.trial)
            self.progress.stage(stage.label, task.how_far)
            yield task, attempt(stage, task.tokens, self.rung)
