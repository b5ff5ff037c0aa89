"""What is told of a training while it goes on, and to whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gapless.records.measurements import Measurement


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """A step that has moved the weights."""

    tokens_seen: int
    loss: float
    """Mean nats per predicted token, before the weights moved."""
    learning_rate: float
    gradient_norm: float
    """Before clipping."""
    tokens_per_second: float
    """Of the step, padding included."""


class Observer(Protocol):
    """Who watches a run."""

    def step(self, done: StepDone) -> None:
        """Hear of a step."""

    def measured(self, measurements: Sequence[Measurement]) -> None:
        """Hear of a measurement; the first is the base model's."""

    def left_out(self, what: str) -> None:
        """Hear of a batch that went wrong and is left out: what was wrong, and where."""

    def noted(self, what: str) -> None:
        """Hear of something that a person should know of the training as a whole."""
