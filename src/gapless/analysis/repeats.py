"""Several seeds: arms that differ in nothing but their seed, and how sure their mean is.

A row, one for each group of such arms, role or probe, and metric:

    arms, num_seeds, kind, name, role, metric, higher_is_better
    means                {quantity: {value, low, high}} of the amounts in `comparisons.COMPARED`
    spread               {quantity: standard deviation between seeds}
    item_error           {quantity: standard error of the mean that is due to the items}
    change_is_real       the interval of the mean ``final`` excludes 0; null without replicates

A mean over seeds has two noises: other items, which all seeds share, and other seeds. With the
bootstrap's variance v of the mean over seeds (items drawn once for all of them) and the variance s2
between the seeds' values, its interval is mean +- t * sqrt(v + s2 / seeds), with t of Student's
distribution at the degrees of freedom of the sum (Satterthwaite 1946; Welch 1947):

    (v + s2 / seeds)^2 / (v^2 / (items - 1) + (s2 / seeds)^2 / (seeds - 1))

s2 also holds what a seed makes of single items, which v counts as well: a little too wide where the
seeds hardly differ. Coverage of 95 % intervals of a mean, simulated with 200 items, for a seed's
standard deviation of 0, 0.3, 1 and 3 times the items' standard error:

    this interval                2 seeds: 97, 97, 94, 87 %     3 seeds: 97, 97, 96, 93 %
    seeds drawn, then items      2 seeds: 97, 96, 92, 77 %     3 seeds: 97, 97, 95, 85 %
    items alone                  2 seeds: 96, 94, 86, 55 %     3 seeds: 95, 94, 89, 57 %

The two-level bootstrap, in the second line, cannot see how far apart seeds are from two or three of
them. Two seeds are few for this interval too: take three or more.

Seeds in several runs may have answered other items of a probe: those are drawn independently, and v
is smaller for it, while s2 holds their noise already.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gapless.analysis.comparisons import COMPARED, Replicated, by_curve
from gapless.analysis.gap import quantities
from gapless.analysis.student import t_quantile


def repeats(
    curves: Sequence[Replicated], groups: Sequence[Sequence[str]], *, level: float
) -> list[dict[str, Any]]:
    """Return a row for each group of two or more arms, and each curve that all of them have.

    Raises:
        RunError: two arms of a group answered different items.

    """
    named = [{each.arm: each for each in own} for own in by_curve(curves)]
    return [
        _row([own[arm] for arm in group], level)
        for group in groups
        for own in named
        if len(group) > 1 and all(arm in own for arm in group)
    ]


def _row(seeds: Sequence[Replicated], level: float) -> dict[str, Any]:
    first = seeds[0]
    for each in seeds:
        each.has_items_of(first)
    values = _stacked([_of(each, each.curve.changes[None]) for each in seeds])
    means = {name: float(own.mean()) for name, own in values.items()}
    spread = {name: float(own[:, 0].std(ddof=1)) for name, own in values.items()}
    errors: dict[str, float] = {}
    if all(each.changes is not None for each in seeds):
        drawn = _stacked([_of(each, each.changes) for each in seeds if each.changes is not None])
        errors = {name: float(own.mean(axis=0).std()) for name, own in drawn.items()}
    items = min(first.num_items.values())
    ends = {
        name: mean_interval(means[name], errors[name], items, spread[name], len(seeds), level=level)
        for name in errors
    }
    return {
        "arms": [each.arm for each in seeds],
        "num_seeds": len(seeds),
        "kind": first.curve.kind,
        "name": first.curve.name,
        "role": first.curve.role,
        "metric": first.curve.metric,
        "higher_is_better": first.curve.higher_is_better,
        "means": {
            name: {"value": mean, "low": low, "high": high}
            for name, mean in means.items()
            for low, high in [ends.get(name, (None, None))]
        },
        "spread": spread,
        "item_error": {name: errors.get(name) for name in means},
        "change_is_real": (ends["final"][0] > 0 or ends["final"][1] < 0) if ends else None,
    }


def _of(curve: Replicated, changes: np.ndarray) -> dict[str, np.ndarray]:
    found = quantities(curve.curve.tokens, changes)
    return {name: found[name] for name in COMPARED}


def _stacked(each: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.stack([own[name] for own in each]) for name in COMPARED}


def mean_interval(
    mean: float, item_error: float, items: int, spread: float, seeds: int, *, level: float
) -> tuple[float, float]:
    """Return the interval of a mean over seeds (see this file's head)."""
    parts = [Part(item_error**2, items - 1), Part(spread**2 / seeds, seeds - 1)]
    return t_interval(mean, parts, level=level)


@dataclass(frozen=True)
class Part:
    """One noise of a number: its variance, and the degrees of freedom it is known by."""

    variance: float
    freedom: float


def t_interval(value: float, parts: Sequence[Part], *, level: float) -> tuple[float, float]:
    """Return Student's interval of a number with several noises (see this file's head)."""
    total = math.fsum(part.variance for part in parts)
    if total == 0:
        return value, value
    # Of the parts' shares: squares of tiny variances would be 0.
    freedom = 1 / math.fsum((part.variance / total) ** 2 / part.freedom for part in parts)
    half = t_quantile((1 + level) / 2, freedom) * math.sqrt(total)
    return value - half, value + half
