"""What happens when a step goes wrong: seen, written down with its diagnosis, acted on.

faults.jsonl    one row per fault; a resumed run leaves out what it says was left out
"""

import math
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from gapless.errors import RunError
from gapless.recipe.training import Faults
from gapless.records.journal import Journal
from gapless.training.diagnosis import Diagnosis

_WINDOW, _FEWEST = 64, 16
"""Steps of the phase that a loss is compared with, and how many of them there must be."""
_LEAST_USUAL = 1.0
"""Nats. What is nearly known by heart has losses near 0, whose ratios are noise."""

Action = Literal["stop", "skip", "roll_back"]


@dataclass(frozen=True)
class Fault:
    """A step that went wrong."""

    kind: Literal["non_finite", "spike"]
    phase: int
    loss: float
    norm: float
    what: str
    action: Action


class Guard:
    """Judges steps."""

    def __init__(self, settings: Faults, log: Journal, steps: Journal) -> None:
        self._settings = settings
        self._log = log
        self._left_out = {row["step"] for row in log.rows() if row["action"] != "stop"}
        self.read(steps)

    @property
    def rolls_back(self) -> bool:
        """Whether a fault may need a checkpoint to go back to."""
        return "roll_back" in {self._settings.non_finite, self._settings.spike}

    def leaves_out(self, step: int) -> bool:
        """Whether the batch of a step was found bad before."""
        return step in self._left_out

    def read(self, steps: Journal) -> None:
        """Take in the steps so far."""
        self._recent: deque[float] = deque(maxlen=_WINDOW)
        self._phase = 0
        for row in steps.rows():
            if row["loss"] is not None:
                self._take_in(row["phase"], row["loss"])

    def _take_in(self, phase: int, loss: float) -> None:
        if phase != self._phase:
            self._recent.clear()
        self._phase = phase
        self._recent.append(loss)

    def judge(self, phase: int, loss: float, norm: float) -> Fault | None:
        """Return what is wrong with a step of a phase, if anything is; the loss is in nats."""
        fault = self._fault(phase, loss, norm)
        if fault is None:
            self._take_in(phase, loss)
        return fault

    def _fault(self, phase: int, loss: float, norm: float) -> Fault | None:
        settings = self._settings
        if not (math.isfinite(loss) and math.isfinite(norm)):
            what = f"the loss is {loss:.3f} and the gradient's norm {norm:.3f}"
            return Fault("non_finite", phase, loss, norm, what, settings.non_finite)
        if settings.spike == "ignore" or phase != self._phase or len(self._recent) < _FEWEST:
            return None
        usual = median(self._recent)
        if loss <= settings.spike_factor * max(usual, _LEAST_USUAL):
            return None
        what = (
            f"the loss jumped to {loss:.3f} nats; "
            f"the last {len(self._recent)} steps had a median of {usual:.3f}"
        )
        return Fault("spike", phase, loss, norm, what, settings.spike)

    def act(self, fault: Fault, step: int, tokens_seen: int, diagnosis: Diagnosis) -> Action:
        """Write a fault down and return what to do; step and tokens count the bad batch.

        Raises:
            RunError: the recipe says to stop, or there were too many.

        """
        too_many = len(self._left_out) >= self._settings.most
        action: Action = "stop" if too_many else fault.action
        self._write_down(
            {
                "step": step,
                "tokens_seen": tokens_seen,
                "phase": fault.phase,
                "kind": fault.kind,
                "what": fault.what,
                "action": action,
                **diagnosis.record(),
            }
        )
        if action == "stop":
            place = f"step {step:,}, phase {fault.phase + 1}, {tokens_seen:,} tokens seen"
            before = f"; batches left out before: {len(self._left_out)}" if too_many else ""
            lines = [
                f"{fault.what} ({place}{before})",
                *diagnosis.lines(fault.loss, fault.norm),
                f"All rows, documents and layers of the step: {self._log.path}",
            ]
            raise RunError("\n  ".join(lines), mend=self._mend(fault, diagnosis))
        self._left_out.add(step)
        return action

    def _write_down(self, row: dict[str, Any]) -> None:
        """Add a row, once: a run that is started again stops again."""
        last = deque(self._log.rows(), maxlen=1)
        if not last or last[0] != row:
            self._log.append(row)
        self._log.sync()

    def _mend(self, fault: Fault, diagnosis: Diagnosis) -> str:
        if len(self._left_out) >= self._settings.most:
            return (
                "That many are no accident: look at these documents and at the learning rate, or "
                "raise training.faults.most."
            )
        if diagnosis.bad_weights:
            return (
                "Lower training.learning_rate: the step before overflowed. At step 1, it is the "
                "base model that is damaged."
            )
        if not diagnosis.repeats(fault.loss, fault.norm):
            return (
                "The same command goes on from the last checkpoint. Should it happen again, test "
                "this machine's memory."
            )
        return (
            "Lower training.learning_rate, lengthen training.schedule.warmup, or have such "
            f"batches left out: training.faults.{fault.kind}: skip. The checkpoints before this "
            "step are kept."
        )
