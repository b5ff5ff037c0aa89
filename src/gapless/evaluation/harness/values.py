"""From the harness's values of single documents to ours: sums over items, for intervals.

mean, nanmean          the values over ones
bits_per_byte          bits over bytes
perplexity, weighted   kept as ``log_<metric>``: nats over tokens, words or bytes; the harness's
                       value is its exponential
f1                     of two classes: 2 TP over 2 TP + FP + FN
brier_score            squared distances over ones
anything else          (BLEU, chrF, Matthews, code of a task's own) is no ratio of sums over
                       documents and is left out; `left_out` names it
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gapless.records.measurements import ItemValues

Pair = tuple[Any, Any]


def left_out(task: Any) -> list[str]:
    """Return the metrics of a task that cannot be measured item by item."""
    known = _known()
    return sorted(name for name, each in task.aggregation().items() if _kind(each, known) is None)


def item_values(
    metric: str, aggregate: Callable[..., Any] | None, values: Sequence[Any]
) -> tuple[str, ItemValues] | None:
    """Return the metric's name and its items; None for one that is left out.

    ``aggregate`` is the task's own; without one the harness takes the mean.
    """
    kind = "mean" if aggregate is None else _kind(aggregate, _known())
    if kind is None:
        return None
    prefix = "log_" if kind in {"perplexity", "weighted_perplexity"} else ""
    numerators, denominators = _KINDS[kind](values)
    return f"{prefix}{metric}", ItemValues(
        numerators=np.asarray(numerators, dtype=np.float64),
        denominators=np.asarray(denominators, dtype=np.float64),
    )


def group_values(parts: Sequence[ItemValues], sizes: Sequence[int], *, by_size: bool) -> ItemValues:
    """Return the items of a group: the mean of its parts' values, by their documents or equally."""
    scales = [
        (size if by_size else 1) / part.denominators.sum()
        for part, size in zip(parts, sizes, strict=True)
    ]
    pairs = list(zip(parts, scales, strict=True))
    return ItemValues(
        numerators=np.concatenate([part.numerators * scale for part, scale in pairs]),
        denominators=np.concatenate([part.denominators * scale for part, scale in pairs]),
    )


def _known() -> dict[str, Callable[..., Any]]:
    from lm_eval.api.registry import get_aggregation

    return {name: get_aggregation(name) for name in _KINDS} | {"numpy": np.mean}


def _kind(aggregate: Any, known: Mapping[str, Callable[..., Any]]) -> str | None:
    for name, each in known.items():
        if aggregate is each:
            return "mean" if name == "numpy" else name
    return None


def _mean(values: Sequence[Any]) -> Pair:
    return [float(value) for value in values], np.ones(len(values))


def _nanmean(values: Sequence[Any]) -> Pair:
    numbers = np.asarray([float(value) for value in values])
    return np.nan_to_num(numbers), ~np.isnan(numbers)


def _nats(values: Sequence[Any]) -> Pair:
    return [-value for value in values], np.ones(len(values))


def _weighted_nats(values: Sequence[Any]) -> Pair:
    return [-value for value, _ in values], [weight for _, weight in values]


def _bits(values: Sequence[Any]) -> Pair:
    return [-value / math.log(2) for value, _ in values], [weight for _, weight in values]


def _f1(values: Sequence[Any]) -> Pair:
    gold, given = np.asarray([list(map(int, pair)) for pair in values]).T
    return 2.0 * ((gold == 1) & (given == 1)), (gold == 1) * 1.0 + (given == 1)


def _brier(values: Sequence[Any]) -> Pair:
    distances = [
        float(np.sum((np.asarray(shares) - np.eye(len(shares))[gold]) ** 2))
        for gold, shares in values
    ]
    return distances, np.ones(len(values))


_KINDS: dict[str, Callable[[Sequence[Any]], Pair]] = {
    "mean": _mean,
    "nanmean": _nanmean,
    "perplexity": _nats,
    "weighted_perplexity": _weighted_nats,
    "bits_per_byte": _bits,
    "f1": _f1,
    "brier_score": _brier,
}
