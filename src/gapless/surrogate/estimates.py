"""A number and its interval."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A value with the percentile interval of its replicates."""

    value: float
    low: float
    high: float

    def row(self) -> dict[str, Any]:
        """Return the estimate as a JSON object."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def estimate(value: float, replicates: np.ndarray, level: float) -> Estimate:
    """Return a value with the interval of its replicates, of shape (replicates,)."""
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(value), float(low), float(high))
