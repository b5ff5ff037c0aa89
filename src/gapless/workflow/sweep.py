"""Sweeps: many short trainings of one recipe, which share its text, tokens, scores and base.

    sweep.yaml --trials--> one run with an arm per trial --rungs--> trials.jsonl

Trials' weights are dropped as soon as they are measured. With halving, every trial is trained to a
rung, the better part goes on to the next one; what a trial has seen until then stays as it is, so a
sweep that was cut off comes to the same decisions again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from gapless.errors import GaplessError
from gapless.recipe.sweep_trials import (
    Trial,
    base_recipe,
    load_sweep,
    sweep_recipe,
    trials_of,
    with_matched_pools,
)
from gapless.records.arm_journals import MEASUREMENTS, STEPS
from gapless.records.artifact import write_text
from gapless.records.journal import Journal
from gapless.records.measurements import Measurement, read_measurements
from gapless.records.sweep_views import SweepResult, TrialRow, TrialState
from gapless.records.views import Silent
from gapless.workflow.opening import tree_of
from gapless.workflow.plan import refuse_full_disk, source_row
from gapless.workflow.rate_search import check_folder, drop_weights, with_one_arm
from gapless.workflow.run import ArmObserver, StopRequest, do_missing
from gapless.workflow.run_folder import RunFolder

if TYPE_CHECKING:
    from gapless.recipe import Recipe
    from gapless.recipe.sweeps import Goal, Sweep
    from gapless.records.observer import StepDone
    from gapless.records.views import Plan, Progress
    from gapless.workflow.stage import Stage
    from gapless.workflow.tree import Tree

    Prepare = Callable[[Tree, RunFolder], None]

TRIALS_FILE = "trials.jsonl"
_METRIC = "bits_per_byte"


@dataclass(frozen=True)
class Opened:
    """A sweep's file, read."""

    sweep: Sweep
    trials: list[Trial]
    recipe: Recipe
    place: Path
    """The base recipe's file, where its paths begin."""
    folder: RunFolder

    @classmethod
    def read(cls, file: Path, run_dir: Path | None, *, prepare: Prepare | None = None) -> Opened:
        """Read a sweep and its recipe; ``prepare`` makes what pools are counted in.

        Without it, pools that nobody has counted yet are estimates.

        Raises:
            RecipeError: either has mistakes.

        """
        sweep = load_sweep(file)
        base = base_recipe(sweep, file).model_copy(update={"name": sweep.name})
        folder = RunFolder(run_dir or file.parent / "runs" / sweep.name)
        place = file.parent / sweep.recipe
        trials = trials_of(sweep, base)
        if sweep.big_tokens is not None:
            sweep_recipe(sweep, base, trials)  # its mistakes come before any work
            with tree_of(base, place, folder) as tree:
                if prepare is not None:
                    prepare(tree, folder)
                pools = {name: source_row(name, tree).tokens or 0 for name in tree.pools}
            base = with_matched_pools(sweep, base, pools)
        return cls(sweep, trials, sweep_recipe(sweep, base, trials), place, folder)


def plan_sweep(file: str | Path, *, run_dir: str | Path | None = None) -> Plan:
    """Say what a sweep would do and cost; what trials share is there once. Spends nothing."""
    from gapless.workflow.plan import make_plan

    opened = Opened.read(Path(file), None if run_dir is None else Path(run_dir))
    with tree_of(opened.recipe, opened.place, opened.folder) as tree:
        return make_plan(tree, opened.folder)


def sweep(
    file: str | Path, *, run_dir: str | Path | None = None, progress: Progress | None = None
) -> SweepResult:
    """Do what is missing of a sweep's trials; resume what was cut off.

    A trial that fails is tried again as often as the sweep says, and then left: the others go on.
    """
    from gapless.workflow.run import remember_environment
    from gapless.workflow.together import refuse_many

    refuse_many("sweep")
    progress = progress or Silent()
    stop = StopRequest()

    def prepare(tree: Tree, folder: RunFolder) -> None:
        check_folder(folder, tree.recipe)
        with folder.locked(), stop.listening():
            folder.claim(tree.recipe, list(tree.stages()))
            others = folder.artifacts_beside()
            do_missing(list(tree.data_stages()), progress=progress, others=others, stop=stop)

    opened = Opened.read(Path(file), None if run_dir is None else Path(run_dir), prepare=prepare)
    check_folder(opened.folder, opened.recipe)
    if opened.sweep.big_tokens is None:
        progress.note(
            "Trials draw from all of the text and repeat it less than a big run will: give "
            "big_tokens, and their pools are scaled to match."
        )
    rung = _Rung(progress, stop)
    with (
        tree_of(
            opened.recipe, opened.place, opened.folder,
            observe=rung.observer, stop=rung, told=progress.stage,
        ) as tree,
        opened.folder.locked(),
    ):  # fmt: skip
        opened.folder.claim(opened.recipe, list(tree.stages()))
        refuse_full_disk(with_one_arm(tree), opened.folder)
        remember_environment(tree, opened.folder)
        with stop.listening():
            ready = [s for s in tree.stages() if s.kind not in {"training", "analysis"}]
            others = opened.folder.artifacts_beside()
            do_missing(ready, progress=progress, others=others, stop=stop)
            failed = _Trials(opened, tree, rung, progress).train_all()
        return _result(opened, tree, failed)


class _Rung:
    """Stops a training at a number of tokens, or when the user asks to."""

    def __init__(self, progress: Progress, stop: StopRequest) -> None:
        self._progress, self.stop = progress, stop
        self._limit, self.reached = math.inf, False

    def __call__(self) -> bool:
        return self.reached or self.stop()

    @contextmanager
    def at(self, tokens: float) -> Iterator[None]:
        """Let trainings end at ``tokens``, with a checkpoint, as if they had been interrupted."""
        self._limit, self.reached = tokens, False
        try:
            yield
        except KeyboardInterrupt:
            if self.stop() or not self.reached:
                raise
        finally:
            self._limit, self.reached = math.inf, False

    def seen(self, tokens: int) -> None:
        """Hear how far a training is."""
        self.reached = tokens >= self._limit

    def observer(self, arm: str, total_tokens: int) -> ArmObserver:
        """Return who watches a trial."""
        return _TrialObserver(arm, total_tokens, self._progress, self)


class _TrialObserver(ArmObserver):
    """Tells the rung how far its trial is."""

    def __init__(self, arm: str, total_tokens: int, progress: Progress, rung: _Rung) -> None:
        super().__init__(arm, total_tokens, progress)
        self._rung = rung

    def step(self, done: StepDone) -> None:
        """Pass a step on."""
        super().step(done)
        self._rung.seen(done.tokens_seen)


class _Trials:
    """The trials of a sweep while they are trained."""

    def __init__(self, opened: Opened, tree: Tree, rung: _Rung, progress: Progress) -> None:
        self._opened, self._tree, self._rung, self._progress = opened, tree, rung, progress
        self._failed: dict[str, str] = {}

    def train_all(self) -> dict[str, str]:
        """Train the trials, rung by rung; return those that failed, and why."""
        halving, going = self._opened.sweep.halving, list(self._opened.trials)
        for part in halving.rungs if halving else ():
            going = self._train(going, part)
            kept = self._best(going, part, halving.keep if halving else 1.0)
            for trial in going:
                if trial not in kept:
                    self._progress.done(self._stage(trial).label, f"stopped at {part:.0%}")
                    drop_weights(self._stage(trial))
            going = kept
        self._train(going, 1.0)
        return self._failed

    def _train(self, trials: Sequence[Trial], part: float) -> list[Trial]:
        """Train each to a part of its run; return those that did not fail."""
        for trial in trials:
            stage = self._stage(trial)
            if stage.is_done() or _tokens_seen(stage) >= self._limit(trial, part):
                continue
            if self._rung.stop():
                raise KeyboardInterrupt
            self._progress.stage(stage.label, f"to {part:.0%}" if part < 1 else "")
            why = self._try(trial, stage, part)
            if why:
                self._failed[trial.name] = why
                self._progress.done(stage.label, f"failed: {why}")
            elif stage.is_done():
                self._progress.done(stage.label, "")
                drop_weights(stage)
        return [trial for trial in trials if trial.name not in self._failed]

    def _try(self, trial: Trial, stage: Stage, part: float) -> str:
        """Train a trial, again if it fails; return why it failed in the end."""
        why = ""
        for _ in range(1 + self._opened.sweep.retries):
            try:
                with self._rung.at(self._limit(trial, part)):
                    stage.make()
            except (GaplessError, OSError) as error:
                why = str(error).splitlines()[0]
            else:
                return ""
        return why

    def _best(self, trials: Sequence[Trial], part: float, keep: float) -> list[Trial]:
        """Return the trials of the better settings, by what all had been measured at by then."""
        goal = self._opened.sweep.goal
        limit = min((self._limit(trial, part) for trial in trials), default=0)
        worth: dict[int, list[float]] = {}
        for trial in trials:
            gain, forgetting = changes(_measured(self._stage(trial)), limit)
            worth.setdefault(trial.setting, []).append(worth_of(gain, forgetting, goal))
        number = max(1, math.ceil(keep * len(worth)))
        ranked = sorted(worth, key=lambda setting: -fmean(worth[setting]))[:number]
        return [trial for trial in trials if trial.setting in ranked]

    def _stage(self, trial: Trial) -> Stage:
        return self._tree.arms[trial.name].training

    def _limit(self, trial: Trial, part: float) -> int:
        arm = self._tree.arms[trial.name]
        tokens = int(arm.order.facts()["tokens"])
        return tokens if part == 1 else math.floor(part * tokens)


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


def _measured(stage: Stage) -> list[Measurement]:
    place = stage.path if stage.is_done() else stage.folder.partial_path
    file = place / MEASUREMENTS
    return [m for m in read_measurements(file) if m.metric == _METRIC] if file.is_file() else []


def _tokens_seen(stage: Stage) -> int:
    place = stage.path if stage.is_done() else stage.folder.partial_path
    rows = list(Journal(place / STEPS).rows())
    return int(rows[-1]["tokens_seen"]) if rows else 0


def _result(opened: Opened, tree: Tree, failed: Mapping[str, str]) -> SweepResult:
    rows = [_row(trial, tree.arms[trial.name].training, failed) for trial in opened.trials]
    file = opened.folder.path / TRIALS_FILE
    write_text(file, "".join(json.dumps(asdict(row)) + "\n" for row in rows))
    return SweepResult(
        run_dir=opened.folder.path,
        trials=tuple(rows),
        ranking=tuple(_ranking(rows, opened.sweep.goal)),
        file=file,
    )


def _row(trial: Trial, stage: Stage, failed: Mapping[str, str]) -> TrialRow:
    rows = _measured(stage)
    gain, forgetting = changes(rows)
    seen = _tokens_seen(stage)
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


def _ranking(
    rows: Sequence[TrialRow], goal: Goal
) -> Iterator[tuple[int, float | None, float | None, float]]:
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
