"""Choose documents of a source, to a token budget."""

import numpy as np

from gapless.errors import DataError
from gapless.recipe.selections import Budgeted, Scored, Selection
from gapless.selection.budgets import budgets_of, take
from gapless.selection.choice import Choice, Portion
from gapless.selection.pool import Pool
from gapless.selection.rankings import Ranking, rank, shuffled


def select(selection: Selection | None, pool: Pool, *, seed: int) -> Choice:
    """Return the chosen documents, most preferred first; all eligible ones without a selection.

    Whole documents are taken in order of preference while they fit the budget; the first that
    does not ends the selection, or with quotas that of its label. So a smaller budget's documents
    are nested in a larger one's. A control draws from the documents that have the scores, to the
    tokens that the scored selection gets.

    Raises:
        DataError: a column does not serve, no document can be chosen, the source (or what has a
            label) has fewer tokens than the budget, or not one document fits it.

    """
    if selection is None:
        return _everything(pool)
    if not pool.eligible.any():
        raise DataError(
            f"no document of {pool.source!r} is left to choose from",
            where=f"selection.{pool.source}",
            mend="Add text to the source, hold out less of it, or loosen the cleaning.",
        )
    quotas = selection.quotas if isinstance(selection, Budgeted) else None
    ranking = rank(selection, pool, seed)
    choice = take(ranking, pool, budgets_of(selection), quotas=quotas)
    if not (isinstance(selection, Scored) and selection.control):
        return choice
    budgets = {portion.label: portion.tokens for portion in choice.portions}
    at_random = Ranking(
        shuffled(ranking.comparable, pool, seed), ranking.comparable, equal=ranking.equal
    )
    return take(at_random, pool, budgets, quotas=quotas, setting="control")


def _everything(pool: Pool) -> Choice:
    documents = np.flatnonzero(pool.eligible)
    portion = Portion(
        label=None,
        budget=None,
        candidates=len(documents),
        documents=len(documents),
        tokens=int(pool.lengths[documents].sum()),
        cut=None,
    )
    return Choice(documents, (portion,), eligible=len(documents))
