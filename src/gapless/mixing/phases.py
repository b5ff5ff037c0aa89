"""From phases with budgets to rows of each source."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gapless.errors import DataError
from gapless.mixing.apportion import apportion
from gapless.mixing.shares import shares_of
from gapless.recipe.schema import Order, Phase


@dataclass(frozen=True)
class PhaseRows:
    """A phase as rows."""

    shares: dict[str, float]
    """Source name to the share the recipe asks for."""
    rows: dict[str, int]
    """Source name to rows; same keys and order as ``shares``."""

    @property
    def total(self) -> int:
        """Rows of the phase."""
        return sum(self.rows.values())


def plan_phases(
    order: Order, *, roles: Mapping[str, str], selected_tokens: Mapping[str, int]
) -> list[PhaseRows]:
    """Turn every phase into rows and hold each source to the repetition cap.

    Raises:
        DataError: a share rounds to no row, or a source would be repeated beyond the cap.

    """
    phases = [
        _plan_phase(phase, i, order.context, roles=roles, selected_tokens=selected_tokens)
        for i, phase in enumerate(order.phases)
    ]
    _check_repetition(phases, order, selected_tokens)
    return phases


def _plan_phase(
    phase: Phase,
    index: int,
    context: int,
    *,
    roles: Mapping[str, str],
    selected_tokens: Mapping[str, int],
) -> PhaseRows:
    shares = shares_of(phase.mixture, roles=roles, selected_tokens=selected_tokens)
    budget = _budget_tokens(phase, shares, roles, selected_tokens)
    where = f"order.phases[{index}]"
    num_rows = budget // context
    if num_rows == 0:
        raise DataError(
            f"a budget of {budget:,} tokens is less than one row of {context:,}",
            where=where,
            mend="Give the phase more tokens, or a shorter order.context.",
        )
    rows = dict(zip(shares, apportion(num_rows, list(shares.values())), strict=True))
    for source, count in rows.items():
        if count == 0:
            smallest = math.ceil(context / shares[source])
            raise DataError(
                f"source {source!r} has a share of {shares[source]:.3g}, which is less than one "
                f"row of {context:,} tokens in a budget of {budget:,}",
                where=where,
                mend=f"Give the phase at least {smallest:,} tokens, raise the share, "
                "or leave the source out.",
            )
    return PhaseRows(shares, rows)


def _budget_tokens(
    phase: Phase,
    shares: Mapping[str, float],
    roles: Mapping[str, str],
    selected_tokens: Mapping[str, int],
) -> int:
    if phase.tokens is not None:
        return phase.tokens
    assert phase.epochs is not None
    domain = [source for source in shares if roles[source] == "domain"]
    share = math.fsum(shares[source] for source in domain)
    if share == 0:
        raise DataError(
            "epochs count passes over the domain text, and this mixture has none",
            mend="Give the phase a budget in tokens.",
        )
    domain_tokens = sum(selected_tokens[source] for source in domain)
    return round(phase.epochs * domain_tokens / share)


def _check_repetition(
    phases: Sequence[PhaseRows], order: Order, selected_tokens: Mapping[str, int]
) -> None:
    totals: dict[str, int] = {}
    for phase in phases:
        for source, count in phase.rows.items():
            totals[source] = totals.get(source, 0) + count * order.context
    for source, tokens in totals.items():
        if selected_tokens[source] == 0:
            raise DataError(
                f"source {source!r} has no text left to train on",
                where=f"sources.{source}",
                mend="Add text, loosen the cleaning, or hold out less.",
            )
        repetition = tokens / selected_tokens[source]
        if repetition > order.max_repetition:
            allowed = int(order.max_repetition * selected_tokens[source])
            raise DataError(
                f"the run asks for {tokens:,} tokens of {source!r}, which has "
                f"{selected_tokens[source]:,}: it would be repeated {repetition:.2f} times, "
                f"and order.max_repetition is {order.max_repetition:g}",
                where=f"sources.{source}",
                mend=f"Ask for at most {allowed:,} tokens of it (a smaller budget or share), add "
                f"text, or set order.max_repetition to {math.ceil(repetition)}.",
            )
