"""What the verb ``claims`` answers, and a row of its results."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

EMBEDDED = "embedded"
"""The scale of recipes as they stand: the base that ships."""

Verdict = Literal["reproduced", "not reproduced", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class PartRow:
    """One number of a claim."""

    name: str
    says: str
    unit: str
    wanted: str
    """Where it must lie, such as ``> 0``."""
    values: tuple[float | None, ...]
    """One for each seed; None where it cannot be told."""
    mean: float | None
    """None where one of them cannot be told, and so are the bounds."""
    low: float | None
    """Of its 95 % interval over seeds."""
    high: float | None
    verdict: Verdict

    @property
    def seen(self) -> str:
        """The mean and its interval in words."""
        if self.mean is None:
            return "cannot be told"
        return f"{self.mean:.4g} ({self.low:.4g} to {self.high:.4g}) {self.unit}"


@dataclass(frozen=True, kw_only=True)
class ClaimRow:
    """What came of one claim."""

    id: str
    scale: str
    """The variant of its recipes; ``embedded`` for the recipes as they stand."""
    hypothesis: str
    source: str
    verdict: Verdict
    parts: tuple[PartRow, ...]
    seeds: tuple[int, ...]
    tokens: int
    """Trained on by the arms that were looked at, over all seeds; arms may serve several claims."""
    flops: float
    """Operations of that training."""
    small: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "ClaimRow":
        """Return a row as it was written."""
        parts = tuple(PartRow(**{**part, "values": tuple(part["values"])}) for part in row["parts"])
        return cls(**{**row, "parts": parts, "seeds": tuple(row["seeds"])})
