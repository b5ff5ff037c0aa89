"""From phases with budgets to stretches of rows."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gapless.errors import DataError
from gapless.mixing.apportion import apportion
from gapless.mixing.feedback import setting, topic_groups
from gapless.mixing.shares import Supply, shares_of
from gapless.recipe.mixtures import FixedMixture, PretrainingLike, Reacting, TargetFeedback
from gapless.recipe.schema import Order, Phase
from gapless.records.stretches import Draw, Stretch
from gapless.strata import source_of


@dataclass(frozen=True)
class PhasePlan:
    """A phase as rows."""

    shares: dict[str, float]
    """Stratum to the share the recipe asks for; where the mixture reacts, at its start."""
    start: int
    """The phase's first row in the run."""
    num_rows: int
    stretches: tuple[Stretch, ...]
    """All of them; where the mixture reacts, the first."""
    readings: tuple[int, ...] = field(default=())
    """Rows of the run after which a reacting mixture is read: its start, then each round's end."""

    @property
    def strata(self) -> list[str]:
        """Every stratum that the phase draws from."""
        return list(dict.fromkeys(name for each in self.stretches for name in each.rows))

    @property
    def end(self) -> int:
        """One past the phase's last row."""
        return self.start + self.num_rows


@dataclass(frozen=True)
class _Budgets:
    """What phases are planned with."""

    order: Order
    supply: Supply
    batch_rows: int

    @property
    def context(self) -> int:
        return self.order.context


def plan_phases(order: Order, supply: Supply, *, batch_rows: int = 1) -> list[PhasePlan]:
    """Turn every phase into stretches of rows and hold each source to the repetition cap.

    Args:
        order: the recipe's.
        supply: what there is to draw from.
        batch_rows: rows of an optimizer step; a reacting mixture is read between two.

    Raises:
        DataError: a share rounds to no row, or a source would be repeated beyond the cap.

    """
    budgets = _Budgets(order, supply, batch_rows)
    phases: list[PhasePlan] = []
    for index, phase in enumerate(order.phases):
        start = phases[-1].end if phases else 0
        phases.append(_plan_phase(phase, index, start, budgets))
    for number, change in enumerate(order.changes):
        _change(phases, change.at // order.context, change.mixture, number, budgets)
    check_repetition(phases, order, supply)
    return phases


def _plan_phase(phase: Phase, index: int, start: int, budgets: _Budgets) -> PhasePlan:
    mixture, where = phase.mixture, f"order.phases[{index}]"
    first = mixture.start if isinstance(mixture, Reacting) else mixture
    shares = shares_of(first, budgets.supply)
    num_rows = _budget_rows(phase, shares, budgets, where=where)
    fresh = list(shares) if phase.reuse else []
    if not isinstance(mixture, Reacting):
        stretches = _stretches(mixture, index, num_rows, budgets, fresh=fresh, where=where)
        return PhasePlan(shares, start, num_rows, stretches)
    if isinstance(mixture, TargetFeedback):
        known = {name for name in shares if name not in budgets.order.strata}  # labels, if counted
        _check_targets(mixture, known, where=f"{where}.mixture.targets")
    readings = _readings(start, num_rows, mixture.interval, budgets)
    first_rows = (readings[1] if len(readings) > 1 else start + num_rows) - start
    apportion_rows(num_rows, shares, budgets.context, where=where)  # refuses what is too small
    rows = dict(zip(shares, apportion(first_rows, list(shares.values())), strict=True))
    stretch = Stretch.whole(index, rows, dict.fromkeys(fresh, "fresh"))
    return PhasePlan(shares, start, num_rows, (stretch,), readings)


def _stretches(
    mixture: FixedMixture,
    index: int,
    num_rows: int,
    budgets: _Budgets,
    *,
    fresh: Collection[str],
    where: str,
) -> tuple[Stretch, ...]:
    """Return the stretches of rows that go by one mixture; some strata begin with a fresh draw."""
    shares = shares_of(mixture, budgets.supply)
    draws: dict[str, Draw] = {name: "fresh" for name in shares if name in fresh}
    if isinstance(mixture, PretrainingLike) and mixture.epoch is not None:
        where = f"{where}.mixture.epoch"
        return tuple(_epochs(mixture, index, num_rows, budgets, first_draws=draws, where=where))
    rows = apportion_rows(num_rows, shares, budgets.context, where=where)
    return (Stretch.whole(index, rows, draws),)


def _check_targets(mixture: TargetFeedback, strata: Collection[str], *, where: str) -> None:
    for topics in topic_groups(mixture, strata):
        for topic in topics:
            if setting(mixture.targets, topic) is None:
                raise DataError(
                    f"there is no target for {topic!r}",
                    where=where,
                    mend="Give every label of the source a loss to reach, in nats per token.",
                )


def apportion_rows(
    num_rows: int, shares: Mapping[str, float], context: int, *, where: str
) -> dict[str, int]:
    """Apportion rows to strata, each at least one.

    Raises:
        DataError: a share rounds to no row.

    """
    rows = dict(zip(shares, apportion(num_rows, list(shares.values())), strict=True))
    for name, count in rows.items():
        if count == 0:
            smallest = math.ceil(context / shares[name])
            raise DataError(
                f"source {name!r} has a share of {shares[name]:.3g}, which is less than one "
                f"row of {context:,} tokens in a budget of {num_rows * context:,}",
                where=where,
                mend=f"Give it at least {smallest:,} tokens, raise the share, "
                "or leave the source out.",
            )
    return rows


def _budget_rows(
    phase: Phase, shares: Mapping[str, float], budgets: _Budgets, *, where: str
) -> int:
    tokens = phase.tokens
    if tokens is None:
        assert phase.epochs is not None
        tokens = round(phase.epochs * _epoch_tokens(phase, shares, budgets.supply, where=where))
    num_rows = tokens // budgets.context
    if num_rows == 0:
        raise DataError(
            f"a budget of {tokens:,} tokens is less than one row of {budgets.context:,}",
            where=where,
            mend="Give the phase more tokens, or a shorter order.context.",
        )
    return num_rows


def _epoch_tokens(
    phase: Phase, shares: Mapping[str, float], supply: Supply, *, where: str
) -> float:
    """Return the tokens of one of the epochs that a phase counts."""
    if isinstance(phase.mixture, PretrainingLike) and phase.mixture.epoch is not None:
        return phase.mixture.epoch
    domain = [name for name in shares if supply.roles[source_of(name)] == "domain"]
    share = math.fsum(shares[name] for name in domain)
    if share == 0:
        raise DataError(
            "epochs count passes over the domain text, and this mixture has none",
            where=where,
            mend="Give the phase a budget in tokens.",
        )
    return sum(supply.tokens[name] for name in domain) / share


def _epochs(
    mixture: PretrainingLike,
    index: int,
    num_rows: int,
    budgets: _Budgets,
    *,
    first_draws: Mapping[str, Draw],
    where: str,
) -> Iterator[Stretch]:
    """Yield a stretch for each epoch: the domain drawn anew, or everything as in the first."""
    assert mixture.epoch is not None
    shares = shares_of(mixture, budgets.supply)
    of_epoch = max(1, mixture.epoch // budgets.context)
    drawn = [name for name in shares if budgets.supply.roles[source_of(name)] == "domain"]
    whole = apportion_rows(min(of_epoch, num_rows), shares, budgets.context, where=where)
    for first in range(0, num_rows, of_epoch):
        draws = {} if first else dict(first_draws)
        if mixture.draw == "every_epoch":
            draws |= dict.fromkeys(drawn, "fresh")
        else:
            draws = dict.fromkeys(shares, "again" if first else "fresh")
        yield Stretch(index, whole, min(of_epoch, num_rows - first), draws)


def _readings(start: int, num_rows: int, interval: int, budgets: _Budgets) -> tuple[int, ...]:
    """Return the rows after which a reacting mixture is read: between two steps of the phase."""
    batch = budgets.batch_rows
    first = -(-start // batch) * batch
    round_rows = -(-interval // (batch * budgets.context)) * batch
    return tuple(range(first, start + num_rows, round_rows))


def _change(
    phases: list[PhasePlan], row: int, mixture: FixedMixture, number: int, budgets: _Budgets
) -> None:
    """Give the rows of a phase from ``row`` on another mixture."""
    where = f"order.changes[{number}]"
    index = next((i for i, phase in enumerate(phases) if phase.start <= row < phase.end), None)
    if index is None:
        raise DataError(
            f"the run ends at {phases[-1].end * budgets.context:,} tokens",
            where=where,
            mend="Change the mixture earlier, or add a phase.",
        )
    phase = phases[index]
    if phase.readings:
        raise DataError(
            "the mixture of this phase moves with measurements",
            where=where,
            mend="Change phases whose mixture stays as it is.",
        )
    kept: list[Stretch] = []
    at = phase.start
    for stretch in phase.stretches:
        length = min(stretch.length, row - at)
        if length <= 0:
            break
        kept.append(Stretch(index, stretch.rows, length, stretch.draws))
        at += length
    shares = shares_of(mixture, budgets.supply)
    drawn = {name for stretch in kept for name in stretch.rows}
    reuse = budgets.order.phases[index].reuse
    fresh = [name for name in shares if reuse and name not in drawn]
    new = _stretches(mixture, index, phase.end - row, budgets, fresh=fresh, where=where)
    phases[index] = PhasePlan(shares, phase.start, phase.num_rows, (*kept, *new))


def rows_of(phases: Sequence[PhasePlan]) -> dict[str, float]:
    """Return stratum to rows of the run, as planned.

    A stretch that is cut short counts in proportion, a mixture that reacts as if it never moved.
    """
    totals: dict[str, float] = {}
    for phase in phases:
        parts = [
            (name, count * taken)
            for stretch in phase.stretches
            for taken in [stretch.length / sum(stretch.rows.values())]
            for name, count in stretch.rows.items()
        ]
        if phase.readings:
            parts = [(name, share * phase.num_rows) for name, share in phase.shares.items()]
        for name, rows in parts:
            totals[name] = totals.get(name, 0.0) + rows
    return totals


def _check_fixed_draws(phases: Sequence[PhasePlan], order: Order) -> None:
    """Refuse a phase that shows one draw too often, however small a part of its source it is."""
    for index, phase in enumerate(phases):
        passes = Counter(name for stretch in phase.stretches for name in stretch.draws)
        again = {n for stretch in phase.stretches for n, d in stretch.draws.items() if d == "again"}
        for name in sorted(again):
            if passes[name] > order.max_repetition:
                raise DataError(
                    f"the phase shows one draw of {name!r} {passes[name]} times, and "
                    f"order.max_repetition is {order.max_repetition:g}",
                    where=f"order.phases[{index}]",
                    mend="Take fewer epochs, 'draw: every_epoch', or a larger "
                    "order.max_repetition.",
                )


def check_repetition(phases: Sequence[PhasePlan], order: Order, supply: Supply) -> None:
    """Refuse a run that repeats a stratum beyond ``order.max_repetition``."""
    _check_fixed_draws(phases, order)
    for name, rows in rows_of(phases).items():
        available, tokens = supply.tokens[name], round(rows * order.context)
        if available == 0:
            raise DataError(
                f"source {name!r} has no text left to train on",
                where=f"sources.{source_of(name)}",
                mend="Add text, loosen the cleaning, or hold out less.",
            )
        repetition = tokens / available
        if repetition > order.max_repetition:
            allowed = int(order.max_repetition * available)
            raise DataError(
                f"the run asks for {tokens:,} tokens of {name!r}, which has "
                f"{available:,}: it would be repeated {repetition:.2f} times, "
                f"and order.max_repetition is {order.max_repetition:g}",
                where=f"sources.{source_of(name)}",
                mend=f"Ask for at most {allowed:,} tokens of it (a smaller budget or share), add "
                f"text, or set order.max_repetition to {math.ceil(repetition)}.",
            )
