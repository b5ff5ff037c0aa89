"""Budgets: whole documents in order of preference while they fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gapless.errors import DataError
from gapless.recipe.selections import Budgeted, Quotas, Selection
from gapless.selection.choice import Choice, Portion
from gapless.selection.pool import Pool
from gapless.selection.quotas import divide, largest_total
from gapless.selection.rankings import Ranking


@dataclass(frozen=True)
class _Queue:
    """The candidates that one budget is for, in order of preference."""

    label: str | None
    budget: int | None
    positions: np.ndarray
    """Where they stand in the ranking: int64, ascending."""
    lengths: np.ndarray
    """Their tokens: int64."""

    @cached_property
    def ends(self) -> np.ndarray:
        """Tokens up to and with each of them: int64."""
        return np.cumsum(self.lengths, dtype=np.int64)

    @property
    def available(self) -> int:
        """Tokens of all of them."""
        return int(self.ends[-1]) if len(self.ends) else 0

    @property
    def num_taken(self) -> int:
        """How many fit the budget; the first that does not ends the choice."""
        if self.budget is None:
            return len(self.positions)
        return int(np.searchsorted(self.ends, self.budget, side="right"))


def budgets_of(selection: Selection) -> dict[str | None, int | None]:
    """Return the tokens for each label of the quotas, or for None, which stands for all labels."""
    if not isinstance(selection, Budgeted):
        return {None: None}
    if selection.quotas is None:
        return {None: selection.tokens}
    parts = divide(selection.tokens, selection.quotas.shares)
    return {label: parts[label] for label in parts}


def take(
    ranking: Ranking,
    pool: Pool,
    budgets: Mapping[str | None, int | None],
    *,
    quotas: Quotas | None,
    setting: str = "tokens",
) -> Choice:
    """Return the first documents of a ranking that fit their budgets, in the ranking's order.

    ``setting`` is the part of the recipe that an error about the whole budget names.

    Raises:
        DataError: too few tokens for a budget, or not one document fits it.

    """
    queues = _queues(ranking, pool, quotas, budgets)
    for queue in queues:
        _check(queue, queues, pool, quotas, setting=setting)
    taken = np.zeros(len(ranking.documents), dtype=np.bool_)
    for queue in queues:
        taken[queue.positions[: queue.num_taken]] = True
    eligible = int(np.count_nonzero(pool.eligible))
    return Choice(
        ranking.documents[taken],
        portions=tuple(_portion(queue, ranking) for queue in queues),
        eligible=eligible,
        unscored=eligible - len(ranking.comparable),
        equal=ranking.equal,
    )


def _queues(
    ranking: Ranking, pool: Pool, quotas: Quotas | None, budgets: Mapping[str | None, int | None]
) -> list[_Queue]:
    lengths = pool.lengths[ranking.documents]
    if quotas is None:
        return [_Queue(None, budgets[None], np.arange(len(lengths)), lengths)]
    labels = [label for label in budgets if label is not None]
    codes = pool.label_codes(quotas.column, labels)[ranking.documents]
    parts = [np.flatnonzero(codes == code) for code in range(len(labels))]
    return [
        _Queue(label, budgets[label], part, lengths[part])
        for label, part in zip(labels, parts, strict=True)
    ]


def _portion(queue: _Queue, ranking: Ranking) -> Portion:
    count = queue.num_taken
    last = queue.positions[count - 1] if count else None
    return Portion(
        label=queue.label,
        budget=queue.budget,
        candidates=len(queue.positions),
        documents=count,
        tokens=int(queue.ends[count - 1]) if count else 0,
        cut=None if ranking.values is None or last is None else float(ranking.values[last]),
    )


def _check(
    queue: _Queue, queues: Sequence[_Queue], pool: Pool, quotas: Quotas | None, *, setting: str
) -> None:
    if queue.budget is None:
        return
    whose, place = f"source {pool.source!r}", setting
    if quotas is not None:
        whose = f"{whose} with {quotas.column} {queue.label!r}"
        place = f"quotas.shares.{queue.label}"
        if not len(queue.positions):
            raise _no_such_label(queue, pool, quotas, where=f"selection.{pool.source}.{place}")
    where = f"selection.{pool.source}.{place}"
    if queue.available < queue.budget:
        raise DataError(
            f"{whose} has {queue.available:,} tokens to choose from, fewer than the "
            f"{queue.budget:,} asked for",
            where=where,
            mend=_mend(queue, queues, quotas),
        )
    if not queue.num_taken:
        raise DataError(
            f"not one document of {whose} fits a budget of {queue.budget:,} tokens; the first has "
            f"{int(queue.lengths[0]):,}",
            where=where,
            mend="Ask for more tokens, or cut the documents into shorter ones.",
        )


def _mend(queue: _Queue, queues: Sequence[_Queue], quotas: Quotas | None) -> str:
    """Return what helps a budget beyond the tokens there are."""
    if quotas is None:
        return (
            f"Ask for at most {queue.available:_} tokens, leave the selection out to take all, or "
            "add text to the source."
        )
    available = {each.label: each.available for each in queues}
    total = sum(each.budget or 0 for each in queues)
    most = largest_total(quotas.shares, available, below=total)
    return f"Ask for at most {most:_} tokens in all, lower this share, or add such text."


def _no_such_label(queue: _Queue, pool: Pool, quotas: Quotas, *, where: str) -> DataError:
    there = ", ".join(pool.labels(quotas.column)[:20])
    return DataError(
        f"no document of {pool.source!r} to choose from has the {quotas.column} {queue.label!r}",
        where=where,
        mend=f"The source has: {there}." if there else f"No document has a {quotas.column}.",
    )
