"""The rate with the most domain gain, for either size."""

import math
from collections.abc import Mapping

import numpy as np

from gapless.workflow.seen import Seen

RATES = [2.5e-4 * 2**i for i in range(6)]


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    larger, smaller = (
        [seen.of(recipe).curve(f"rate_{i}", "domain").change for i in range(len(RATES))]
        for recipe in ("rates_base", "rates_small")
    )
    return {"fall": best(smaller) - best(larger)}


def best(gains: list[float]) -> float:
    """Return the binary logarithm of the best rate; at an end of the range, that end."""
    logs = [math.log2(rate) for rate in RATES]
    top = int(np.argmax(gains))
    if top in (0, len(gains) - 1):
        return logs[top]
    a, b, _ = np.polyfit(logs[top - 1 : top + 2], gains[top - 1 : top + 2], 2)
    return float(-b / (2 * a))
