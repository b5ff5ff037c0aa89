"""Tasks of lm-evaluation-harness by name: loaded from what is on this machine, prompts made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gapless.errors import DataError
from gapless.evaluation.harness.downloads import downloads_of
from gapless.evaluation.harness.offline import no_downloads, quietly, seeds_of_the_harness
from gapless.evaluation.harness.registry import task_manager

_BYTES_PER_TOKEN = 3.5
_NEW_TOKENS = 256
"""Of an answer, where a task says nothing: the harness's own number."""
FEWSHOT_SEED = 1234
"""Of the harness's command line: examples before a question are those that it draws."""


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """One task, group or tag of the harness, as a recipe asks for it."""

    name: str
    role: str
    """``domain`` or ``general``."""
    shots: int | None = None
    """Examples before each question; the task's own number when None."""
    limit: int | None = None
    """The first so many documents of each task; all when None."""
    parts: bool = False
    """Whether the tasks of a group that has a value of its own are measurements, too."""


@dataclass(frozen=True, kw_only=True)
class LoadedTask:
    """One task with its prompts made."""

    name: str
    """The task's own name in the harness. (Asking the task for it draws a random number.)"""
    probe: str
    """What its measurements are called: the task's name, or ``group/part``."""
    role: str
    shots: int
    limit: int | None
    shown: bool
    """Whether it is a measurement of its own, not only a part of its group's."""
    task: Any
    """``lm_eval.api.task.Task``."""
    asked: int = 0
    """The place, among all that are asked for, of the task, group or tag that it came with."""

    @property
    def version(self) -> str:
        """The version that the task's file states."""
        return str(self.task.VERSION)

    def digest(self) -> str:
        """Return a digest of all that is asked: every request with its document and its target."""
        whole = hashlib.blake2b(digest_size=16)
        for instance in self.task.instances:
            row = [instance.request_type, list(instance.args), instance.doc]
            whole.update(json.dumps(row, sort_keys=True, default=str).encode())
        return whole.hexdigest()

    def num_bytes(self) -> int:
        """Return about how many bytes of text the model reads and writes to be asked once."""
        total = _BYTES_PER_TOKEN * self.num_written()
        for instance in self.task.instances:
            total += sum(len(arg.encode()) for arg in instance.args if isinstance(arg, str))
        return round(total)

    def num_written(self) -> int:
        """Return how many tokens the model writes at most to be asked once."""
        return sum(
            int(instance.args[1].get("max_gen_toks") or _NEW_TOKENS)
            for instance in self.task.instances
            if instance.request_type == "generate_until"
        )

    def documents(self) -> dict[int, Any]:
        """Return the documents that are asked about, by their number."""
        return {instance.doc_id: instance.doc for instance in self.task.instances}


@dataclass(frozen=True, kw_only=True)
class LoadedGroup:
    """A group of tasks with a value of its own."""

    probe: str
    role: str
    members: tuple[str, ...]
    """The names of all tasks below it."""
    group: Any
    """``lm_eval.api.group.Group``."""
    asked: int = 0
    """As of a task."""


@dataclass(frozen=True, kw_only=True)
class LoadedTasks:
    """The tasks of a run, and their groups, parts before wholes."""

    tasks: tuple[LoadedTask, ...]
    groups: tuple[LoadedGroup, ...]

    def __bool__(self) -> bool:
        return bool(self.tasks)

    def of(self, asked: Collection[int]) -> LoadedTasks:
        """Return those that came with some of the tasks, groups and tags that are asked for."""
        return LoadedTasks(
            tasks=tuple(each for each in self.tasks if each.asked in asked),
            groups=tuple(each for each in self.groups if each.asked in asked),
        )


def load_tasks(specs: Sequence[TaskSpec], paths: Sequence[Path] = ()) -> LoadedTasks:
    """Load tasks and make their prompts, from the Hugging Face cache and local files alone.

    Prompts are those of the harness's command line with the same ``--num_fewshot``. ``paths`` are
    folders with task files of the user's own; code in them is run.

    Raises:
        DataError: a task is unknown, asked for twice, damaged, not on this machine, runs code
            that the model writes, wants pictures or sound, or has its shots fixed.

    """
    if not specs:
        return LoadedTasks(tasks=(), groups=())
    manager = task_manager([spec.name for spec in specs], paths)
    tasks: list[LoadedTask] = []
    groups: list[LoadedGroup] = []
    with no_downloads(), quietly(), seeds_of_the_harness():
        for place, spec in enumerate(specs):
            loaded = _load(spec, manager, paths)
            names = _measurement_names(spec.name, loaded)
            apart = _apart(spec, loaded)
            tasks += [
                replace(
                    _with_prompts(spec, name, names[name], task, shown=name in apart), asked=place
                )
                for name, task in sorted(loaded["tasks"].items())  # a tag's have no order
            ]
            groups += [
                LoadedGroup(
                    probe=names[name],
                    role=spec.role,
                    members=tuple(task.task_name for task in group.get_all_tasks()),
                    group=group,
                    asked=place,
                )
                for name, group in reversed(loaded["groups"].items())
                if group.has_aggregation and (spec.parts or name == spec.name)
            ]
    _refuse_doubles([task.name for task in tasks])
    return LoadedTasks(tasks=tuple(tasks), groups=tuple(groups))


def _load(spec: TaskSpec, manager: Any, paths: Sequence[Path]) -> Any:
    where = f"probing.probes (harness, {spec.name})"
    try:
        return manager.load([spec.name])
    except Exception as error:  # a task is code and data of others: it fails in any way at all
        needed = downloads_of(spec.name, manager, paths)
        mend = "Mend the task's file or its data."
        if needed:
            mend = "gapless downloads nothing while it runs. Fetch the data first: "
            mend += needed[0].command
        raise DataError(
            f"the task cannot be loaded: {_reason(error)}",
            where=where,
            mend=mend,
        ) from error


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip()[:300]}".split("\n", 1)[0]


def _measurement_names(asked: str, loaded: Any) -> dict[str, str]:
    """Return what measurements are called: ``mmlu/anatomy`` for the part mmlu_anatomy of mmlu."""
    parts = [*loaded["tasks"], *loaded["groups"]]
    if asked not in loaded["groups"]:
        return {name: name for name in parts}
    short = {name: name.removeprefix(f"{asked}_") for name in parts}
    if len(set(short.values())) < len(parts):
        short = {name: name for name in parts}
    return {name: asked if name == asked else f"{asked}/{short[name]}" for name in parts}


def _apart(spec: TaskSpec, loaded: Any) -> set[str]:
    """Return the tasks that are measurements of their own."""
    whole = loaded["groups"].get(spec.name)
    if spec.parts or whole is None or not whole.has_aggregation:
        return set(loaded["tasks"])
    return set()


def _with_prompts(spec: TaskSpec, name: str, probe: str, task: Any, *, shown: bool) -> LoadedTask:
    where = f"probing.probes (harness, {name})"
    _refuse_unfit(task, where)
    own = task.get_config("num_fewshot")
    if spec.shots is not None:
        if own == 0 and spec.shots != 0:
            what = f"the task's file fixes 0 shots; the harness would not give it {spec.shots}"
            raise DataError(what, where=where, mend="Leave shots out.")
        task.set_config(key="num_fewshot", value=spec.shots)
    elif own is None:
        task.set_config(key="num_fewshot", value=0)
    task.set_fewshot_seed(FEWSHOT_SEED)
    try:
        task.build_all_requests(limit=spec.limit, rank=0, world_size=1)
    except Exception as error:  # see above
        what = f"the task's prompts cannot be made: {_reason(error)}"
        raise DataError(what, where=where, mend="Mend the task, or ask for fewer shots.") from error
    for instance in task.instances:
        if instance.request_type == "generate_until" and instance.args[1].get("do_sample"):
            mend = "Take a task with do_sample: false in its generation_kwargs."
            raise DataError("the task draws its answers at random", where=where, mend=mend)
    return LoadedTask(
        name=name,
        probe=probe,
        role=spec.role,
        shots=int(task.get_config("num_fewshot")),
        limit=spec.limit,
        shown=shown,
        task=task,
    )


def _refuse_unfit(task: Any, where: str) -> None:
    if getattr(task, "UNSAFE_CODE", False):
        raise DataError(
            "the task runs code that the model writes, without a sandbox",
            where=where,
            mend="Ask for code by a local task with pass@1, which gapless runs in a sandbox.",
        )
    if getattr(task, "MULTIMODAL", False):
        what = "the task asks about pictures or sound"
        raise DataError(what, where=where, mend="Take a task of text alone.")


def _refuse_doubles(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        what = f"the task {twice[0]!r} is asked for twice, perhaps as part of a group"
        mend = "Name each task once."
        raise DataError(what, where="probing.probes (harness)", mend=mend)
