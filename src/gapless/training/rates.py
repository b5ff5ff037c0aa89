"""The learning rate of a step: by the run's schedule, or that of the phase it is in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gapless.recipe.schedules import Schedule


@dataclass(frozen=True)
class Span:
    """A phase, and the schedule that its rate follows."""

    begins: int
    """The first token of the phase."""
    peak: float
    schedule: Schedule
    start: int
    """The token at which the schedule starts: the phase's first, or the run's."""
    tokens: int
    """Over how many it runs."""


def rate_at(
    spans: Sequence[Span], tokens_seen: int, *, clock: Callable[[int], float] = float
) -> float:
    """Return the rate of the step that starts at ``tokens_seen``.

    Args:
        spans: in the order of phases.
        tokens_seen: by the model.
        clock: tokens seen to those that the schedules take for seen.

    """
    span = [each for each in spans if each.begins <= tokens_seen][-1]
    return span.peak * span.schedule.factor(clock(tokens_seen) - span.start, span.tokens)
