"""Where lm-evaluation-harness keeps a task, found without reading all of its 14,000 files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gapless.errors import DataError

EXTRA = 'pip install "gapless[harness]"'


def check_installed() -> None:
    """Refuse to go on without lm-evaluation-harness.

    Raises:
        DataError: it is not installed.

    """
    if find_spec("lm_eval") is None:
        what = "lm-evaluation-harness is not installed"
        raise DataError(what, where="probing.probes (harness)", mend=f"Run {EXTRA}.")


def task_manager(names: Iterable[str], paths: Sequence[Path]) -> Any:
    """Return a ``TaskManager`` that knows the named tasks, groups and tags.

    A task in one of ``paths`` goes before the harness's own of the same name. Reading the whole
    registry takes ten seconds and more: only the folders that speak of a name are read.

    Raises:
        DataError: a name is nowhere.

    """
    check_installed()
    from lm_eval.tasks import TaskManager

    wanted, include = list(names), [str(path) for path in paths]
    manager = TaskManager(include_path=include, include_defaults=False)
    unknown = [name for name in wanted if name not in manager.task_index]
    if unknown:
        folders = [str(folder) for folder in _folders(unknown)]
        manager = TaskManager(include_path=[*folders, *include], include_defaults=False)
        unknown = [name for name in wanted if name not in manager.task_index]
    if unknown:  # a task that Python code defines, or none at all
        manager = TaskManager(include_path=include or None)
        unknown = [name for name in wanted if name not in manager.task_index]
    if unknown:
        raise DataError(
            f"there is no task, group or tag {', '.join(map(repr, unknown))}",
            where="probing.probes (harness)",
            mend="`lm_eval ls tasks` lists the names; `paths` adds folders with tasks of your own.",
        )
    return manager


def _folders(names: Sequence[str]) -> list[Path]:
    """Return the registry's folders with a file in which a name stands on a line of its own."""
    spec = find_spec("lm_eval")
    assert spec is not None
    assert spec.origin is not None
    registry = Path(spec.origin).parent / "tasks"
    alternatives = "|".join(map(re.escape, names))
    line = re.compile(
        rf"^\s*(?:-\s+)?(?:(?:task|group|tag):\s*)?['\"]?(?:{alternatives})['\"]?\s*(?:#.*)?$",
        re.MULTILINE,
    )
    found: set[Path] = set()
    for path in registry.rglob("*.yaml"):
        folder = registry / path.relative_to(registry).parts[0]
        if folder not in found and line.search(path.read_text("utf-8", errors="replace")):
            found.add(folder)
    return sorted(found)
