"""Choose documents to a token budget."""

import numpy as np

from gapless.errors import DataError
from gapless.recipe.schema import RandomSelection, ScoreSelection, Selection
from gapless.seeds import stream
from gapless.units import format_tokens


def select(
    selection: Selection | None,
    *,
    source: str,
    lengths: np.ndarray,
    held_out: np.ndarray,
    scores: np.ndarray | None,
    seed: int,
) -> np.ndarray:
    """Return the indices of the chosen documents, most preferred first (int64).

    Whole documents are taken in order of preference while they fit the budget; the first that
    does not ends the selection. So a smaller budget's selection is nested in a larger one's.

    Raises:
        DataError: the source has fewer tokens than the budget, or not one document fits it.

    """
    eligible = np.flatnonzero(~held_out)
    if selection is None:
        return eligible
    ranked = _rank(selection, eligible, scores=scores, source=source, seed=seed)
    ends = np.cumsum(lengths[ranked], dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    where = f"selection.{source}.tokens"
    if total < selection.tokens:
        raise DataError(
            f"source {source!r} has {total:,} tokens to choose from, fewer than the "
            f"{selection.tokens:,} asked for",
            where=where,
            mend=f"Ask for at most {format_tokens(total)}, leave the selection out to take all, "
            "or add text to the source.",
        )
    chosen = ranked[: int(np.searchsorted(ends, selection.tokens, side="right"))]
    if not len(chosen):
        raise DataError(
            f"not one document of {source!r} fits a budget of {selection.tokens:,} tokens; "
            f"the first has {int(lengths[ranked[0]]):,}",
            where=where,
            mend="Ask for more tokens, or cut the documents into shorter ones.",
        )
    return chosen


def _rank(
    selection: Selection, eligible: np.ndarray, *, scores: np.ndarray | None, source: str, seed: int
) -> np.ndarray:
    if isinstance(selection, RandomSelection):
        return stream(seed, "selection", source).permutation(eligible)
    assert isinstance(selection, ScoreSelection)
    assert scores is not None
    values = scores[eligible].astype(np.float64)
    scored = eligible[np.isfinite(values)]
    values = scores[scored].astype(np.float64)
    if not len(scored):
        raise DataError(
            f"no document of {source!r} has a number in column {selection.column!r}",
            where=f"selection.{source}.column",
            mend="Name a column of numbers in the source's scores.",
        )
    ranks = np.argsort(-values if selection.keep == "highest" else values, kind="stable")
    ranked: np.ndarray = scored[ranks]
    return ranked
