"""The runs that claims are judged by: processes of their own, several at once, gone on with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from gapless.errors import RunError
from gapless.recipe import load
from gapless.records.views import Progress
from gapless.workflow.run import StopRequest
from gapless.workflow.run_folder import REPORT_FILE, RunFolder

_GRACE_SECONDS = 300
"""How long a run that is told to stop may take to keep its state."""
_LOOK_SECONDS = 0.2
_LAST_LINES = 3


@dataclass(frozen=True, order=True)
class Run:
    """A recipe with one seed."""

    recipe: Path
    seed: int
    variant: str | None
    place: Path
    """Where runs of claims are."""

    @property
    def folder(self) -> Path:
        """The run's folder."""
        scale = "" if self.variant is None else f"-{self.variant}"
        return self.place / f"{self.recipe.stem}{scale}-seed{self.seed}"

    def command(self) -> list[str]:
        """Return what does it."""
        chosen = [] if self.variant is None else ["--variant", self.variant]
        line = ["run", str(self.recipe), *chosen, "--set", f"seed={self.seed}"]
        # -P: a file of the folder that we are in must not pass for a module.
        return [sys.executable, "-P", "-m", "gapless", *line, "--run-dir", str(self.folder)]


def do_all(runs: Sequence[Run], *, jobs: int, minutes: float | None, progress: Progress) -> None:
    """Do what is missing, so many at once, until the time is over.

    Raises:
        RunError: a run failed; the others were told to stop.

    """
    until = float("inf") if minutes is None else time.monotonic() + 60 * minutes
    asked, failed = StopRequest(), False
    missing = [run for run in runs if not is_done(run)]
    threads = max(1, (os.cpu_count() or 1) // jobs)

    def is_over() -> bool:
        return failed or asked() or time.monotonic() >= until

    with asked.listening(), ThreadPoolExecutor(jobs) as pool:
        work = {pool.submit(_do, run, threads=threads, is_over=is_over): run for run in missing}
        for each in as_completed(work):
            failed = failed or each.exception() is not None
            if is_done(work[each]):
                progress.note(f"{work[each].folder.name} is done")
        for each in work:
            each.result()
        if asked():
            raise KeyboardInterrupt


def _do(run: Run, *, threads: int, is_over: Callable[[], bool]) -> None:
    if is_over():
        return
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    log = run.folder.with_name(f"{run.folder.name}.log")  # a name may have a dot
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            run.command(), stdout=said, stderr=subprocess.STDOUT, env=environment
        )
        stopped = _wait(process, is_over)
    if is_done(run):
        _drop_models(run)
    elif not stopped:
        last = log.read_text("utf-8", "replace").strip().splitlines()[-_LAST_LINES:]
        raise RunError(f"the run failed: {' '.join(last)}", where=str(log))


def _wait(process: subprocess.Popen[bytes], is_over: Callable[[], bool]) -> bool:
    """Wait for a run, and say whether it was told to stop; one that does not listen is killed."""
    while process.poll() is None:
        if is_over():
            process.terminate()  # not SIGINT, which those begun in the background may ignore
            try:
                process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def _drop_models(run: Run) -> None:
    """Remove the weights of a run that is measured: its journals and its report are kept."""
    from gapless.training.checkpoints import FOLDER
    from gapless.workflow.exporting import MODEL_FOLDER

    for label, place in RunFolder(run.folder).stages().items():
        if label.startswith("training."):
            for name in (FOLDER, MODEL_FOLDER):
                shutil.rmtree(place.path / name, ignore_errors=True)


def is_done(run: Run) -> bool:
    """Whether a run came to its report."""
    return (run.folder / REPORT_FILE).is_file()


def refuse_another(run: Run) -> None:
    """Refuse to look at a run of a recipe that has changed since: it would be judged by the old."""
    variants = () if run.variant is None else (run.variant,)
    recipe = load(run.recipe, [f"seed={run.seed}"], variants=variants)
    try:
        RunFolder(run.folder).check_recipe(recipe)
    except RunError as error:
        mend = f"Remove it to run {run.recipe.name} again, or give the recipe another name."
        raise RunError(error.what, where=error.where, mend=mend) from error
