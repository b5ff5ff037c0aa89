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

_BYTES_PER_TOKEN = 3.5
"""UTF-8 bytes of a token that a model writes, about."""


def read_tasks(recipe: Recipe, place: Workplace) -> dict[str, ProbeItems]:
    """Return the tasks of a recipe by name: their prompts, ready to read.

    Raises:
        DataError: a folder holds no task, or two probes would have one name.

    """
    found: dict[str, ProbeItems] = {}
    taken = {p.name for p in recipe.probing.probes if isinstance(p, MultipleChoice)}
    for number, probe in enumerate(recipe.probing.probes):
        if not isinstance(probe, Task | TaskSuite):
            continue
        where = f"probing.probes[{number}]"
        for folder in _folders(probe, place, where):
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


def _folders(probe: Task | TaskSuite, place: Workplace, where: str) -> list[Path]:
    """Return the folder of a task, or those of a suite's tasks, by name or as the recipe says."""
    if isinstance(probe, Task):
        return [_folder(probe, place, where)]
    suite = locate(f"asset:suite-{probe.name}", place.recipe_dir)
    known = sorted(path.name for path in suite.iterdir() if path.is_dir())
    for name in probe.tasks or ():
        if name not in known:
            mend = nearest(name, known, kind=f"Tasks of {probe.name}")
            what = f"the suite {probe.name} has no task {name!r}"
            raise DataError(what, where=f"{where}.tasks", mend=mend)
    return [suite / name for name in (known if probe.tasks is None else probe.tasks)]


def _folder(probe: Task, place: Workplace, where: str) -> Path:
    folder = locate(probe.path, place.recipe_dir)
    if folder.is_dir():
        return folder
    what = "this is a file, not a task's folder" if folder.exists() else "there is no such folder"
    mend = "Give the folder that holds task.yaml (docs/tasks.md); paths begin at the recipe."
    raise DataError(what, where=f"{where} ({folder})", mend=mend)


def task_bytes(recipe: Recipe, place: Workplace) -> Iterator[int]:
    """Give the bytes of text that each task has the model read, or write."""
    for probe in read_tasks(recipe, place).values():
        assert probe.task is not None
        total = 0.0
        for item in probe.task_items:
            prompt = len((probe.task.shots + item.prompt).encode())
            if item.choices:
                total += sum(prompt + len(choice.encode()) for choice in item.choices)
            elif probe.task.kind == "cloze":
                total += prompt + len(item.answers[0].encode())
            else:
                total += prompt + probe.task.max_new_tokens * _BYTES_PER_TOKEN
        yield round(total)
