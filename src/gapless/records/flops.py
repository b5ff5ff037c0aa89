"""What a training has cost so far, in floating-point operations, from its journal of steps.

A step's row says under `FLOPS` what the model needed for it: forward, backward and what it learns,
by the method; nothing for a batch that was left out. No clock and no machine is in it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

FLOPS = "flops"


def flops_at(rows: Iterable[Mapping[str, Any]], tokens: np.ndarray) -> np.ndarray | None:
    """Return the operations spent at some places of a run: float64, of the shape of ``tokens``.

    The rows are those of its steps. None where some do not say, as in runs of before they did, or
    where the steps end before the last place.
    """
    seen, spent = [0], [0.0]
    for row in rows:
        if FLOPS not in row:
            return None
        seen.append(row["tokens_seen"])
        spent.append(spent[-1] + row[FLOPS])
    if seen[-1] < tokens[-1]:
        return None
    found: np.ndarray = np.interp(tokens, seen, spent)
    return found
