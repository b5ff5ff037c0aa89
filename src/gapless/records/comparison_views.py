"""Views of runs side by side: made by `gapless.workflow.compare`, shown by `gapless.cli`."""

from dataclasses import dataclass
from typing import Literal

Align = Literal["tokens", "flops"]
"""What runs are compared at the same amount of."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A difference and its 95 % interval; positive is better."""

    value: float
    low: float | None
    """None where nothing was drawn anew: a probe with a single item."""
    high: float | None

    @property
    def is_real(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, kw_only=True)
class SeedsRow:
    """Arms that differ in nothing but their seed, as one: means over seeds."""

    arms: tuple[str, ...]
    """As ``run/arm``."""
    gain: Estimate | None
    """None where the domain was not measured in bits per byte."""
    forgetting: Estimate | None


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """Two arms, or groups of seeds, at the same cost: how much better the first one did."""

    arms: tuple[str, ...]
    """Of the first; several are seeds of one another."""
    against: tuple[str, ...]
    tokens: float | None
    """Where they are compared; None where it is by operations."""
    flops: float | None
    domain: Estimate | None
    general: Estimate | None

    @property
    def over_seeds(self) -> bool:
        """Whether the intervals hold the noise of seeds, and not that of items alone."""
        return len(self.arms) > 1 or len(self.against) > 1
