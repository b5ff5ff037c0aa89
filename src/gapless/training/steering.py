"""Mixtures that react while training: the log of their decisions, and the order that follows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from gapless.mixing import Decision, Rounds
from gapless.ordering import RunOrder
from gapless.records.journal import Journal
from gapless.records.measurements import Measurement

PERPLEXITY_METRIC = "nats_per_token"


@dataclass(frozen=True)
class Steering:
    """Reads measurements at the rounds' ends, writes the decisions down, extends the order."""

    rounds: Rounds
    log: Journal
    """The mixture log: one `Decision` per row."""
    base: Sequence[Measurement]
    """Measurement zero."""

    def replay(self, order: RunOrder) -> None:
        """Extend an order by everything that the log has decided."""
        self._extend(order, self._decisions())

    def react(self, order: RunOrder, row: int, measurements: Sequence[Measurement]) -> None:
        """Decide at a row of the run, if it is one at which a mixture is read."""
        decisions = self._decisions()
        if row not in self.rounds.readings[len(decisions) :]:  # decided before a roll-back
            return
        decision = self.rounds.decide(
            row, decisions, base=_perplexities(self.base), now=_perplexities(measurements)
        )
        self.log.append(decision.row())
        self._extend(order, [*decisions, decision])

    def _decisions(self) -> list[Decision]:
        return [Decision.from_row(row) for row in self.log.rows()]

    def _extend(self, order: RunOrder, decisions: Sequence[Decision]) -> None:
        for stretch in self.rounds.stretches(decisions)[order.num_stretches :]:
            order.extend(stretch)


def _perplexities(measurements: Sequence[Measurement]) -> dict[str, float]:
    """Return probe to nats per token."""
    return {m.probe: m.value for m in measurements if m.metric == PERPLEXITY_METRIC}
