"""The arithmetic of a score's distribution: bins, quantiles, how far two groups lie apart."""

import math
from collections.abc import Sequence

import numpy as np

from gapless.report.text_content import QUANTILES

MAX_BINS, _MIN_BINS = 48, 8
_NARROWEST = 6
"""So many bins, if there can be, lie between the 5 % and the 95 % quantile of the narrowest group.
"""
_TAIL = 0.001
"""Part of a source's documents, on each side, that may lie beyond the ends of the bins."""
_LOG_SPREAD = 4.0
"""Below this ratio of the 95 % to the 5 % quantile the bins are equal in the score itself."""


def bin_edges(groups: Sequence[np.ndarray]) -> tuple[np.ndarray, bool]:
    """Return bins for all groups of scores together, and whether they are in the logarithm.

    The groups are finite float64 and not all empty. The bins hold every group but for its outermost
    thousandths, where those lie far out. Their number follows the largest group (the rule of Rice:
    2 times the cube root of its size) and the narrowest.
    """
    filled = [group for group in groups if len(group)]
    low, high = _ends(filled)
    if low == high:
        return _around(low), False
    places = np.array([np.quantile(group, (0.05, 0.5, 0.95)) for group in filled])
    log = low > 0 and _asks_for_log(places)
    number = round(2 * max(len(group) for group in filled) ** (1 / 3))
    number = max(number, _fine_enough(places, low, high, log=log))
    number = min(MAX_BINS, max(_MIN_BINS, number))
    if log:
        edges = np.exp(np.linspace(np.log(low), np.log(high), number + 1))
        edges[0], edges[-1] = low, high
    else:
        edges = np.linspace(low, high, number + 1)
    # A spread finer than the numbers themselves can be leaves nothing to divide.
    return (edges, log) if (np.diff(edges) > 0).all() else (_around(low), False)


def bin_counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return how many scores are in each bin; what is beyond the ends is in the outermost."""
    return np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]


def quantiles(values: np.ndarray) -> tuple[float, ...]:
    """Return the scores at `QUANTILES`, linear between two documents; empty without scores."""
    return tuple(np.quantile(values, QUANTILES).tolist()) if len(values) else ()


def nearest_ranks(values: np.ndarray, places: Sequence[float]) -> dict[float, int]:
    """Return quantile to the index of the score nearest to it in rank; no index comes twice.

    Of equal scores the first in the array stands first.
    """
    order = np.argsort(values, kind="stable")
    found: dict[int, float] = {}
    for place in places if len(values) else ():
        found.setdefault(int(order[round(place * (len(values) - 1))]), place)
    return {place: index for index, place in found.items()}


def lower_share(ones: np.ndarray, others: np.ndarray) -> float:
    """Return the probability that one of ``ones`` is below one of ``others``, ties half.

    The area under the ROC curve: the Mann-Whitney U over the number of pairs.
    """
    assert len(ones)
    assert len(others)
    line = np.sort(others)
    upto = np.searchsorted(line, ones, side="right")
    below = np.searchsorted(line, ones, side="left")
    wins = (len(line) - upto) + (upto - below) / 2
    return float(wins.sum() / (len(ones) * len(others)))


def _ends(groups: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the ends of all groups, or of all but their tails where those lie far out."""
    low, high = min(float(g.min()) for g in groups), max(float(g.max()) for g in groups)
    inner = np.array([np.quantile(group, (_TAIL, 1 - _TAIL)) for group in groups])
    inner_low, inner_high = float(inner[:, 0].min()), float(inner[:, 1].max())
    if inner_high == inner_low or high - low <= 1.5 * (inner_high - inner_low):
        return low, high
    return inner_low, inner_high


def _around(value: float) -> np.ndarray:
    half = abs(value) / 20 or 0.5
    return np.array([value - half, value + half])


def _asks_for_log(places: np.ndarray) -> bool:
    """Return whether scores spread widely, with their middle nearer the geometric one.

    ``places`` are the 5 %, 50 % and 95 % quantiles of each group: shape (groups, 3).
    """
    low, middle, high = places[:, 0].min(), places[:, 1].mean(), places[:, 2].max()
    if low <= 0 or high < _LOG_SPREAD * low:
        return False
    return bool(abs(middle - np.sqrt(low) * np.sqrt(high)) < abs(middle - (low / 2 + high / 2)))


def _fine_enough(places: np.ndarray, low: float, high: float, *, log: bool) -> int:
    """Return how many bins show the narrowest group that is not all of one score."""
    ends = np.array([low, high])
    inner = np.clip(places, low, high)
    if log:
        ends, inner = np.log(ends), np.log(inner)
    widths = inner[:, 2] - inner[:, 0]
    widths = widths[widths > 0]
    if not len(widths):
        return 0
    return math.ceil(min(MAX_BINS, _NARROWEST * float(ends[1] - ends[0]) / float(widths.min())))
