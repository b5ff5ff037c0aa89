"""Sweeps: many short trainings of one recipe, which share its text, tokens, scores and base.

    sweep.yaml --trials--> one run with an arm per trial --rungs--> trials.jsonl

Trials' weights are dropped as soon as they are measured. With halving, every trial is trained to a
rung, the better part goes on to the next one; what a trial has seen until then stays as it is, so a
sweep that was cut off comes to the same decisions again.
"""

from __future__ import annotations

import fcntl
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from gapless.errors import RunError
from gapless.recipe.sweep_trials import (
    Trial,
    base_recipe,
    load_sweep,
    sweep_recipe,
    trials_of,
    with_matched_pools,
)
from gapless.records.sweep_views import SweepResult
from gapless.records.views import Silent
from gapless.workflow.opening import tree_of
from gapless.workflow.plan import refuse_full_disk, source_row
from gapless.workflow.rate_search import check_folder, drop_weights
from gapless.workflow.run import StopRequest, do_missing
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.sweep_attempts import Alone, Rung, Task
from gapless.workflow.sweep_crew import Crew, CrewPlace
from gapless.workflow.sweep_results import (
    changes,
    measured,
    ranking_of,
    tokens_seen,
    trial_rows,
    worth_of,
    write_rows,
    write_sweep,
)

if TYPE_CHECKING:
    from gapless.recipe import Recipe
    from gapless.recipe.sweeps import Sweep
    from gapless.records.views import Plan, Progress
    from gapless.workflow.stage import Stage
    from gapless.workflow.sweep_attempts import Hands
    from gapless.workflow.tree import Tree

    Prepare = Callable[[Tree, RunFolder], None]

_LOCK = ".trials.lock"
_SECONDS_OF_ORPHANS = 10.0
"""How long processes of a sweep that was killed may take to notice it."""


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
    file: str | Path,
    *,
    run_dir: str | Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> SweepResult:
    """Do what is missing of a sweep's trials; resume what was cut off; write its report.

    ``jobs`` processes each train a trial at a time; one trains them here. A trial that fails is
    tried again as often as the sweep says, and then left: the others go on.
    """
    from gapless.workflow.run import remember_environment
    from gapless.workflow.sweep_report import write_sweep_report
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
    folder = opened.folder
    check_folder(folder, opened.recipe)
    if opened.sweep.big_tokens is None:
        progress.note(
            "Trials draw from all of the text and repeat it less than a big run will: give "
            "big_tokens, and their pools are scaled to match."
        )
    rung = Rung(progress, stop)
    with (
        tree_of(
            opened.recipe, opened.place, folder,
            observe=rung.observer, stop=rung, told=progress.stage,
        ) as tree,
        folder.locked(),
        _alone_with_trials(folder) as lock,
    ):  # fmt: skip
        folder.claim(opened.recipe, list(tree.stages()))
        write_sweep(opened.sweep, folder)
        refuse_full_disk(_at_once(tree, opened.sweep, jobs), folder)
        remember_environment(tree, folder)
        with stop.listening():
            ready = [s for s in tree.stages() if s.kind not in {"training", "analysis"}]
            others = folder.artifacts_beside()
            do_missing(ready, progress=progress, others=others, stop=stop)
            place = CrewPlace(folder.path, opened.place, jobs, lock)
            with _hands(place, tree, rung, progress) as hands:
                failed = _Trials(opened, tree, hands, progress).train_all()
        rows = trial_rows(opened.trials, tree, failed)
        return SweepResult(
            run_dir=folder.path,
            trials=rows,
            ranking=tuple(ranking_of(rows, opened.sweep.goal)),
            file=write_rows(rows, folder),
            report=write_sweep_report(folder),
        )


@contextmanager
def _alone_with_trials(folder: RunFolder) -> Iterator[int]:
    """Hold what says that somebody trains trials; processes of a sweep hold it with their own.

    Raises:
        RunError: processes of a sweep that was killed do not end.

    """
    with (folder.path / _LOCK).open("w") as lock:
        end = time.monotonic() + _SECONDS_OF_ORPHANS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise RunError(
                        "a process of an earlier sweep still trains in this folder",
                        where=str(folder.path),
                        mend="Stop it (its command line has gapless.workflow.sweep_worker), and "
                        "try again.",
                    ) from None
                time.sleep(0.1)
        yield lock.fileno()


def _at_once(tree: Tree, sweep: Sweep, jobs: int) -> Tree:
    """Return the tree with the trials whose weights are on the disk at the same time.

    With halving all of the first rung's are: each waits for the others with its checkpoint.
    """
    missing = [(name, arm) for name, arm in tree.arms.items() if not arm.training.is_done()]
    return replace(tree, arms=dict(missing if sweep.halving else missing[:jobs]))


@contextmanager
def _hands(place: CrewPlace, tree: Tree, rung: Rung, progress: Progress) -> Iterator[Hands]:
    """Give whoever trains the trials."""

    def stage_of(trial: str) -> Stage:
        return tree.arms[trial].training

    if place.jobs == 1:
        yield Alone(stage_of, rung, progress)
        return
    tree.place.hashes.save()  # the others need not read the text again
    with Crew(place, stage_of, progress, rung.stop) as crew:
        yield crew


class _Trials:
    """The trials of a sweep while they are trained."""

    def __init__(self, opened: Opened, tree: Tree, hands: Hands, progress: Progress) -> None:
        self._opened, self._tree, self._hands, self._progress = opened, tree, hands, progress
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
        by_name = {trial.name: trial for trial in trials}
        tasks = deque(self._missing(trials, part))
        tries: Counter[str] = Counter()
        for task, why in self._hands.work(tasks):
            stage = self._stage(by_name[task.trial])
            tries[task.trial] += 1
            if why and tries[task.trial] <= self._opened.sweep.retries:
                tasks.appendleft(task)
            elif why:
                self._failed[task.trial] = why
                self._progress.done(stage.label, f"failed: {why}")
            elif stage.is_done():
                self._progress.done(stage.label, "")
                drop_weights(stage)
        return [trial for trial in trials if trial.name not in self._failed]

    def _missing(self, trials: Sequence[Trial], part: float) -> Iterator[Task]:
        """Give what is still to be trained of each."""
        how_far = f"to {part:.0%}" if part < 1 else ""
        for trial in trials:
            stage, limit = self._stage(trial), self._limit(trial, part)
            if not stage.is_done() and tokens_seen(stage) < limit:
                yield Task(trial.name, limit, how_far)

    def _best(self, trials: Sequence[Trial], part: float, keep: float) -> list[Trial]:
        """Return the trials of the better settings, by what all had been measured at by then."""
        goal = self._opened.sweep.goal
        limit = min((self._limit(trial, part) for trial in trials), default=0)
        worth: dict[int, list[float]] = {}
        for trial in trials:
            gain, forgetting = changes(measured(self._stage(trial)), limit)
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
