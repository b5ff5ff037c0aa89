"""What a probe asks, and how a stage keeps it: ``probes/<name>.jsonl``.

{"name": ..., "role": ..., "kind": ..., "schema_version": 1}     the first line
"a text"                                                         bits_per_byte, one per item
{"question": ..., "choices": [...], "answer": 0}                 multiple_choice, one per item
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from gapless.errors import DataError, RunError
from gapless.records.artifact import write_text

Kind = Literal["bits_per_byte", "multiple_choice"]
SCHEMA_VERSION = 1


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
    items: tuple[str, ...] | tuple[Question, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The items of a bits-per-byte probe."""
        assert self.kind == "bits_per_byte"
        return cast("tuple[str, ...]", self.items)

    @property
    def questions(self) -> tuple[Question, ...]:
        """The items of a multiple-choice probe."""
        assert self.kind == "multiple_choice"
        return cast("tuple[Question, ...]", self.items)


def write_probe(folder: Path, probe: ProbeItems) -> Path:
    """Write a probe to ``folder/<name>.jsonl`` and return the path."""
    path = folder / f"{probe.name}.jsonl"
    if path.parent != folder or probe.name.startswith("."):
        what = f"{probe.name!r} cannot be a probe's name: it is also the name of a file"
        raise DataError(what, mend="Use letters, digits, '_', '-' and '.' in it.")
    if path.exists():
        mend = "Give every multiple_choice probe a name of its own that is no source's name."
        raise DataError(f"two probes are called {probe.name!r}", mend=mend)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in _rows(probe)))
    return path


def _rows(probe: ProbeItems) -> Iterator[Any]:
    yield {
        "name": probe.name,
        "role": probe.role,
        "kind": probe.kind,
        "schema_version": SCHEMA_VERSION,
    }
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
    )


def _item(kind: str, row: Any) -> Any:
    if kind == "bits_per_byte":
        return str(row)
    return Question(row["question"], tuple(row["choices"]), int(row["answer"]))


def read_probes(folder: Path) -> list[ProbeItems]:
    """Read every probe of a folder, by name."""
    return [read_probe(path) for path in sorted(folder.glob("*.jsonl"))]
