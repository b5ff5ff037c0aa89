"""Budgets: what arms are worth at the same cost, and what it costs to reach a value.

A row, one for each pair of arms, role or probe, and metric:

    arm, against, kind, name, role, metric, higher_is_better
    at_equal_tokens    {budget, value, low, high, is_real}: change of arm minus that of against,
                       where both have seen ``budget`` tokens: all of the shorter run
    at_equal_flops     the same where both have spent ``budget`` operations: all of the cheaper
                       run; null where it is not known what one of them spent
    tokens_to_equal    {arm | against: {value, low, high}}: tokens after which the one first had
                       what the other one has at its end; null: not within its run
    flops_to_equal     the same in operations; null where it is not known what one of them spent

Operations are those of training (see `gapless.records.flops`), without what measuring takes.

Between measured points a curve is a straight line, and each replicate is worked out by itself: the
value to reach is drawn with the same items as the curve that is to reach it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gapless.analysis.bootstrap import interval
from gapless.analysis.comparisons import Replicated, pairs
from gapless.analysis.gap import NEVER


def budgets(curves: Sequence[Replicated], *, level: float) -> list[dict[str, Any]]:
    """Return a row for every pair of arms on every curve that both have."""
    return [_row(arm, against, level) for arm, against in pairs(curves)]


def _row(arm: Replicated, against: Replicated, level: float) -> dict[str, Any]:
    known = arm.flops is not None and against.flops is not None
    return {
        "arm": arm.arm,
        "against": against.arm,
        "kind": arm.curve.kind,
        "name": arm.curve.name,
        "role": arm.curve.role,
        "metric": arm.curve.metric,
        "higher_is_better": arm.curve.higher_is_better,
        "at_equal_tokens": _at_equal_cost(arm, against, "tokens", level),
        "at_equal_flops": _at_equal_cost(arm, against, "flops", level) if known else None,
        "tokens_to_equal": _both_to_equal(arm, against, "tokens", level),
        "flops_to_equal": _both_to_equal(arm, against, "flops", level) if known else None,
    }


def cost_of(each: Replicated, unit: str) -> np.ndarray | None:
    """Return what an arm has spent at each point, in ``tokens`` or ``flops``; None: not known."""
    return each.flops if unit == "flops" else each.curve.tokens


def shared_budget(arms: Sequence[Replicated], unit: str) -> float | None:
    """Return all that the cheapest of several arms spent; None where one of them is not known."""
    costs = [cost_of(each, unit) for each in arms]
    ends = [float(cost[-1]) for cost in costs if cost is not None]
    return min(ends) if len(ends) == len(arms) else None


def changes_at(costs: np.ndarray, changes: np.ndarray, place: float) -> np.ndarray:
    """Return the changes of many curves at one place on their lines: (curves, points) to (curves,).

    ``costs`` is where the points are, in tokens or operations; ``place`` lies within the run.
    """
    assert costs[0] <= place <= costs[-1]
    right = max(1, int(np.searchsorted(costs, place))) if len(costs) > 1 else 0
    left = max(0, right - 1)
    part = (place - costs[left]) / max(1, costs[right] - costs[left])
    found: np.ndarray = changes[:, left] * (1 - part) + changes[:, right] * part
    return found


def tokens_to_reach(costs: np.ndarray, changes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where each curve first has its wanted change: (curves, points) to (curves,).

    In the unit of ``costs``; 0 where the base has it already, ``NEVER`` where no point of the run
    does.
    """
    reached = changes >= wanted[:, None]
    right = reached.argmax(axis=1)
    left = np.maximum(right - 1, 0)
    curves = np.arange(len(changes))
    below, above = changes[curves, left], changes[curves, right]
    rise = np.where(above > below, above - below, 1.0)
    part = np.where(right > 0, (wanted - below) / rise, 0.0)
    crossing = costs[left] + (costs[right] - costs[left]) * part
    found: np.ndarray = np.where(reached.any(axis=1), crossing, NEVER)
    return found


def _at_equal_cost(arm: Replicated, against: Replicated, unit: str, level: float) -> dict[str, Any]:
    budget = shared_budget([arm, against], unit)
    mine, theirs = cost_of(arm, unit), cost_of(against, unit)
    assert budget is not None
    assert mine is not None
    assert theirs is not None

    def difference(changes: np.ndarray, others: np.ndarray) -> np.ndarray:
        found: np.ndarray = changes_at(mine, changes, budget) - changes_at(theirs, others, budget)
        return found

    value = float(difference(arm.curve.changes[None], against.curve.changes[None])[0])
    if arm.changes is None or against.changes is None:
        return {"budget": budget, "value": value, "low": None, "high": None, "is_real": None}
    low, high = interval(difference(arm.changes, against.changes), level)
    is_real = low > 0 or high < 0
    return {"budget": budget, "value": value, "low": low, "high": high, "is_real": is_real}


def _both_to_equal(
    arm: Replicated, against: Replicated, unit: str, level: float
) -> dict[str, dict[str, float | None]]:
    return {
        "arm": _to_equal(arm, against, unit, level),
        "against": _to_equal(against, arm, unit, level),
    }


def _to_equal(
    arm: Replicated, other: Replicated, unit: str, level: float
) -> dict[str, float | None]:
    costs = cost_of(arm, unit)
    assert costs is not None

    def reach(changes: np.ndarray, others: np.ndarray) -> np.ndarray:
        return tokens_to_reach(costs, changes, others[:, -1])

    value = float(reach(arm.curve.changes[None], other.curve.changes[None])[0])
    low, high = NEVER, NEVER
    if arm.changes is not None and other.changes is not None:
        low, high = interval(reach(arm.changes, other.changes), level)
    return {
        name: float(number) if number != NEVER else None
        for name, number in (("value", value), ("low", low), ("high", high))
    }
