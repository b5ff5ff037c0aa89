"""Views of a run while it goes on: made by `gapless.workflow.live`, shown by `gapless.cli`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["not started", "under way", "done"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """Something over the tokens seen."""

    tokens: tuple[int, ...] = ()
    """Rising."""
    values: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LiveValue:
    """The last measured value of one metric of one probe."""

    probe: str
    role: str
    metric: str
    value: float
    change: float | None
    """Against the base model, signed so that above 0 is better."""
    standard_error: float | None
    """Of the value, over items."""
    tokens_seen: int
    """Where it was measured: rare probes are not at every point."""


@dataclass(frozen=True, kw_only=True)
class LiveFault:
    """A step that went wrong."""

    step: int
    what: str
    action: str


@dataclass(frozen=True, kw_only=True)
class LiveFinding:
    """What the advisor says of an arm so far, as if it had ended at its last measurement."""

    rule: str
    text: str


@dataclass(frozen=True, kw_only=True)
class LiveArm:
    """One arm's training, as its journals tell."""

    name: str
    state: State
    tokens_seen: int
    total_tokens: int | None
    """None before the order is settled."""
    metric: str
    """What gain and forgetting are changes of; empty before the first measurement."""
    gain: Line
    """Mean change of the domain's probes against the base model; above 0 is better."""
    forgetting: Line
    """The same of the general ones; below 0, something is forgotten."""
    loss: Line
    """Training loss, as means over stretches where there are many steps."""
    learning_rate: float | None
    """Of the last step that learnt."""
    tokens_per_second: float | None
    """Of the last steps."""
    seconds_left: float | None
    """At that speed, with what measuring and saving have taken beside it so far."""
    measured_at: int | None
    """Tokens seen at the last measurement; 0 is the base model."""
    values: tuple[LiveValue, ...]
    """The last of each probe and metric."""
    faults: tuple[LiveFault, ...]
    measuring: float | None = None
    """The share of the time so far that measuring took; None before it is known."""
    costs: tuple[tuple[str, float], ...] = ()
    """Probe of the recipe to its share of the time, the dearest first."""
    findings: tuple[LiveFinding, ...] = ()
    """Empty before the second measurement."""
    analysed: bool = False
    """Whether they are the analysis's own; before, they are preliminary."""


@dataclass(frozen=True, kw_only=True)
class Live:
    """A run at one moment."""

    run_dir: Path
    name: str
    stages_done: int
    stages: int
    stage: str
    """The first that is not done; empty when all are."""
    worked_on: bool
    """Whether a process is working in the folder."""
    report: Path | None
    arms: tuple[LiveArm, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do, and nobody does it."""
        return self.stages_done == self.stages and not self.worked_on
