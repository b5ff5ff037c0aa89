"""Turning points: whether perplexity falls while tasks dip, as paper 1 explains the gap.

Guo et al. 2024 (section 3): a domain task needs domain knowledge and general ability. Knowledge
grows from the first step on (perplexity falls steadily) while general ability falls at first, so
that tasks dip and come back. A row for each arm and pair of metrics:

    arm
    loss             of the domain's mean under a metric where lower is better:
        metric, higher_is_better
        change           {value, low, high} at the end, positive is better
        improved         that interval is above 0
        largest_rise     {value, from_tokens, to_tokens} from one point to the next, for the worse
        rise_is_real     it is beyond the noise of the worst of all steps
        steadily         it improved, and no rise is real
    domain_task, general_task     of the roles' means under a metric where higher is better:
        metric, higher_is_better, depth
        bottom, recovery     in tokens; recovery is null where it does not come
        dip_is_real
    as_in_paper_1    the loss fell steadily and both tasks dipped for real

A task that was not measured is null; so is what needs replicates, without them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gapless.analysis.bootstrap import drop_is_real, interval
from gapless.analysis.comparisons import Replicated
from gapless.analysis.gap import measure_gap


def turning_points(curves: Sequence[Replicated], *, level: float) -> list[dict[str, Any]]:
    """Return a row for each arm, loss of the domain and task metric."""
    by_arm: dict[str, list[Replicated]] = {}
    for each in curves:
        if each.curve.kind == "role":
            by_arm.setdefault(each.arm, []).append(each)
    return [row for arm, own in by_arm.items() for row in _rows(arm, own, level)]


def _rows(arm: str, curves: Sequence[Replicated], level: float) -> list[dict[str, Any]]:
    losses = [c for c in curves if c.curve.role == "domain" and not c.curve.higher_is_better]
    tasks: dict[str, dict[str, Replicated]] = {}
    for each in curves:
        if each.curve.higher_is_better:
            tasks.setdefault(each.curve.metric, {})[each.curve.role] = each
    rows = []
    for loss in losses:
        for own in tasks.values() or [{}]:
            row = {
                "arm": arm,
                "loss": _loss(loss, level),
                "domain_task": _task(own.get("domain"), level),
                "general_task": _task(own.get("general"), level),
            }
            rows.append(row | {"as_in_paper_1": _as_in_paper(row)})
    return rows


def _loss(loss: Replicated, level: float) -> dict[str, Any]:
    curve, drawn = loss.curve, loss.changes
    steps = np.diff(curve.changes)
    rises = bool(len(steps)) and bool(steps.min() < 0)
    worst = int(steps.argmin()) if rises else 0
    change: dict[str, float | None] = {"value": float(curve.changes[-1]), "low": None, "high": None}
    real = improved = None
    if drawn is not None:
        low, high = interval(drawn[:, -1], level)
        change |= {"low": low, "high": high}
        improved = low > 0
        real = rises and drop_is_real(steps, np.diff(drawn, axis=1), level=level)
    return {
        "metric": curve.metric,
        "higher_is_better": False,
        "change": change,
        "improved": improved,
        "largest_rise": {
            "value": float(-steps[worst]) if rises else 0.0,
            "from_tokens": int(curve.tokens[worst]) if rises else None,
            "to_tokens": int(curve.tokens[worst + 1]) if rises else None,
        },
        "rise_is_real": real,
        "steadily": None if improved is None else improved and not real,
    }


def _task(task: Replicated | None, level: float) -> dict[str, Any] | None:
    if task is None:
        return None
    gap, drawn = measure_gap(task.curve), task.changes
    return {
        "metric": task.curve.metric,
        "higher_is_better": True,
        "depth": gap.depth,
        "bottom": gap.tokens_to_bottom,
        "recovery": gap.tokens_to_recovery,
        "dip_is_real": (
            None if drawn is None else drop_is_real(task.curve.changes, drawn, level=level)
        ),
    }


def _as_in_paper(row: Mapping[str, Any]) -> bool | None:
    tasks = [row["domain_task"], row["general_task"]]
    signs = [row["loss"]["steadily"], *(task["dip_is_real"] if task else None for task in tasks)]
    return None if None in signs else all(signs)
