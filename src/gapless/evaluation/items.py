"""What a probe asks, and how a stage keeps it: ``probes/<name, quoted>.jsonl``.

{"name": ..., "role": ..., "kind": ..., "schema_version": 1}     the first line
"a text"                                                         one per item
{"line": 1, "prompt": ..., "answers": [...], ...}                task: one per item
{"question": ..., "choices": [...], "answer": 0}                 multiple_choice: one per item

A name can be any text (``web/Law and Policy``); the file's name is made of it, the first line has
it as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import quote

from gapless.errors import DataError, RunError
from gapless.evaluation.task_items import TaskItem, TaskSettings
from gapless.records.artifact import write_text
from gapless.records.fingerprint import of_value

Kind = Literal["bits_per_byte", "multiple_choice", "perplexity", "task"]
_OF_TEXTS = frozenset({"bits_per_byte", "perplexity"})
SCHEMA_VERSION = 1
_LONGEST_NAME = 200
"""Bytes of a file's name; file systems allow 255."""


@dataclass(frozen=True)
class Question:
    """A question and the choices to complete it with."""

    question: str
    choices: tuple[str, ...]
    answer: int
    """Index of the right choice, from 0."""


@dataclass(frozen=True, kw_only=True)
class ProbeItems:
    """One probe: its name, what it speaks for, and its items (texts or questions)."""

    name: str
    role: str
    """``domain`` or ``general``."""
    kind: Kind
    items: tuple[str, ...] | tuple[Question, ...] | tuple[TaskItem, ...]
    task: TaskSettings | None = None
    """What a task's items have in common; other kinds have none."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The items of a bits-per-byte or perplexity probe."""
        assert self.kind in _OF_TEXTS
        return cast("tuple[str, ...]", self.items)

    @property
    def questions(self) -> tuple[Question, ...]:
        """The items of a multiple-choice probe."""
        assert self.kind == "multiple_choice"
        return cast("tuple[Question, ...]", self.items)

    @property
    def task_items(self) -> tuple[TaskItem, ...]:
        """The items of a task."""
        assert self.kind == "task"
        return cast("tuple[TaskItem, ...]", self.items)

    @property
    def runs_code(self) -> bool:
        """Whether what the model writes is run."""
        return self.task is not None and self.task.kind == "code"

    @property
    def fingerprint(self) -> str:
        """The content hash of everything that is asked, and of how."""
        return of_value(list(_rows(self)))


def write_probe(folder: Path, probe: ProbeItems) -> Path:
    """Write a probe to a file of its own in ``folder`` and return the path."""
    if "\0" in probe.name:  # it would end the name of the probe's arrays in an archive
        what = f"{probe.name!r} cannot be a probe's name: it holds a NUL"
        raise DataError(what, mend="Take it out of the label.")
    path = folder / f"{_file_name(probe.name)}.jsonl"
    if path.exists():
        mend = "Give every probe, and every label of a source, a name of its own."
        raise DataError(f"two probes are called {probe.name!r}", mend=mend)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in _rows(probe)))
    return path


def _file_name(name: str) -> str:
    """Return a file's name that no other probe has: letters, digits and ``_-.~`` stay."""
    quoted = quote(name, safe="")
    if quoted.startswith("."):
        quoted = f"%2E{quoted[1:]}"
    if len(quoted) <= _LONGEST_NAME:
        return quoted
    digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{quoted[: _LONGEST_NAME - 33]}={digest}"  # nothing quoted holds a '='


def _rows(probe: ProbeItems) -> Iterator[Any]:
    yield {
        "name": probe.name,
        "role": probe.role,
        "kind": probe.kind,
        "schema_version": SCHEMA_VERSION,
    } | ({} if probe.task is None else {"task": asdict(probe.task)})
    for item in probe.items:
        yield item if isinstance(item, str) else asdict(item)


def read_probe(path: Path) -> ProbeItems:
    """Read a probe that `write_probe` wrote."""
    try:
        # Not str.splitlines: a text may hold U+2028 and its like unescaped.
        return _decode([json.loads(line) for line in path.read_bytes().splitlines()])
    except (OSError, ValueError, LookupError, TypeError) as error:
        mend = f"Delete the folder {path.parent}; the next run makes it again."
        raise RunError("the probe cannot be read", where=str(path), mend=mend) from error


def _decode(rows: list[Any]) -> ProbeItems:
    head = rows[0]
    if head["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema version {head['schema_version']}")
    return ProbeItems(
        name=head["name"],
        role=head["role"],
        kind=head["kind"],
        items=tuple(_item(head["kind"], row) for row in rows[1:]),
        task=TaskSettings(**_with_tuples(head["task"])) if head["kind"] == "task" else None,
    )


def _item(kind: str, row: Any) -> Any:
    if kind in _OF_TEXTS:
        return str(row)
    if kind == "task":
        return TaskItem(**_with_tuples(row))
    return Question(row["question"], tuple(row["choices"]), int(row["answer"]))


def _with_tuples(row: dict[str, Any]) -> dict[str, Any]:
    """Return a dataclass's fields as they were before JSON made lists of them."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def read_probes(folder: Path) -> list[ProbeItems]:
    """Read every probe of a folder: by name, perplexity after the others.

    The order is that of the measurements, and so that in which a report shows them.
    """
    probes = [read_probe(path) for path in sorted(folder.glob("*.jsonl"))]
    return sorted(probes, key=lambda probe: probe.kind == "perplexity")
