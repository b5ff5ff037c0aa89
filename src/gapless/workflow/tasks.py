"""Tasks of local folders and suites: read and checked when the tree is built, before any work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.errors import DataError
from gapless.recipe import Recipe
from gapless.recipe.mistakes import nearest
from gapless.recipe.probes import MultipleChoice, Task, TaskSuite
from gapless.workflow.stage import Workplace, locate, told_at

if TYPE_CHECKING:
    from gapless.evaluation import ProbeItems


def read_tasks(recipe: Recipe, place: Workplace) -> dict[str, ProbeItems]:
    """Return the tasks of a recipe by name: their prompts, ready to read.

    Raises:
        DataError: a folder holds no task, or two probes would have one name.

    """
    found: dict[str, ProbeItems] = {}
    taken = {p.name for p in recipe.probing.probes if isinstance(p, MultipleChoice)}
    for number, folder in _task_folders(recipe, place.recipe_dir):
        probe, where = recipe.probing.probes[number], f"probing.probes[{number}]"
        assert isinstance(probe, Task | TaskSuite)
        with told_at(where):
            from gapless.evaluation import read_task

            role = probe.role if isinstance(probe, TaskSuite) else None
            task = read_task(folder, seed=recipe.seed, limit=probe.limit, role=role)
        its, mend = f"{where} ({folder})", "Change `name` in task.yaml."
        if isinstance(probe, TaskSuite):
            mend = "Change the other one's name, or leave this task out of `tasks`."
        if task.name in taken or task.name in found:
            raise DataError(f"two probes are called {task.name!r}", where=its, mend=mend)
        if task.name in recipe.sources:
            what = f"{task.name!r} is a source's name already"
            raise DataError(what, where=its, mend=f"{mend} Measurements go by it.")
        found[task.name] = task
    return found


def task_owners(recipe: Recipe, recipe_dir: Path) -> dict[str, int]:
    """Return each task's name to the place, in ``probing.probes``, of the probe that it is of."""
    from gapless.evaluation.tasks.description import read_description

    return {
        read_description(folder).name: number
        for number, folder in _task_folders(recipe, recipe_dir)
    }


def _task_folders(recipe: Recipe, recipe_dir: Path) -> Iterator[tuple[int, Path]]:
    """Give the folder of each task, with the place of its probe."""
    for number, probe in enumerate(recipe.probing.probes):
        if isinstance(probe, Task | TaskSuite):
            for folder in _folders(probe, recipe_dir, f"probing.probes[{number}]"):
                yield number, folder


def _folders(probe: Task | TaskSuite, recipe_dir: Path, where: str) -> list[Path]:
    """Return the folder of a task, or those of a suite's tasks, by name or as the recipe says."""
    if isinstance(probe, Task):
        return [_folder(probe, recipe_dir, where)]
    suite = locate(f"asset:suite-{probe.name}", recipe_dir)
    known = sorted(path.name for path in suite.iterdir() if path.is_dir())
    for name in probe.tasks or ():
        if name not in known:
            mend = nearest(name, known, kind=f"Tasks of {probe.name}")
            what = f"the suite {probe.name} has no task {name!r}"
            raise DataError(what, where=f"{where}.tasks", mend=mend)
    return [suite / name for name in (known if probe.tasks is None else probe.tasks)]


def _folder(probe: Task, recipe_dir: Path, where: str) -> Path:
    folder = locate(probe.path, recipe_dir)
    if folder.is_dir():
        return folder
    what = "this is a file, not a task's folder" if folder.exists() else "there is no such folder"
    mend = "Give the folder that holds task.yaml (docs/tasks.md); paths begin at the recipe."
    raise DataError(what, where=f"{where} ({folder})", mend=mend)
