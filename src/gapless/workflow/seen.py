"""What the runs of one seed saw: what a claim's ``measure.py`` is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    looked_at: dict[tuple[Path, str], tuple[int, float]] = field(default_factory=dict)
    """Run and arm to its tokens and FLOPs, of those that were asked for."""
    scale: str = ""
    """What a variant adds to the names of its runs."""

    def of(self, recipe: str) -> Seen:
        """Return what the run of one recipe saw, by its file's name without the suffix."""
        name = f"{recipe}{self.scale}"
        runs = [run for run in self.runs if run.name.rpartition("-seed")[0] == name]
        return Seen(self.seed, runs, self.looked_at, self.scale)

    def curve(self, arm: str, name: str, metric: str = SHOWN_METRIC) -> SeenCurve:
        """Return a metric of an arm, of a probe or (mean over its probes) of a role.

        Raises:
            RunError: nothing of that name was measured, or in the runs of several recipes.

        """
        found: dict[Path, Mapping[str, Any]] = {}
        for run, row in self._rows():
            if (row["arm"], row["name"], row["metric"]) == (arm, name, metric):
                found.setdefault(run, row)
        self._refuse_several(arm, found)
        for run, row in found.items():
            curve = row["curve"]
            flops = curve["flops"]
            spent = 0.0 if flops is None or flops[-1] is None else float(flops[-1])
            self.looked_at[run, arm] = (int(curve["tokens"][-1]), spent)
            return SeenCurve(row)
        have = sorted({f"{row['arm']} {row['name']} {row['metric']}" for _, row in self._rows()})
        what = f"nothing was measured as {name} {metric} of an arm {arm}"
        raise RunError(
            what, where=f"seed {self.seed}", mend=f"There is {'; '.join(have) or 'nothing'}."
        )

    def journal(self, arm: str, file: str) -> list[dict[str, Any]]:
        """Return the rows of a journal of an arm's training, such as ``drift.jsonl``."""
        label = f"training.{arm}"
        stages = {run: RunFolder(run).stages() for run in self.runs}
        found = {run: own[label] for run, own in stages.items() if label in own}
        self._refuse_several(arm, found)
        for place in found.values():
            return list(Journal(place.path / file).rows())
        raise RunError(f"there is no arm {arm}", where=f"seed {self.seed}")

    def _refuse_several(self, arm: str, found: Iterable[Path]) -> None:
        names = [run.name for run in found]
        if len(names) > 1:
            what = f"several runs have an arm {arm}: {', '.join(names)}"
            mend = "Say of which recipe: seen.of(RECIPE)."
            raise RunError(what, where=f"seed {self.seed}", mend=mend)

    def _rows(self) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        for run in self.runs:
            for row in read_analysis(RunFolder(run).stages()[ANALYSIS].path).rows:
                yield run, row
