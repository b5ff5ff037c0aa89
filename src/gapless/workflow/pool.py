"""What a source offers to an arm: its documents without copies, contamination and held-out text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gapless.recipe import Recipe
from gapless.recipe.selections import Selection
from gapless.records.artifact import ArtifactFolder
from gapless.records.documents import read_columns
from gapless.records.removals import Removals
from gapless.records.scores import read_scores
from gapless.records.token_store import TokenStore
from gapless.selection import Pool
from gapless.workflow.stage import Stage


@dataclass(frozen=True)
class SourcePool:
    """The folders that decide which documents of one source may be drawn from."""

    source: str
    documents: Path
    tokens: Path
    removals: tuple[Path, ...]
    """Copies, and contamination where the recipe looks for it."""
    scores: Mapping[str, tuple[Path, str]]
    """Column to the folder that holds it, and the suffix of its values there."""

    def removed(self) -> list[Removals]:
        """Return the tables of documents that may not be trained on."""
        return [Removals.read(folder, self.source) for folder in self.removals]

    def eligible(self) -> np.ndarray:
        """Return which documents may be trained on (bool)."""
        answer = ~TokenStore.open(self.tokens).held_out
        for removals in self.removed():
            answer &= removals.stays(len(answer))
        return answer

    def open(self, selection: Selection | None) -> Pool:
        """Return the pool that a selection chooses from."""
        return Pool(
            source=self.source,
            lengths=TokenStore.open(self.tokens).lengths,
            eligible=self.eligible(),
            columns={column: self.column(column) for column in _columns(selection)},
        )

    def column(self, name: str) -> np.ndarray:
        """Return a score of every document, computed or from the source's own files."""
        if name in self.scores:
            return read_scores(*self.scores[name])
        return np.asarray(read_columns(self.documents, name)[name])

    @classmethod
    def of_run(
        cls, source: str, recipe: Recipe, stages: Mapping[str, ArtifactFolder]
    ) -> SourcePool:
        """Return the pool of a run's source, from the artifacts that are there."""
        scores = {
            f"{name}{suffix}": (stages[f"scores.{name}.{source}"].path, suffix)
            for name, score in recipe.scores.items()
            if source in recipe.scored_sources(score)
            for suffix in score.suffixes
        }
        return cls(
            source=source,
            documents=stages[f"documents.{source}"].path,
            tokens=stages[f"tokens.{source}"].path,
            removals=tuple(
                stages[name].path for name in ("duplicates", "contamination") if name in stages
            ),
            scores=scores,
        )


@dataclass(frozen=True)
class PoolStages:
    """The stages behind a source's pool."""

    source: str
    tokens: Stage
    duplicates: Stage
    contamination: Stage | None
    """None where the recipe turns decontamination off."""
    scores: Mapping[str, tuple[Stage, str]]
    """Column to the stage that makes it, and the suffix of its values there."""

    def inputs(self, selection: Selection | None, columns: Iterable[str] = ()) -> dict[str, Stage]:
        """Return the stages that a selection, and the use of some columns, stand on."""
        needed = {"tokens": self.tokens, "duplicates": self.duplicates}
        if self.contamination is not None:
            needed["contamination"] = self.contamination
        for column in (*_columns(selection), *columns):
            if column in self.scores:
                needed[f"scores.{column}"] = self.scores[column][0]
        return {f"{name}.{self.source}": stage for name, stage in needed.items()}

    def pool(self) -> SourcePool:
        """Return the pool of the stages' folders, which must be there."""
        removals = [self.duplicates, *([self.contamination] if self.contamination else [])]
        return SourcePool(
            source=self.source,
            documents=self.tokens.inputs["documents"].path,
            tokens=self.tokens.path,
            removals=tuple(stage.path for stage in removals),
            scores={name: (stage.path, suffix) for name, (stage, suffix) in self.scores.items()},
        )


def _columns(selection: Selection | None) -> tuple[str, ...]:
    return () if selection is None else selection.columns
