"""What the runs of one seed saw: what a claim's ``measure.py`` is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gapless.analysis.conclusions import read_analysis
from gapless.errors import RunError
from gapless.records.journal import Journal
from gapless.workflow.results import ANALYSIS, SHOWN_METRIC
from gapless.workflow.run_folder import RunFolder


@dataclass(frozen=True)
class SeenCurve:
    """One metric of one arm along the run; changes are over the base, positive is better."""

    row: Mapping[str, Any]
    """As in the analysis (see `analysis.conclusions`)."""

    @property
    def tokens(self) -> np.ndarray:
        """Tokens seen at every point, from 0."""
        return np.array(self.row["curve"]["tokens"])

    @property
    def values(self) -> np.ndarray:
        """The metric at every point."""
        return np.array(self.row["curve"]["values"])

    @property
    def changes(self) -> np.ndarray:
        """Improvement over the base at every point."""
        return np.array(self.row["curve"]["changes"])

    @property
    def change(self) -> float:
        """Improvement over the base at the end."""
        return float(self.row["change"]["value"])

    @property
    def peak(self) -> float:
        """The best improvement after the base."""
        return float(self.changes[1:].max())

    @property
    def recovers(self) -> bool:
        """Whether the base is reached again after the bottom, or never left."""
        return bool(self.row["gap"]["recovered"])

    def gap(self, quantity: str) -> float:
        """Return a quantity of `analysis.gap.Gap`; a recovery that never comes is at the end."""
        value = self.row["gap"][quantity]["value"]
        return float(self.tokens[-1] if value is None else value)

    def change_at(self, tokens: float) -> float:
        """Return the improvement after so many tokens, on the line between two points."""
        return float(np.interp(tokens, self.tokens, self.changes))

    def tokens_to(self, change: float) -> float:
        """Return after how many tokens a change is first reached; infinity where it never is."""
        reached = np.flatnonzero(self.changes >= change)
        if not len(reached):
            return float("inf")
        right = int(reached[0])
        if right == 0:
            return 0.0
        points = slice(right - 1, right + 1)
        return float(np.interp(change, self.changes[points], self.tokens[points]))


@dataclass
class Seen:
    """The arms of all runs of one seed, by name."""

    seed: int
    runs: Sequence[Path]
    looked_at: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Arm to its tokens and FLOPs, of those that were asked for."""

    def of(self, recipe: str) -> Seen:
        """Return what the run of one recipe saw, by its file's name without the suffix."""
        runs = [run for run in self.runs if run.name.rpartition("-seed")[0] == recipe]
        return Seen(self.seed, runs, self.looked_at)

    def curve(self, arm: str, name: str, metric: str = SHOWN_METRIC) -> SeenCurve:
        """Return a metric of an arm, of a probe or (mean over its probes) of a role.

        Raises:
            RunError: nothing of that name was measured.

        """
        for row in self._rows():
            if (row["arm"], row["name"], row["metric"]) == (arm, name, metric):
                curve = row["curve"]
                flops = curve["flops"]
                spent = 0.0 if flops is None or flops[-1] is None else float(flops[-1])
                self.looked_at[arm] = (int(curve["tokens"][-1]), spent)
                return SeenCurve(row)
        have = sorted({f"{row['arm']} {row['name']} {row['metric']}" for row in self._rows()})
        what = f"nothing was measured as {name} {metric} of an arm {arm}"
        raise RunError(what, where=f"seed {self.seed}", mend=f"There is {'; '.join(have)}.")

    def journal(self, arm: str, file: str) -> list[dict[str, Any]]:
        """Return the rows of a journal of an arm's training, such as ``drift.jsonl``."""
        label = f"training.{arm}"
        for run in self.runs:
            stages = RunFolder(run).stages()
            if label in stages:
                return list(Journal(stages[label].path / file).rows())
        raise RunError(f"there is no arm {arm}", where=f"seed {self.seed}")

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        for run in self.runs:
            yield from read_analysis(RunFolder(run).stages()[ANALYSIS].path).rows
