"""What tasks of the harness need from the Hugging Face hub, and whether it is here already."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gapless.evaluation.harness.registry import task_manager

_LOCAL = frozenset({"arrow", "csv", "json", "pandas", "parquet", "text"})
"""Dataset paths that name a format of local files, not a repository."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """A data set of a task, or of tasks of the same group."""

    task: str
    dataset: str
    """Its repository on the Hugging Face hub."""
    configs: tuple[str, ...]
    """Its parts that are asked for; none if it has no parts."""
    cached: bool
    """Whether the cache has something of it; only loading shows whether that is all."""

    paths: tuple[str, ...]
    """Folders with tasks of the user's own."""

    @property
    def command(self) -> str:
        """A command that fetches all data of the task."""
        return fetching([self])


def fetching(needed: Sequence[Download]) -> str:
    """Return one command that fetches all data of some tasks of the same folders."""
    paths = list(needed[0].paths)
    tasks = list(dict.fromkeys(each.task for each in needed))
    load = f"TaskManager({f'include_path={paths}' if paths else ''}).load({tasks})"
    return f'python -c "from lm_eval.tasks import TaskManager; {load}"'


def downloads(names: Sequence[str], paths: Sequence[Path] = ()) -> list[Download]:
    """Return the data sets that tasks, groups and tags need from the hub, without loading any.

    Raises:
        DataError: a name is unknown, or the harness is not installed.

    """
    if not names:
        return []
    manager = task_manager(names, paths)
    return [each for name in names for each in downloads_of(name, manager, paths)]


def downloads_of(name: str, manager: Any, paths: Sequence[Path]) -> list[Download]:
    """Return the data sets that one task, group or tag needs; ``manager`` is a ``TaskManager``."""
    by_dataset: dict[str, list[str]] = {}
    for dataset, config in _datasets(name, manager.task_index, seen=set()):
        configs = by_dataset.setdefault(dataset, [])
        if config is not None and config not in configs:
            configs.append(config)
    return [
        Download(
            task=name,
            dataset=dataset,
            configs=tuple(configs),
            cached=_is_cached(dataset),
            paths=tuple(map(str, paths)),
        )
        for dataset, configs in sorted(by_dataset.items())
    ]


def _datasets(
    name: str | dict[str, Any], index: Any, *, seen: set[str]
) -> Iterator[tuple[str, str | None]]:
    """Give (repository, part) of a task and of all below a group or tag, by their files alone."""
    if isinstance(name, dict):  # written out inside a group
        below, config = name.get("task", []), name
    else:
        if name in seen or name not in index:
            return
        seen.add(name)
        entry = index[name]
        config = entry.cfg or {}
        below = sorted(entry.tags) if str(entry.kind.name) == "TAG" else config.get("task", [])
    for child in below if isinstance(below, list) else []:
        yield from _datasets(child, index, seen=seen)
    dataset = config.get("dataset_path")
    if isinstance(below, str) and isinstance(name, dict) and dataset is None:
        yield from _datasets(below, index, seen=seen)
    if isinstance(dataset, str) and dataset not in _LOCAL and not Path(dataset).exists():
        part = config.get("dataset_name")
        yield dataset, None if part is None else str(part)


def _is_cached(dataset: str) -> bool:
    from huggingface_hub.constants import HF_HOME

    cache = Path(os.environ.get("HF_DATASETS_CACHE", Path(HF_HOME) / "datasets"))
    return (cache / dataset.replace("/", "___")).is_dir()
