"""Budgets: what arms are worth at the same cost, and what it costs to reach a value.

A row, one for each pair of arms, role or probe, and metric:

    arm, against, kind, name, role, metric, higher_is_better
    at_equal_tokens    {budget, value, low, high, is_real}: change of arm minus that of against,
                       where both have seen ``budget`` tokens: all of the shorter run
    at_equal_flops     the same where both have spent ``budget`` operations; null where what a
                       token costs is not known
    tokens_to_equal    {arm | against: {value, low, high}}: tokens after which the one first had
                       what the other one has at its end; null: not within its run

Between measured points a curve is a straight line, and each replicate is worked out by itself: the
value to reach is drawn with the same items as the curve that is to reach it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gapless.analysis.bootstrap import interval
from gapless.analysis.comparisons import Replicated, pairs
from gapless.analysis.gap import NEVER


def budgets(
    curves: Sequence[Replicated], *, level: float, flops_per_token: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Return a row for every pair of arms on every curve that both have.

    ``flops_per_token`` says what a token costs in each arm; one that is not in it is not known.
    """
    return [
        {
            "arm": arm.arm,
            "against": against.arm,
            "kind": arm.curve.kind,
            "name": arm.curve.name,
            "role": arm.curve.role,
            "metric": arm.curve.metric,
            "higher_is_better": arm.curve.higher_is_better,
            "at_equal_tokens": _at_equal_cost(arm, against, 1.0, 1.0, level),
            "at_equal_flops": _at_equal_cost(
                arm,
                against,
                flops_per_token.get(arm.arm),
                flops_per_token.get(against.arm),
                level,
            ),
            "tokens_to_equal": {
                "arm": _tokens_to_equal(arm, against, level),
                "against": _tokens_to_equal(against, arm, level),
            },
        }
        for arm, against in pairs(curves)
    ]


def changes_at(tokens: np.ndarray, changes: np.ndarray, place: float) -> np.ndarray:
    """Return the changes of many curves at one place on their lines: (curves, points) to (curves,).

    ``place`` lies within the run.
    """
    assert tokens[0] <= place <= tokens[-1]
    right = max(1, int(np.searchsorted(tokens, place))) if len(tokens) > 1 else 0
    left = max(0, right - 1)
    part = (place - tokens[left]) / max(1, tokens[right] - tokens[left])
    found: np.ndarray = changes[:, left] * (1 - part) + changes[:, right] * part
    return found


def tokens_to_reach(tokens: np.ndarray, changes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where each curve first has its wanted change: (curves, points) to (curves,).

    0 where the base has it already, ``NEVER`` where no point of the run does.
    """
    reached = changes >= wanted[:, None]
    right = reached.argmax(axis=1)
    left = np.maximum(right - 1, 0)
    curves = np.arange(len(changes))
    below, above = changes[curves, left], changes[curves, right]
    rise = np.where(above > below, above - below, 1.0)
    part = np.where(right > 0, (wanted - below) / rise, 0.0)
    crossing = tokens[left] + (tokens[right] - tokens[left]) * part
    found: np.ndarray = np.where(reached.any(axis=1), crossing, NEVER)
    return found


def _at_equal_cost(
    arm: Replicated, against: Replicated, cost: float | None, other: float | None, level: float
) -> dict[str, Any] | None:
    if cost is None or other is None:
        return None
    budget = min(cost * float(arm.curve.tokens[-1]), other * float(against.curve.tokens[-1]))

    def difference(changes: np.ndarray, others: np.ndarray) -> np.ndarray:
        # The shorter run's own end, and not a hair beyond it.
        mine = changes_at(arm.curve.tokens, changes, min(budget / cost, arm.curve.tokens[-1]))
        theirs = min(budget / other, against.curve.tokens[-1])
        found: np.ndarray = mine - changes_at(against.curve.tokens, others, theirs)
        return found

    value = float(difference(arm.curve.changes[None], against.curve.changes[None])[0])
    if arm.changes is None or against.changes is None:
        return {"budget": budget, "value": value, "low": None, "high": None, "is_real": None}
    low, high = interval(difference(arm.changes, against.changes), level)
    is_real = low > 0 or high < 0
    return {"budget": budget, "value": value, "low": low, "high": high, "is_real": is_real}


def _tokens_to_equal(arm: Replicated, other: Replicated, level: float) -> dict[str, float | None]:
    def reach(changes: np.ndarray, others: np.ndarray) -> np.ndarray:
        return tokens_to_reach(arm.curve.tokens, changes, others[:, -1])

    value = float(reach(arm.curve.changes[None], other.curve.changes[None])[0])
    low, high = NEVER, NEVER
    if arm.changes is not None and other.changes is not None:
        low, high = interval(reach(arm.changes, other.changes), level)
    return {
        name: float(number) if number != NEVER else None
        for name, number in (("value", value), ("low", low), ("high", high))
    }
