"""Mixtures that react: what a reading decides for the next round, and the stretches that follow."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gapless.errors import DataError
from gapless.mixing.apportion import apportion
from gapless.mixing.feedback import (
    Move,
    limit_change,
    target_moves,
    topic_groups,
    topic_moves,
)
from gapless.mixing.phases import PhasePlan
from gapless.mixing.shares import Supply
from gapless.recipe.mixtures import OwnRule, Reacting, TargetFeedback, TopicFeedback
from gapless.recipe.schema import Order
from gapless.records.stretches import Stretch

Rule = Callable[[Sequence[Mapping[str, Any]], Mapping[str, float]], Mapping[str, float]]
"""A rule of the user's: (mixture log so far, stratum to nats per token) to stratum to share."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One reading of a reacting mixture, and the round that follows: a row of the mixture log."""

    tokens_seen: int
    phase: int
    round: int
    """0 is the reading at the phase's start, which changes nothing."""
    rule: str
    shares: dict[str, float]
    """Stratum to share of the phase from here on."""
    rows: dict[str, int]
    """Stratum to rows of the round; empty at the phase's start."""
    moves: tuple[Move, ...]
    """What was read of each topic, and what it did."""

    def row(self) -> dict[str, Any]:
        """Return the decision as a JSON object."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Decision":
        """Return the decision of a log's row."""
        return cls(**{**row, "moves": tuple(Move(**move) for move in row["moves"])})


@dataclass(frozen=True)
class Rounds:
    """A run's phases, with the rounds of those whose mixture reacts."""

    phases: Sequence[PhasePlan]
    order: Order
    supply: Supply
    rules: Mapping[str, Rule]
    """Rules of the user's own, by name."""

    @property
    def readings(self) -> tuple[int, ...]:
        """Rows of the run after which perplexities are read."""
        return tuple(row for phase in self.phases for row in phase.readings)

    @property
    def num_rows(self) -> int:
        """Rows of the run."""
        return self.phases[-1].end

    def stretches(self, decisions: Sequence[Decision]) -> list[Stretch]:
        """Return the stretches of the run as far as they are decided."""
        found: list[Stretch] = []
        for index, phase in enumerate(self.phases):
            found += phase.stretches
            own = [each for each in decisions if each.phase == index and each.round > 0]
            found += [Stretch.whole(index, decision.rows) for decision in own]
            if len(own) < len(phase.readings) - 1:
                break
        return found

    def decide(
        self,
        row: int,
        decisions: Sequence[Decision],
        *,
        base: Mapping[str, float],
        now: Mapping[str, float],
    ) -> Decision:
        """Return what the reading at a row of the run decides.

        Args:
            row: one of ``readings``.
            decisions: all decisions before it.
            base: probe to nats per token of the base model.
            now: probe to nats per token now.

        Raises:
            DataError: a topic is not measured, or the text of all topics is used up.

        """
        index = next(i for i, phase in enumerate(self.phases) if row in phase.readings)
        phase, mixture = self.phases[index], self.order.phases[index].mixture
        assert isinstance(mixture, Reacting)
        number = phase.readings.index(row)
        own = [each for each in decisions if each.phase == index]
        shares = own[-1].shares if own else phase.shares
        moves: list[Move] = []
        for topics in topic_groups(mixture, shares):
            moves += self._moves(mixture, topics, shares, own, decisions, base=base, now=now)
        decision = Decision(
            tokens_seen=row * self.order.context,
            phase=index,
            round=number,
            rule=mixture.type,
            shares=dict(shares),
            rows={},
            moves=tuple(moves),
        )
        if number == 0:
            return decision
        moved = _applied(shares, moves, mixture)
        ends = (*phase.readings, phase.end)
        rows, held = self._rows(ends[number + 1] - row, moved, index, decisions)
        noted = [_noted(move, held) for move in moves]
        return replace(decision, shares=moved, rows=rows, moves=tuple(noted))

    def _moves(
        self,
        mixture: Reacting,
        topics: Sequence[str],
        shares: Mapping[str, float],
        own: Sequence[Decision],
        decisions: Sequence[Decision],
        *,
        base: Mapping[str, float],
        now: Mapping[str, float],
    ) -> list[Move]:
        read = {topic: math.exp(_read(now, topic)) for topic in topics}
        first = {topic: math.exp(_read(base, topic)) for topic in topics}
        scale = math.fsum(shares[topic] for topic in topics)
        within = {topic: shares[topic] / scale for topic in topics}
        before = {move.topic: move.now for move in own[-1].moves} if own else read
        if not own:
            return [Move(t, read[t], read[t], 1.0, within[t], within[t]) for t in topics]
        if isinstance(mixture, TopicFeedback):
            return topic_moves(mixture, within, before, read)
        if isinstance(mixture, TargetFeedback):
            return target_moves(mixture, within, first, read)
        assert isinstance(mixture, OwnRule)
        wanted = _asked(self.rules[mixture.name], mixture, topics, decisions, now)
        limited, note = limit_change(within, wanted, mixture.max_change)
        return [
            # What had no share before has no factor either.
            Move(t, before[t], read[t], wanted[t] / (within[t] or 1.0), within[t], limited[t], note)
            for t in topics
        ]

    def _rows(
        self,
        num_rows: int,
        shares: Mapping[str, float],
        index: int,
        decisions: Sequence[Decision],
    ) -> tuple[dict[str, int], set[str]]:
        """Apportion a round; what earlier rounds rounded away is made good, and the cap holds."""
        phase = self.phases[index]
        own = [each for each in decisions if each.phase == index and each.rows]
        rounds_given = [(phase.shares, phase.stretches[0].rows)] + [(d.shares, d.rows) for d in own]
        carried = dict.fromkeys(shares, 0.0)
        for asked, rows_given in rounds_given:
            length = sum(rows_given.values())
            for name, before in carried.items():
                rest = before + asked[name] * length - rows_given[name]
                carried[name] = min(max(rest, -1.0), 1.0)
        wanted = {
            name: max(0.0, share * num_rows + carried[name]) for name, share in shares.items()
        }
        parts = dict(zip(wanted, apportion(num_rows, list(wanted.values())), strict=True))
        allowed = self._allowed(index, decisions)
        rows = {name: min(part, allowed[name]) for name, part in parts.items()}
        held = {name for name, part in parts.items() if rows[name] < part}
        filled = _Filling(shares, allowed, rows, held)
        mixture = self.order.phases[index].mixture
        assert isinstance(mixture, Reacting)
        # What a topic cannot take, the others of its source do, so that the source keeps its share.
        for topics in topic_groups(mixture, shares):
            filled.give(sum(parts[topic] - rows[topic] for topic in topics), topics)
        if filled.give(num_rows - sum(rows.values()), list(shares)):
            raise DataError(
                f"every source of the round has been seen {self.order.max_repetition:g} times",
                where=f"order.phases[{index}]",
                mend="Raise order.max_repetition, add text, or shorten the phase.",
            )
        return rows, held

    def _allowed(self, index: int, decisions: Sequence[Decision]) -> dict[str, int]:
        """Return the rows of each stratum that the cap leaves, with those of later phases kept."""
        cap, context = self.order.max_repetition, self.order.context
        allowed = {name: int(cap * size / context) for name, size in self.supply.tokens.items()}
        spent = self.stretches(decisions)
        spent += [each for phase in self.phases[index + 1 :] for each in phase.stretches]
        for stretch in spent:
            for name, count in stretch.rows.items():
                allowed[name] -= -(-count * stretch.length // sum(stretch.rows.values()))
        return {name: max(0, rows) for name, rows in allowed.items()}


@dataclass(frozen=True)
class _Filling:
    """A round as its rows are given out."""

    shares: Mapping[str, float]
    allowed: Mapping[str, int]
    rows: dict[str, int]
    held: set[str]
    """The strata that could not take what they were to get."""

    def give(self, count: int, names: Sequence[str]) -> int:
        """Give rows to some strata, by their shares; return how many none could take."""
        while count:
            takers = [name for name in names if name not in self.held and self.shares[name] > 0]
            if not takers:
                return count
            parts = apportion(count, [self.shares[name] for name in takers])
            for name, part in zip(takers, parts, strict=True):
                given = min(part, self.allowed[name] - self.rows[name])
                self.rows[name] += given
                count -= given
                if given < part:
                    self.held.add(name)
        return 0


def probe_of(stratum: str) -> str:
    """Return the name of the probe that measures a stratum's perplexity."""
    return stratum if "/" in stratum else f"{stratum}/all"


def _read(measured: Mapping[str, float], topic: str) -> float:
    probe = probe_of(topic)
    if probe not in measured:
        raise DataError(
            f"the perplexity of {topic!r} is not measured",
            where="probing.probes",
            mend="Give it a probe {type: perplexity, by: ...} with the column of order.strata, and "
            "hold out enough documents.",
        )
    return measured[probe]


def _asked(
    rule: Rule,
    mixture: OwnRule,
    topics: Sequence[str],
    decisions: Sequence[Decision],
    now: Mapping[str, float],
) -> dict[str, float]:
    """Return the shares that a rule of the user's gives to the topics, scaled to sum to 1."""
    log = [decision.row() for decision in decisions]
    answer = rule(log, {topic: _read(now, topic) for topic in topics})
    where = f"rule {mixture.name!r}"
    missing = [topic for topic in topics if topic not in answer]
    if missing:
        raise DataError(f"it gives no share to {missing[0]!r}", where=where)
    shares = {topic: float(answer[topic]) for topic in topics}
    total = math.fsum(shares.values())
    if not (all(share >= 0 for share in shares.values()) and 0 < total < math.inf):
        raise DataError(f"its shares must be 0 or more and some above 0, not {shares}", where=where)
    return {topic: share / total for topic, share in shares.items()}


def _applied(
    shares: Mapping[str, float], moves: Sequence[Move], mixture: Reacting
) -> dict[str, float]:
    moved = dict(shares)
    for topics in topic_groups(mixture, shares):
        scale = math.fsum(shares[topic] for topic in topics)
        for move in moves:
            if move.topic in topics:
                moved[move.topic] = scale * move.share
    return moved


def _noted(move: Move, held: set[str]) -> Move:
    if move.topic not in held:
        return move
    note = f"{move.note}; held at the repetition cap".removeprefix("; ")
    return replace(move, note=note)
