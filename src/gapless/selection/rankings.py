"""Rankings: the order of preference that each type of selection gives to documents."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from gapless.errors import DataError
from gapless.recipe.fields import Part
from gapless.recipe.selections import (
    BandSelection,
    CombinedSelection,
    RandomSelection,
    ScoreSelection,
    Selection,
    SoftSelection,
    ThresholdSelection,
)
from gapless.selection.pool import Pool
from gapless.selection.scores import (
    equal_columns,
    read_scores,
    standardised,
    weighted_sum,
)


@dataclass(frozen=True)
class Ranking:
    """Documents in order of preference; of equals, the one with the smaller index comes first."""

    documents: np.ndarray
    """The candidates, most preferred first: int64."""
    comparable: np.ndarray
    """The eligible documents that have the scores, ascending: whom a random control draws from."""
    values: np.ndarray | None = None
    """What the candidates are ranked by, in their order: float64; None where that is a draw."""
    equal: tuple[str, ...] = ()
    """Columns that are the same for all of them, and so prefer none."""


def rank(selection: Selection, pool: Pool, seed: int) -> Ranking:
    """Return the order of preference; it does not depend on the budget.

    Raises:
        DataError: no document has the scores, or none is within the limits.

    """
    return RANKINGS[type(selection)](selection, pool, seed)


def shuffled(documents: np.ndarray, pool: Pool, seed: int) -> np.ndarray:
    """Return ascending ``documents`` in the order of their draws."""
    ranked: np.ndarray = documents[np.argsort(pool.draws(seed)[documents], kind="stable")]
    return ranked


def in_band(
    selection: BandSelection, before: np.ndarray | int, total: int
) -> np.ndarray | np.bool_:
    """Return whether documents are in a band, by the tokens ``before`` each in ascending order.

    Their first token must be: at ``low`` of the ``total`` or after, and before ``high``, or up to
    the end where that is 1. So adjoining bands share no document. Exact: the quantiles count as the
    decimals they are written as, and 10% of 100 tokens is 10.
    """
    low, high = (math.ceil(Fraction(str(q)) * total) for q in (selection.low, selection.high))
    return np.greater_equal(before, low) & (np.less(before, high) | (selection.high == 1))


def _random(_: RandomSelection, pool: Pool, seed: int) -> Ranking:
    eligible = np.flatnonzero(pool.eligible)
    return Ranking(shuffled(eligible, pool, seed), eligible)


def _score(selection: ScoreSelection, pool: Pool, _: int) -> Ranking:
    scores = read_scores(selection, pool)
    (values,) = scores.values
    order = np.argsort(-values if selection.keep == "highest" else values, kind="stable")
    equal = equal_columns(selection, scores)
    return Ranking(scores.documents[order], scores.documents, values[order], equal)


def _band(selection: BandSelection, pool: Pool, seed: int) -> Ranking:
    scores = read_scores(selection, pool)
    ascending = scores.documents[np.argsort(scores.values[0], kind="stable")]
    lengths = pool.lengths[ascending]
    ends = np.cumsum(lengths, dtype=np.int64)
    total = int(ends[-1])
    inside = ascending[in_band(selection, ends - lengths, total)]
    if not len(inside):
        raise DataError(
            f"no document of {pool.source!r} begins between {selection.low:.6g} and "
            f"{selection.high:.6g} of its {total:,} tokens in the order of {selection.column!r}",
            where=f"selection.{pool.source}",
            mend="Widen the band from low to high.",
        )
    equal = equal_columns(selection, scores)
    return Ranking(shuffled(np.sort(inside), pool, seed), scores.documents, equal=equal)


def _threshold(selection: ThresholdSelection, pool: Pool, _: int) -> Ranking:
    scores = read_scores(selection, pool)
    (values,) = scores.values
    inside = np.ones(len(values), dtype=np.bool_)
    if selection.at_least is not None:
        inside &= values >= selection.at_least
    if selection.at_most is not None:
        inside &= values <= selection.at_most
    if not inside.any():
        raise DataError(
            f"no document of {pool.source!r} has {selection.column!r} within the limits; it goes "
            f"from {values.min():.6g} to {values.max():.6g}",
            where=f"selection.{pool.source}",
            mend="Widen at_least or at_most.",
        )
    return Ranking(scores.documents[inside], scores.documents)


def _soft(selection: SoftSelection, pool: Pool, seed: int) -> Ranking:
    """Draw without replacement in proportion to exp(z / temperature).

    The k largest of log-probability + Gumbel noise are such a draw (Gumbel top-k: Vieira 2014;
    Kool et al. 2019, section 2.3). Here both are times the temperature, which keeps the order.
    """
    scores = read_scores(selection, pool)
    quality = standardised(scores.values[0]) * (1 if selection.keep == "highest" else -1)
    draws = np.maximum(pool.draws(seed)[scores.documents], 2.0**-54)  # a draw of 0 has no logarithm
    gumbel = -np.log(-np.log(draws))
    order = np.argsort(-(quality + selection.temperature * gumbel), kind="stable")
    equal = equal_columns(selection, scores)
    return Ranking(scores.documents[order], scores.documents, equal=equal)


def _combined(selection: CombinedSelection, pool: Pool, _: int) -> Ranking:
    scores = read_scores(selection, pool)
    total = weighted_sum(selection, scores)
    order = np.argsort(-total, kind="stable")
    equal = equal_columns(selection, scores)
    return Ranking(scores.documents[order], scores.documents, total[order], equal)


RANKINGS: Mapping[type[Part], Callable[[Any, Pool, int], Ranking]] = {
    RandomSelection: _random,
    ScoreSelection: _score,
    BandSelection: _band,
    ThresholdSelection: _threshold,
    SoftSelection: _soft,
    CombinedSelection: _combined,
}
"""Type of selection to its ranking of (selection, pool, seed)."""
