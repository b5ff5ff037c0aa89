"""Several seeds against several others: what holds for more than one draw of training's chances.

A row, one for each pair of groups of arms (a group differs in nothing but the seed; an arm that has
no twin is a group of one), role or probe, and metric, where at least one of both has several seeds:

    arms, against        the names of both groups' arms
    kind, name, role, metric, higher_is_better
    at_equal_tokens      {budget, value, low, high, is_real}: mean of arms minus mean of against,
                         where all have seen as many tokens as the shortest run has in all
    at_equal_flops       the same where all have spent as many operations as the cheapest run has in
                         all; null where that is not known of one of them

The interval is mean +- t * sqrt(v + s2 / arms + r2 / against), as that of a mean in `repeats`: v is
the variance of the difference when items are drawn anew (once for all arms that share them), s2 and
r2 are the variances between each group's seeds, and t has Welch's degrees of freedom of the sum. A
group of one is taken to vary as the other does: v + s2 * (1 / arms + 1), with the degrees of
freedom of the one that can be seen. Two arms of one seed each are in `budgets`, where nothing says
how far seeds lie apart.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from gapless.analysis.budgets import changes_at, cost_of, shared_budget
from gapless.analysis.comparisons import Replicated, by_curve
from gapless.analysis.repeats import Part, t_interval


def seeds_apart(
    curves: Sequence[Replicated], groups: Sequence[Sequence[str]], *, level: float
) -> list[dict[str, Any]]:
    """Return a row for every two groups of arms and each curve that all of them have."""
    rows = []
    for own in by_curve(curves):
        named = {each.arm: each for each in own}
        alone = [[name] for name in named if not any(name in group for group in groups)]
        whole = [list(g) for g in groups if len(g) > 1 and all(name in named for name in g)]
        for first, second in combinations([*whole, *alone], 2):
            if len(first) > 1 or len(second) > 1:
                arms, against = ([named[name] for name in group] for group in (second, first))
                rows.append(_row(arms, against, level))
    return rows


def _row(arms: Sequence[Replicated], against: Sequence[Replicated], level: float) -> dict[str, Any]:
    first = arms[0].curve
    return {
        "arms": [each.arm for each in arms],
        "against": [each.arm for each in against],
        "kind": first.kind,
        "name": first.name,
        "role": first.role,
        "metric": first.metric,
        "higher_is_better": first.higher_is_better,
        "at_equal_tokens": _at_equal_cost(arms, against, "tokens", level),
        "at_equal_flops": _at_equal_cost(arms, against, "flops", level),
    }


def _at_equal_cost(
    arms: Sequence[Replicated], against: Sequence[Replicated], unit: str, level: float
) -> dict[str, Any] | None:
    budget = shared_budget([*arms, *against], unit)
    if budget is None:
        return None
    mine, theirs = ([_at(each, unit, budget) for each in group] for group in (arms, against))
    value = float(np.mean([own for own, _ in mine]) - np.mean([own for own, _ in theirs]))
    found: dict[str, Any] = {"budget": budget, "value": value}
    drawn = [[changes for _, changes in group if changes is not None] for group in (mine, theirs)]
    if [len(group) for group in drawn] != [len(arms), len(against)]:
        return found | {"low": None, "high": None, "is_real": None}
    difference = np.mean(drawn[0], axis=0) - np.mean(drawn[1], axis=0)
    items = min(min(each.num_items.values()) for each in (*arms, *against))
    parts = [Part(float(difference.var()), items - 1)]
    parts += _between_seeds([own for own, _ in mine], [own for own, _ in theirs])
    low, high = t_interval(value, parts, level=level)
    return found | {"low": low, "high": high, "is_real": low > 0 or high < 0}


def _at(each: Replicated, unit: str, budget: float) -> tuple[float, np.ndarray | None]:
    """Return an arm's change at a cost, and that of its replicates."""
    costs = cost_of(each, unit)
    assert costs is not None
    drawn = None if each.changes is None else changes_at(costs, each.changes, budget)
    return float(changes_at(costs, each.curve.changes[None], budget)[0]), drawn


def _between_seeds(mine: Sequence[float], theirs: Sequence[float]) -> list[Part]:
    several = [group for group in (mine, theirs) if len(group) > 1]
    if len(several) == 2:
        return [Part(float(np.var(g, ddof=1)) / len(g), len(g) - 1) for g in several]
    [group] = several
    spread = float(np.var(group, ddof=1))
    return [Part(spread * (1 + 1 / len(group)), len(group) - 1)]
