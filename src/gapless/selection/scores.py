"""Scores as a selection reads them: who has them, and how they compare."""

from dataclasses import dataclass

import numpy as np

from gapless.errors import DataError
from gapless.recipe.selections import (
    BandSelection,
    CombinedSelection,
    ScoreSelection,
    SoftSelection,
    ThresholdSelection,
    Weighted,
)
from gapless.selection.pool import Pool

ByScore = ScoreSelection | BandSelection | ThresholdSelection | SoftSelection | CombinedSelection


@dataclass(frozen=True)
class ScoredDocuments:
    """The eligible documents that have a finite number in every column asked for."""

    documents: np.ndarray
    """int64, ascending."""
    values: tuple[np.ndarray, ...]
    """For each column the numbers (or their logarithms) of these documents: float64."""


def read_scores(selection: ByScore, pool: Pool) -> ScoredDocuments:
    """Return the documents that can be compared; NaN and the infinities are no numbers.

    Raises:
        DataError: no eligible document has a number in every column.

    """
    terms = _terms(selection)
    usable = pool.eligible.copy()
    columns = []
    for term in terms:
        values = pool.numbers(term.column, setting=_setting(selection))
        if term.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.log(values)  # not finite at 0 and below: such a document is left out
        usable &= np.isfinite(values)
        columns.append(values)
    documents = np.flatnonzero(usable)
    if not len(documents):
        raise _no_number(selection, pool)
    return ScoredDocuments(documents, tuple(values[documents] for values in columns))


def standardised(values: np.ndarray) -> np.ndarray:
    """Return (values - mean) / standard deviation, over these documents, each counting once.

    Values that are all equal become zeros: they prefer no document.
    """
    if values.min() == values.max():
        return np.zeros_like(values)
    scaled = values / np.abs(values).max()  # so that no square overflows
    centred = scaled - scaled.mean()
    return np.asarray(centred / np.sqrt(np.mean(np.square(centred))))


def weighted_sum(selection: CombinedSelection, scores: ScoredDocuments) -> np.ndarray:
    """Return the weighted sum of the standardised scores: float64, one per scored document."""
    total = np.zeros(len(scores.documents))
    for term, values in zip(selection.scores, scores.values, strict=True):
        total += term.weight * standardised(values)
    return total


def equal_columns(selection: ByScore, scores: ScoredDocuments) -> tuple[str, ...]:
    """Return the columns that are the same for all these documents, and so prefer none."""
    return tuple(
        term.column
        for term, values in zip(_terms(selection), scores.values, strict=True)
        if values.min() == values.max()
    )


def _terms(selection: ByScore) -> tuple[Weighted, ...]:
    if isinstance(selection, CombinedSelection):
        return selection.scores
    return (Weighted(column=selection.column),)


def _setting(selection: ByScore) -> str:
    return "scores" if isinstance(selection, CombinedSelection) else "column"


def _no_number(selection: ByScore, pool: Pool) -> DataError:
    terms = _terms(selection)
    names = " and ".join(dict.fromkeys(repr(term.column) for term in terms))
    what = f"column {names}" if len(terms) == 1 else f"all of {names}"
    above = " above 0, to take the logarithm of," if any(term.log for term in terms) else ""
    return DataError(
        f"no document of {pool.source!r} has a number{above} in {what}",
        where=f"selection.{pool.source}.{_setting(selection)}",
        mend="Name a column of numbers in the source's scores.",
    )
