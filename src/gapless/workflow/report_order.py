"""What the report says of an arm's order: phases, rounds and curricula, as they were trained."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from gapless.mixing import Decision, topic_groups
from gapless.ordering import RunOrder
from gapless.recipe import Recipe
from gapless.recipe.curricula import Labels
from gapless.recipe.mixtures import Reacting
from gapless.records.artifact import ArtifactFolder
from gapless.report import content as shown
from gapless.strata import source_of
from gapless.workflow.early_decay import end_token
from gapless.workflow.order import ORDER, arm_order, decisions_of
from gapless.workflow.order_words import mixture_words
from gapless.workflow.pool import SourcePool

_POINTS = 60
_ROWS_PER_POINT = 256
_QUANTILES = (0.1, 0.5, 0.9)


class OrderOfArm:
    """The order of one arm, read for the report."""

    def __init__(self, name: str, arm: Recipe, stages: Mapping[str, ArtifactFolder]) -> None:
        self._arm, self._stages = arm, stages
        self._facts = stages[f"{ORDER}.{name}"].manifest().facts
        self._decisions = decisions_of(name, stages)
        self._name = name

    def phases(self) -> Iterator[shown.PhaseMark]:
        """Give where each phase begins."""
        for number, phase in enumerate(self._facts["phases"], start=1):
            tokens = phase["start"] * self._arm.order.context
            if tokens < end_token(self._arm, self._facts["tokens"]):
                yield shown.PhaseMark(tokens_seen=tokens, label=f"phase {number}")

    def borders(self) -> list[int]:
        """Return the tokens at which the mixture changes."""
        context = self._arm.order.context
        lengths = [
            (phase["start"], [stretch["length"] for stretch in phase["stretches"]])
            for phase in self._facts["phases"]
        ]
        ends = [
            (start + int(end)) * context for start, own in lengths for end in np.cumsum([0, *own])
        ]
        return sorted({*ends, *(decision.tokens_seen for decision in self._decisions)})

    def rounds(self) -> Iterator[shown.Round]:
        """Give every reading of a mixture that reacts, group by group."""
        for decision in self._decisions:
            mixture = self._arm.order.phases[decision.phase].mixture
            assert isinstance(mixture, Reacting)
            groups = topic_groups(mixture, decision.shares)
            for topics in groups:
                yield shown.Round(
                    tokens_seen=decision.tokens_seen,
                    phase=decision.phase,
                    group=source_of(topics[0]) if len(groups) > 1 else "",
                    rule=mixture_words(mixture),
                    decisions=tuple(_topics(decision, topics)),
                )

    def curricula(self) -> Iterator[shown.CurriculumTrace]:
        """Give the scores along the run of each source, for every curriculum by a number."""
        columns: dict[str, set[str]] = {}
        for phase in self._arm.order.phases:
            curriculum = phase.curriculum
            if curriculum is not None and not isinstance(curriculum, Labels):
                sources = curriculum.sources or tuple(self._arm.trained_sources)
                columns.setdefault(curriculum.column, set()).update(sources)
        if not columns:
            return
        order = arm_order(self._name, self._arm, self._stages)
        for column, led in columns.items():
            having = [s for s in self._arm.trained_sources if column in self._arm.columns_of(s)]
            pools = {s: SourcePool.of_run(s, self._arm, self._stages) for s in having}
            values = {s: pool.column(column).astype(np.float64) for s, pool in pools.items()}
            for source, points in _sampled(order, values).items():
                yield _trace(source, column, points, shuffled=source not in led)


def _topics(decision: Decision, topics: Sequence[str]) -> Iterator[shown.TopicDecision]:
    scale = sum(decision.shares[topic] for topic in topics)
    start = decision.round == 0
    for move in decision.moves:
        if move.topic in topics:
            yield shown.TopicDecision(
                topic=move.topic,
                perplexity_before=None if start else move.before,
                perplexity=move.now,
                factor=None if start else move.factor,
                share_before=move.share_before * scale,
                share=move.share * scale,
                note=move.note,
            )


def _sampled(
    order: RunOrder, values: Mapping[str, np.ndarray]
) -> dict[str, list[tuple[int, np.ndarray]]]:
    """Return source to (tokens seen, scores of the documents there), at points along the run."""
    found: dict[str, list[tuple[int, np.ndarray]]] = {source: [] for source in values}
    edges = np.linspace(0, order.known_rows, min(_POINTS, order.known_rows) + 1).astype(int)
    for start, stop in pairwise(edges):
        rows = order.rows(int(start), int(min(stop, start + _ROWS_PER_POINT)))
        counts = np.diff(rows.pieces.offsets)
        owners = np.array([source_of(name) for name in rows.names])[np.repeat(rows.strata, counts)]
        for source, scores in values.items():
            own = scores[np.unique(rows.pieces.documents[owners == source])]
            own = own[np.isfinite(own)]
            if len(own):
                found[source].append((int(start + stop) // 2 * order.context, own))
    return {source: points for source, points in found.items() if points}


def _trace(
    source: str, column: str, points: Sequence[tuple[int, np.ndarray]], *, shuffled: bool
) -> shown.CurriculumTrace:
    low, median, high = np.array([np.quantile(scores, _QUANTILES) for _, scores in points]).T
    return shown.CurriculumTrace(
        name=source,
        column=column,
        tokens=tuple(tokens for tokens, _ in points),
        low=tuple(low.tolist()),
        median=tuple(median.tolist()),
        high=tuple(high.tolist()),
        shuffled=shuffled,
    )
