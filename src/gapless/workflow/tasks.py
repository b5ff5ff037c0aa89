"""Tasks of local folders: read and checked when the tree is built, before anything is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.errors import DataError
from gapless.recipe import Recipe
from gapless.recipe.probes import MultipleChoice, Task
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
        if not isinstance(probe, Task):
            continue
        where = f"probing.probes[{number}]"
        folder = _folder(probe, place, where)
        with told_at(where):
            from gapless.evaluation import read_task

            task = read_task(folder, seed=recipe.seed)
        if task.name in taken or task.name in found:
            what = f"two probes are called {task.name!r}"
            raise DataError(what, where=f"{where} ({folder})", mend="Change `name` in task.yaml.")
        if task.name in recipe.sources:
            what = f"{task.name!r} is a source's name already"
            mend = "Change `name` in task.yaml: measurements go by it."
            raise DataError(what, where=f"{where} ({folder})", mend=mend)
        found[task.name] = task
    return found


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
