"""A source as the report sees it: the documents that count, their scores, what arms chose."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gapless.recipe import Recipe
from gapless.recipe.selections import (
    BandSelection,
    Budgeted,
    Scored,
    ScoreSelection,
    Selection,
    ThresholdSelection,
)
from gapless.records.artifact import ArtifactFolder
from gapless.selection import Choice
from gapless.selection.rankings import rank
from gapless.workflow.data import DOCUMENTS
from gapless.workflow.order import ORDER, SELECTION_FILE
from gapless.workflow.pool import SourcePool


@dataclass(frozen=True)
class Chosen:
    """What some arms, all alike, chose from a source."""

    arms: tuple[str, ...]
    selection: Selection | None
    seed: int
    choice: Choice
    mask: np.ndarray
    """Which documents are chosen (bool)."""


@dataclass(frozen=True)
class ReportedSource:
    """One source that a run trains on."""

    name: str
    recipe: Recipe
    arms: Mapping[str, Recipe]
    stages: Mapping[str, ArtifactFolder]

    @property
    def role(self) -> str:
        """Its role."""
        return self.recipe.sources[self.name].role

    @property
    def num_documents(self) -> int:
        """How many documents stayed, whatever became of them then."""
        return int(self.stages[f"{DOCUMENTS}.{self.name}"].manifest().facts["kept"])

    @cached_property
    def pool(self) -> SourcePool:
        """What it offers to arms."""
        return SourcePool.of_run(self.name, self.recipe, self.stages)

    @cached_property
    def counted(self) -> np.ndarray:
        """The documents that may be trained on: int64, ascending."""
        return np.flatnonzero(self.pool.eligible())

    @cached_property
    def chosen(self) -> tuple[Chosen, ...]:
        """What the arms chose, equal choices once."""
        alike: dict[tuple[str, int], list[str]] = {}
        for name, arm in self.arms.items():
            selection = arm.selection.get(self.name)
            written = "" if selection is None else json.dumps(selection.model_dump(mode="json"))
            alike.setdefault((written, arm.seed), []).append(name)
        return tuple(self._chosen(names) for names in alike.values())

    def _chosen(self, names: list[str]) -> Chosen:
        arm, order = self.arms[names[0]], self.stages[f"{ORDER}.{names[0]}"]
        with np.load(order.path / SELECTION_FILE, allow_pickle=False) as saved:
            documents = saved[self.name]
        mask = np.zeros(self.num_documents, dtype=np.bool_)
        mask[documents] = True
        choice = Choice.from_facts(documents, order.manifest().facts["choices"][self.name])
        return Chosen(tuple(names), arm.selection.get(self.name), arm.seed, choice, mask)

    def cuts(self, chosen: Chosen, column: str) -> Iterator[tuple[str, float]]:
        """Give where a choice by a column ends: what is cut, and the score; a draw has no cut."""
        selection = chosen.selection
        if isinstance(selection, Scored) and selection.control:
            return
        if isinstance(selection, ScoreSelection) and selection.column == column:
            for portion in chosen.choice.portions:
                if portion.cut is not None:
                    yield portion.label or "", portion.cut
        elif isinstance(selection, ThresholdSelection):
            if selection.at_least is not None:
                yield "at least", selection.at_least
            if selection.at_most is not None:
                yield "at most", selection.at_most
        elif isinstance(selection, BandSelection) and selection.column == column:
            yield from self._band(chosen, selection)

    def _band(self, chosen: Chosen, band: BandSelection) -> Iterator[tuple[str, float]]:
        """Give the scores at the ends of a band, which lies between quantiles of the tokens."""
        inside = rank(band, self.pool.open(band), chosen.seed).documents
        values = self.pool.column(band.column)[inside]
        if band.low > 0:
            yield "from", float(values.min())
        if band.high < 1:
            yield "to", float(values.max())


def reads(selection: Selection | None, column: str) -> bool:
    """Whether a selection goes by a column."""
    return selection is not None and column in selection.columns


def divides_by(selection: Selection | None, column: str) -> bool:
    """Whether a selection divides its budget by the labels of a column."""
    quotas = selection.quotas if isinstance(selection, Budgeted) else None
    return quotas is not None and quotas.column == column
