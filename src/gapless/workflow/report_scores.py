"""What the report says of scores: how they lie, and what the arms have selected by them.

Counted are the documents that may be trained on, each once whatever its length. Scores are held
one column at a time; texts are read only where they are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gapless.recipe import Recipe, arms
from gapless.recipe.scores import FunctionScore, Language, Topic
from gapless.records.artifact import ArtifactFolder
from gapless.records.documents import BEGINNING_CHARACTERS, read_document
from gapless.report import (
    ClassifierContent,
    LabelContent,
    LabelledSource,
    ScoreContent,
    ScoredExample,
    ScoredSource,
    SelectedContent,
)
from gapless.report.distribution import (
    bin_counts,
    bin_edges,
    lower_share,
    nearest_ranks,
    quantiles,
)
from gapless.selection import describe
from gapless.workflow.report_choices import Chosen, ReportedSource, divides_by, reads
from gapless.workflow.score_words import about
from gapless.workflow.topics import CLASSIFIER

_EXAMPLES_AT = (0.05, 0.25, 0.5, 0.75, 0.95)
_MAX_LABELS = 24


class ScoreColumns:
    """The scores of a finished run, those of the sources' own files among them."""

    def __init__(
        self, recipe: Recipe, stages: Mapping[str, ArtifactFolder], *, arm_prefix: str = ""
    ) -> None:
        self._recipe, self._stages, self._prefix = recipe, stages, arm_prefix
        known = arms(recipe)
        self._columns: dict[str, list[ReportedSource]] = {}
        for name in recipe.trained_sources:
            source = ReportedSource(name, recipe, known, stages)
            for column in recipe.columns_of(name):
                self._columns.setdefault(column, []).append(source)

    def numbers(self) -> Iterator[ScoreContent]:
        """Give every score that is a number and that some document has."""
        for column, sources in self._columns.items():
            if not self._holds_labels(column):
                found = self._score(column, sources)
                if found is not None:
                    yield found

    def labels(self) -> Iterator[LabelContent]:
        """Give every score that is a label."""
        for column, sources in self._columns.items():
            if self._holds_labels(column):
                yield self._label(column, sources)

    def _holds_labels(self, column: str) -> bool:
        score = self._recipe.scores.get(column)
        if isinstance(score, FunctionScore):
            return score.returns == "labels"
        return isinstance(score, Topic | Language)

    def _score(self, column: str, sources: Sequence[ReportedSource]) -> ScoreContent | None:
        values = [source.pool.column(column)[source.counted] for source in sources]
        finite = [own[np.isfinite(own)] for own in values]
        if not any(len(own) for own in finite):
            return None
        edges, log = bin_edges(finite)
        roles = {
            role: [own for own, s in zip(finite, sources, strict=True) if s.role == role]
            for role in ("domain", "general")
        }
        pooled = {role: np.concatenate([np.zeros(0), *own]) for role, own in roles.items()}
        apart = None
        if all(len(own) for own in pooled.values()):
            apart = lower_share(pooled["domain"], pooled["general"])
        return ScoreContent(
            name=column,
            about=about(self._recipe, column),
            edges=tuple(edges.tolist()),
            log=log,
            sources=tuple(
                self._scored(source, column, own, edges)
                for source, own in zip(sources, values, strict=True)
            ),
            domain_lower=apart,
            note=_note(column, sources),
        )

    def _scored(
        self, source: ReportedSource, column: str, values: np.ndarray, edges: np.ndarray
    ) -> ScoredSource:
        known = np.isfinite(values)
        values, documents = values[known], source.counted[known]
        selections = tuple(
            SelectedContent(
                arms=self._names(chosen),
                description=describe(chosen.selection),
                counts=tuple(bin_counts(values[chosen.mask[documents]], edges).tolist()),
                tokens=chosen.choice.tokens,
                quantiles=quantiles(values[chosen.mask[documents]]),
                cuts=tuple(source.cuts(chosen, column)),
            )
            for chosen in source.chosen
            if reads(chosen.selection, column)
        )
        ranks = nearest_ranks(values, _EXAMPLES_AT)
        return ScoredSource(
            name=source.name,
            role=source.role,
            unscored=int(np.count_nonzero(~known)),
            counts=tuple(bin_counts(values, edges).tolist()),
            quantiles=quantiles(values),
            selections=selections,
            examples=tuple(
                self._example(source, place, float(values[at]), int(documents[at]))
                for place, at in ranks.items()
            ),
        )

    def _example(
        self, source: ReportedSource, place: float, score: float, document: int
    ) -> ScoredExample:
        found = read_document(source.pool.documents, document, "origin", "text")
        by = [self._names(chosen) for chosen in source.chosen if chosen.mask[document]]
        return ScoredExample(
            quantile=place,
            score=score,
            origin=found["origin"],
            beginning=found["text"][:BEGINNING_CHARACTERS],
            arms=tuple(name for names in by for name in names),
        )

    def _names(self, chosen: Chosen) -> tuple[str, ...]:
        return tuple(f"{self._prefix}{name}" for name in chosen.arms)

    def _label(self, column: str, sources: Sequence[ReportedSource]) -> LabelContent:
        columns = [source.pool.column(column) for source in sources]
        totals: Counter[Any] = Counter()
        for source, own in zip(sources, columns, strict=True):
            totals.update(own[source.counted].tolist())
        totals.pop(None, None)
        ranked = sorted(totals, key=lambda label: (-totals[label], label))
        shown, others = ranked[:_MAX_LABELS], len(ranked[_MAX_LABELS:])
        return LabelContent(
            name=column,
            about=about(self._recipe, column),
            labels=tuple(shown),
            others=others,
            sources=tuple(
                self._labelled(source, column, own, shown, others)
                for source, own in zip(sources, columns, strict=True)
            ),
            classifier=self._classifier(column),
        )

    def _labelled(
        self,
        source: ReportedSource,
        column: str,
        values: np.ndarray,
        shown: Sequence[str],
        others: int,
    ) -> LabelledSource:
        def counts(documents: np.ndarray) -> tuple[int, ...]:
            own = Counter(values[documents].tolist())
            listed = [own.pop(label, 0) for label in shown]
            own.pop(None, None)
            return (*listed, *([own.total()] if others else []))

        return LabelledSource(
            name=source.name,
            role=source.role,
            unlabelled=sum(value is None for value in values[source.counted].tolist()),
            counts=counts(source.counted),
            selections=tuple(
                SelectedContent(
                    arms=self._names(chosen),
                    description=describe(chosen.selection),
                    counts=counts(chosen.choice.documents),
                    tokens=chosen.choice.tokens,
                )
                for chosen in source.chosen
                if divides_by(chosen.selection, column)
            ),
        )

    def _classifier(self, column: str) -> ClassifierContent | None:
        folder = self._stages.get(f"{CLASSIFIER}.{column}")
        if folder is None:
            return None
        facts = folder.manifest().facts
        return ClassifierContent(
            topics=tuple(facts["topics"]),
            labels=sum(facts["labels"].values()),
            held_out=facts["held_out"],
            accuracy=facts["accuracy"],
            majority=facts["majority"],
            macro_f1=facts["macro_f1"],
            mean_confidence=facts["mean_confidence"],
            confusion=tuple(tuple(row) for row in facts["confusion"]),
        )


def _note(column: str, sources: Sequence[ReportedSource]) -> str:
    return " ".join(
        f"All documents of {source.name} to choose from have the same {column}: it prefers none."
        for source in sources
        if any(column in chosen.choice.equal for chosen in source.chosen)
    )
