"""Do what is missing."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gapless.errors import RecipeError, Terminated
from gapless.records.artifact import write_text
from gapless.records.measurements import Measurement
from gapless.records.observer import StepDone
from gapless.records.views import Progress
from gapless.workflow.arm import TRAINING
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.stage import Stage
from gapless.workflow.tree import Tree

_SAME_REQUEST_SECONDS = 1.0
"""Launchers tell a process group and then its processes: one wish may come as two signals."""


class StopRequest:
    """Ctrl-C and SIGTERM, turned into a question that the loop asks after every step."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._asked_at = 0.0

    def __call__(self) -> bool:
        """Whether somebody asked to stop."""
        return self._first is not None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Catch both signals while the stages work; a second one, later, stops at once.

        Raises:
            Terminated: the stages stopped because of SIGTERM.

        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        except KeyboardInterrupt:
            if self._first == signal.SIGTERM:
                raise Terminated from None
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _: object) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first, self._asked_at = number, now
        elif now - self._asked_at >= _SAME_REQUEST_SECONDS:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


class ArmObserver:
    """Turns what the loop tells into progress: speed, gain and forgetting so far."""

    def __init__(self, arm: str, total_tokens: int, progress: Progress) -> None:
        self._arm, self._total, self._progress = arm, total_tokens, progress
        self._base: dict[str, float] = {}
        self._gain: float | None = None
        self._forgetting: float | None = None

    def step(self, done: StepDone) -> None:
        """Pass a step on."""
        self._progress.training(
            self._arm,
            done.tokens_seen,
            self._total,
            done.tokens_per_second,
            done.loss,
            self._gain,
            self._forgetting,
        )

    def measured(self, measurements: Sequence[Measurement]) -> None:
        """Take a measurement in."""
        values = {m.probe: m for m in measurements if m.metric == "bits_per_byte"}
        if not self._base:
            self._base = {name: m.value for name, m in values.items()}
        if values.keys() >= self._base.keys():  # else what was last seen stays
            self._gain = self._change(values, "domain")
            self._forgetting = self._change(values, "general")

    def left_out(self, what: str) -> None:
        """Say that a batch is left out."""
        self.noted(what)

    def noted(self, what: str) -> None:
        """Say something of the training."""
        self._progress.note(f"training {self._arm}: {what}")

    def _change(self, values: Mapping[str, Measurement], role: str) -> float | None:
        changes = [self._base[n] - m.value for n, m in values.items() if m.role == role]
        return sum(changes) / len(changes) if changes else None


def stages_until(tree: Tree, until: str | None) -> list[Stage]:
    """Return the stages up to and including kind or label ``until``, in the order of work."""
    stages = list(tree.stages())
    if until is None:
        return stages
    last = [i for i, stage in enumerate(stages) if until in {stage.kind, stage.label}]
    if not last:
        kinds = ", ".join(dict.fromkeys(stage.kind for stage in stages))
        raise RecipeError(
            f"there is no stage {until!r}", where="--until", mend=f"Give one of: {kinds}."
        )
    return stages[: last[-1] + 1]


def do_missing(
    stages: Sequence[Stage],
    *,
    progress: Progress,
    others: Sequence[Path] = (),
    stop: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Make the artifacts that are not there; return the labels of the stages done now.

    What a run beside this one has made (``others``: their artifacts' folders) is taken over; only
    training is always an arm's own. ``stop`` is asked before every stage; training asks it after
    every step.
    """
    did = []
    for stage in stages:
        if stage.is_done():
            continue
        if stage.kind != TRAINING and any(stage.folder.adopt(root) for root in others):
            progress.stage(stage.label, stage.fingerprint[:7])
            progress.done(stage.label, "taken over from a run beside this one")
            continue
        if stop():
            raise KeyboardInterrupt
        progress.stage(stage.label, stage.fingerprint[:7])
        stage.make()
        progress.done(stage.label, _told(stage.facts()))
        did.append(stage.label)
    return did


def _told(facts: Mapping[str, Any]) -> str:
    """Return the few counts of a stage that a reader of the terminal wants."""
    shown = ("kept", "documents", "tokens", "steps")
    return ", ".join(f"{facts[key]:,} {key}" for key in shown if isinstance(facts.get(key), int))


def remember_environment(tree: Tree, folder: RunFolder) -> None:
    """Write down what the results may depend on."""
    from gapless.training.compute import Compute
    from gapless.workflow.machine import environment

    training = tree.recipe.training
    compute = Compute.of(training).describe()
    write_text(folder.path / "environment.json", json.dumps(environment(compute), indent=1))
