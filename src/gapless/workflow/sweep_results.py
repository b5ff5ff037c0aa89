"""What a sweep's trials came to: their rows, and the ranking of their settings."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from statistics import fmean
from typing import TYPE_CHECKING

from gapless.errors import RunError
from gapless.recipe.sweeps import Sweep
from gapless.records.arm_journals import MEASUREMENTS, STEPS
from gapless.records.artifact import write_text
from gapless.records.journal import Journal
from gapless.records.measurements import Measurement, read_measurements
from gapless.records.sweep_views import Ranked, TrialRow, TrialState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gapless.recipe.sweep_trials import Trial
    from gapless.recipe.sweeps import Goal
    from gapless.workflow.run_folder import RunFolder
    from gapless.workflow.stage import Stage
    from gapless.workflow.tree import Tree

TRIALS_FILE, SWEEP_FILE = "trials.jsonl", "sweep.json"
_METRIC = "bits_per_byte"


def worth_of(gain: float | None, forgetting: float | None, goal: Goal) -> float:
    """Return what a setting is ranked by, the higher the better.

    One that loses more general text than the goal allows comes after all that do not, and the more
    it loses the later.
    """
    if gain is None and forgetting is None:
        return -math.inf
    worth = (gain or 0.0) - (0.0 if goal.most == "gain" else forgetting or 0.0)
    beyond = 0.0
    if goal.general_loss is not None:
        beyond = max(0.0, (forgetting or 0.0) - goal.general_loss)
    return worth - 1e3 * (beyond + (1.0 if beyond > 0 else 0.0))


def changes(
    rows: Sequence[Measurement], limit: float = math.inf
) -> tuple[float | None, float | None]:
    """Return gain and forgetting at the last point measured up to ``limit`` tokens."""
    base, last = _values(rows, 0), _values(rows, _last(rows, limit))
    roles = {m.probe: m.role for m in rows}

    def mean_fall(role: str) -> float | None:
        falls = [base[name] - last[name] for name in last if roles[name] == role]
        return fmean(falls) if falls else None

    general = mean_fall("general")
    return mean_fall("domain"), None if general is None else -general


def _last(rows: Sequence[Measurement], limit: float) -> int:
    return max((m.tokens_seen for m in rows if m.tokens_seen <= limit), default=0)


def _values(rows: Sequence[Measurement], tokens_seen: int) -> dict[str, float]:
    return {m.probe: m.value for m in rows if m.tokens_seen == tokens_seen}


def measured(stage: Stage) -> list[Measurement]:
    """Return the bits per byte that a trial was measured at so far."""
    place = stage.path if stage.is_done() else stage.folder.partial_path
    file = place / MEASUREMENTS
    return [m for m in read_measurements(file) if m.metric == _METRIC] if file.is_file() else []


def tokens_seen(stage: Stage) -> int:
    """Return how far a trial is."""
    place = stage.path if stage.is_done() else stage.folder.partial_path
    rows = list(Journal(place / STEPS).rows())
    return int(rows[-1]["tokens_seen"]) if rows else 0


def trial_rows(
    trials: Sequence[Trial], tree: Tree, failed: Mapping[str, str]
) -> tuple[TrialRow, ...]:
    """Return what each trial came to; ``failed`` are those that did, and why."""
    return tuple(_row(trial, tree.arms[trial.name].training, failed) for trial in trials)


def write_rows(rows: Sequence[TrialRow], folder: RunFolder) -> Path:
    """Write `TRIALS_FILE`, a row per trial."""
    file = folder.path / TRIALS_FILE
    write_text(file, "".join(json.dumps(asdict(row)) + "\n" for row in rows))
    return file


def read_rows(folder: RunFolder) -> tuple[TrialRow, ...]:
    """Return the trials of a sweep that came to its end.

    Raises:
        RunError: the folder holds none.

    """
    file = folder.path / TRIALS_FILE
    if not file.is_file():
        mend = "Give the folder of a sweep, and run `gapless sweep` to its end first."
        raise RunError("there are no trials", where=str(folder.path), mend=mend)
    return tuple(TrialRow(**json.loads(line)) for line in file.read_text().splitlines())


def write_sweep(sweep: Sweep, folder: RunFolder) -> None:
    """Write down what the sweep was asked, for its report."""
    write_text(folder.path / SWEEP_FILE, sweep.model_dump_json(indent=1))


def read_sweep(folder: RunFolder) -> Sweep:
    """Return what the sweep was asked.

    Raises:
        RunError: the sweep was made before this was written down.

    """
    file = folder.path / SWEEP_FILE
    if not file.is_file():
        mend = "Run `gapless sweep` again: what is done is not trained again."
        raise RunError("the folder does not say what the sweep was", where=str(file), mend=mend)
    return Sweep.model_validate_json(file.read_text())


def _row(trial: Trial, stage: Stage, failed: Mapping[str, str]) -> TrialRow:
    rows = measured(stage)
    gain, forgetting = changes(rows)
    seen = tokens_seen(stage)
    state: TrialState = "stopped early" if seen else "not started"
    if stage.is_done():
        state = "done"
    elif trial.name in failed:
        state = "failed"
    return TrialRow(
        name=trial.name,
        setting=trial.setting,
        seed=trial.seed,
        settings=dict(trial.settings),
        state=state,
        tokens_seen=seen,
        gain=gain if seen else None,
        forgetting=forgetting if seen else None,
        values=_values(rows, _last(rows, math.inf)),
        base=_values(rows, 0),
        why=failed.get(trial.name, ""),
    )


def ranking_of(rows: Sequence[TrialRow], goal: Goal) -> Iterator[Ranked]:
    """Give the settings of which every seed is done, the best first."""
    of: dict[int, list[TrialRow]] = {}
    for row in rows:
        of.setdefault(row.setting, []).append(row)
    found = []
    for setting, trials in of.items():
        if all(trial.state == "done" for trial in trials):
            gain, forgetting = (
                _mean([getattr(t, key) for t in trials]) for key in ("gain", "forgetting")
            )
            found.append((setting, gain, forgetting, worth_of(gain, forgetting, goal)))
    yield from sorted(found, key=lambda each: -each[3])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
