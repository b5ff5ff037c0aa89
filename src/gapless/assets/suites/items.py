"""A task of a suite: its drafts, how choices are drawn, and how the folder is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gapless.seeds import stream

if TYPE_CHECKING:
    import numpy as np

    from gapless.assets.suites.seen import Seen

T = TypeVar("T")
SEED = 1
MOST_ITEMS = 400
_LEVEL = 19


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An item before it is chosen."""

    source: str
    """What it is made of: the key of a document, or of a term."""
    fields: dict[str, str]
    """What the prompt shows."""
    right: str
    wrong: tuple[str, ...] = ()
    """Other choices; none where the model writes, or where all items have the same."""
    key: str = ""
    """A text that must not be in a shipped corpus, where the fields are too short to tell."""


@dataclass(frozen=True, kw_only=True)
class SuiteTask:
    """A task: its settings, and drafts to choose from."""

    name: str
    role: str
    prompt: str
    about: str
    """What is asked, for the card."""
    drafts: Iterable[Draft]
    settings: dict[str, Any] = field(default_factory=dict)
    """More lines of ``task.yaml``: a `cloze`'s kind, or choices that all items share."""
    each: int = 3
    """The most items of one source document."""


def generator(*names: str) -> np.random.Generator:
    """Return the random stream of a task."""
    return stream(SEED, "suites", *names)


def shuffled(values: Iterable[T], *names: str) -> Iterator[T]:
    """Yield values in the random order of a stream."""
    every = list(values)
    for index in generator(*names).permutation(len(every)).tolist():
        yield every[index]


def write(folder: Path, task: SuiteTask, seen: Seen | None = None) -> int:
    """Write a task's folder and return the number of its items.

    Items come in a random order, so that the first few are a sample of all.
    """
    import zstandard

    rows = list(_rows(task, seen))
    place = folder / task.name
    place.mkdir(parents=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(lines.encode())
    (place / "items.jsonl.zst").write_bytes(packed)
    settings: dict[str, Any] = {
        "name": task.name,
        "role": task.role,
        "kind": "multiple_choice",
        "items": "items.jsonl.zst",
        "prompt": task.prompt,
    }
    settings |= {"choices": "choices"} | task.settings
    if settings["kind"] != "multiple_choice":
        del settings["choices"]
    yaml = "".join(f"{key}: {json.dumps(v, ensure_ascii=False)}\n" for key, v in settings.items())
    (place / "task.yaml").write_text(yaml, encoding="utf-8")
    return len(rows)


def _rows(task: SuiteTask, seen: Seen | None) -> Iterator[dict[str, Any]]:
    """Yield the chosen items: none twice, none that a shipped corpus holds, few of one source."""
    taken: dict[str, int] = {}
    shown: set[str] = set()
    draws = generator("order of choices", task.name)
    for draft in shuffled(task.drafts, "items", task.name):
        words = "\n".join(draft.fields.values())
        if words in shown or taken.get(draft.source, 0) >= task.each:
            continue
        if seen is not None and (seen.holds(words) or (draft.key and seen.holds(draft.key))):
            continue
        taken[draft.source] = taken.get(draft.source, 0) + 1
        shown.add(words)
        row: dict[str, Any] = {**draft.fields, "answer": draft.right}
        if draft.wrong:
            choices = (draft.right, *draft.wrong)
            order = draws.permutation(len(choices)).tolist()
            row |= {"choices": [choices[i] for i in order], "answer": order.index(0)}
        yield row | {"source": draft.source}
        if len(shown) == MOST_ITEMS:
            return


def drawn(draws: np.random.Generator, values: Sequence[str], number: int) -> tuple[str, ...] | None:
    """Return some of the distinct values, or None where there are too few."""
    values = list(dict.fromkeys(values))
    if len(values) < number:
        return None
    return tuple(values[i] for i in draws.choice(len(values), number, replace=False).tolist())
