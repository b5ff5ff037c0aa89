"""What a source offers to an arm: its documents without copies, contamination and held-out text."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gapless.recipe.selections import Selection
from gapless.records.documents import read_columns
from gapless.records.removals import Removals
from gapless.records.scores import read_scores
from gapless.records.token_store import TokenStore
from gapless.selection import Pool
from gapless.workflow.stage import Stage


@dataclass(frozen=True)
class PoolStages:
    """The stages that decide which documents of one source may be drawn from."""

    source: str
    tokens: Stage
    duplicates: Stage
    contamination: Stage | None
    """None where the recipe turns decontamination off."""
    scores: Mapping[str, tuple[Stage, str]]
    """Column to the stage that makes it, and the suffix of its values there."""

    def inputs(self, selection: Selection | None) -> dict[str, Stage]:
        """Return the stages that a selection stands on."""
        needed = {"tokens": self.tokens, "duplicates": self.duplicates}
        if self.contamination is not None:
            needed["contamination"] = self.contamination
        for column in _columns(selection):
            if column in self.scores:
                needed[f"scores.{column}"] = self.scores[column][0]
        return {f"{name}.{self.source}": stage for name, stage in needed.items()}

    def removals(self) -> list[Removals]:
        """Return the tables of documents that may not be trained on."""
        stages = [self.duplicates, *([self.contamination] if self.contamination else [])]
        return [Removals.read(stage.path, self.source) for stage in stages]

    def eligible(self) -> np.ndarray:
        """Return which documents may be trained on (bool)."""
        answer = ~TokenStore.open(self.tokens.path).held_out
        for removals in self.removals():
            answer &= removals.stays(len(answer))
        return answer

    def open(self, selection: Selection | None) -> Pool:
        """Return the pool that a selection chooses from."""
        return Pool(
            source=self.source,
            lengths=TokenStore.open(self.tokens.path).lengths,
            eligible=self.eligible(),
            columns={column: self._column(column) for column in _columns(selection)},
        )

    def _column(self, column: str) -> np.ndarray:
        if column in self.scores:
            stage, suffix = self.scores[column]
            return read_scores(stage.path, suffix)
        documents = self.tokens.inputs["documents"]
        return np.asarray(read_columns(documents.path, column)[column])


def _columns(selection: Selection | None) -> tuple[str, ...]:
    return () if selection is None else selection.columns
