"""What a report says of arms side by side, and of perplexity beside tasks, as plain values."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AtFlops:
    """A difference where both have spent as many operations."""

    flops: float
    """All of the cheaper run."""
    difference: float
    low: float | None
    high: float | None
    """The 95 % interval of the difference."""


@dataclass(frozen=True, kw_only=True)
class PairRow:
    """One metric of two arms at the same cost; positive: the first one is better."""

    arm: str
    against: str
    name: str
    """As the name of the curve it was read from."""
    metric: str
    tokens: int
    """Where both are compared: all of the shorter run."""
    difference: float
    low: float | None
    high: float | None
    """The 95 % interval of the difference."""
    tokens_to_equal: float | None
    """Where the first arm had what the other one ended with; None when it never did."""
    tokens_low: float | None
    tokens_high: float | None
    """Its 95 % interval; None for an end that is not within the run."""
    of_tokens: int
    """Tokens of the other arm's whole run."""
    at_flops: AtFlops | None = None
    """The difference at as many operations; None where it is not known what they spent."""


@dataclass(frozen=True, kw_only=True)
class SeedsRow:
    """One metric of arms that differ in their seed alone: their mean."""

    arms: tuple[str, ...]
    name: str
    """As the name of the curves."""
    metric: str
    change: float
    """Mean of the changes at the end; positive is better."""
    low: float | None
    high: float | None
    """Its 95 % interval, with the noise of items and of seeds."""
    spread: float
    """Standard deviation of the change between seeds."""
    depth: float
    """Mean of how far the metric fell below the base on the way."""


@dataclass(frozen=True, kw_only=True)
class SeedPairRow:
    """One metric of two groups of such arms, or of a group and an arm, at the same cost."""

    arms: tuple[str, ...]
    against: tuple[str, ...]
    name: str
    metric: str
    tokens: int
    """Where all are compared: all of the shortest run."""
    difference: float
    """Of the means; positive: the first ones are better."""
    low: float | None
    high: float | None
    """The 95 % interval of the difference, with the noise of items and of seeds."""
    at_flops: AtFlops | None = None


@dataclass(frozen=True, kw_only=True)
class TaskTurn:
    """Where a role's tasks turned, along one arm."""

    metric: str
    depth: float
    """How far they fell below the base; 0 where they never did."""
    bottom: int
    recovery: int | None
    """None where they did not come back."""
    dip_is_real: bool | None


@dataclass(frozen=True, kw_only=True)
class TurningRow:
    """The domain's loss beside the tasks, along one arm (Guo et al. 2024, section 3)."""

    arm: str
    loss_metric: str
    change: float
    """Of the loss at the end; positive is better."""
    low: float | None
    high: float | None
    steadily: bool | None
    """Whether it improved, and never rose beyond noise."""
    domain: TaskTurn | None
    general: TaskTurn | None
    as_in_paper: bool | None
    """Whether it improved steadily while both dipped."""
