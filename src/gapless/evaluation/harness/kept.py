"""What a stage keeps of the harness's tasks: ``harness/<name>.jsonl``.

{"task": ..., "probe": ..., "shots": 5, "version": "1.0", "digest": ..., ...}     the first line
{"text": ..., "answer": ...}                                                    one per document

The texts are what training text is searched for; the digest is of every request, document and
target, so that each point of a run, and each arm, is known to be asked the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gapless.errors import DataError, RunError
from gapless.evaluation.harness.tasks import LoadedTask, LoadedTasks
from gapless.evaluation.harness.values import left_out
from gapless.records.artifact import write_text

SCHEMA_VERSION = 1
_FOLDER = "harness"


@dataclass(frozen=True, kw_only=True)
class KeptTask:
    """A task as it was when the probes were made."""

    task: str
    probe: str
    role: str
    shots: int
    limit: int | None
    version: str
    documents: int
    bytes_read: int
    """Bytes of text that the model reads and writes to be asked once, about."""
    digest: str
    left_out: tuple[str, ...]
    """Metrics that cannot be measured item by item."""
    items: tuple[tuple[str, str], ...]
    """Question and right answer of each document, without the examples before it."""
    tokens_written: int = 0
    """Tokens that the model writes at most to be asked once."""
    asked: int = 0
    """See `LoadedTask.asked`."""


def write_harness(folder: Path, loaded: LoadedTasks) -> list[KeptTask]:
    """Write what is kept of each task into ``folder``, a stage's, and return it.

    Raises:
        DataError: a task has no metric that can be measured item by item.

    """
    kept = [_keep(each) for each in loaded.tasks]
    out = folder / _FOLDER
    if kept:
        out.mkdir(parents=True, exist_ok=True)
    for task in kept:
        head = {
            "task": task.task,
            "probe": task.probe,
            "role": task.role,
            "shots": task.shots,
            "limit": task.limit,
            "version": task.version,
            "documents": task.documents,
            "bytes_read": task.bytes_read,
            "tokens_written": task.tokens_written,
            "asked": task.asked,
            "digest": task.digest,
            "left_out": list(task.left_out),
            "schema_version": SCHEMA_VERSION,
        }
        rows = [head, *({"text": text, "answer": answer} for text, answer in task.items)]
        lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        # A document may hold half a character, which UTF-8 cannot.
        write_text(
            out / f"{quote(task.task, safe='')}.jsonl", lines.encode("utf-8", "replace").decode()
        )
    return kept


def read_harness(folder: Path) -> list[KeptTask]:
    """Read what `write_harness` wrote into a stage's folder; nothing if there are no such tasks."""
    return [_read(path) for path in sorted((folder / _FOLDER).glob("*.jsonl"))]


def check_same(kept: Sequence[KeptTask], loaded: LoadedTasks, *, where: str) -> None:
    """Refuse tasks that ask something else than when the probes were made.

    Raises:
        RunError: a task's documents or prompts are others now.

    """
    before = {task.task: task.digest for task in kept}
    for each in loaded.tasks:
        if before.get(each.name) != each.digest():
            raise RunError(
                f"the task {each.name!r} asks something else than it did of the base: its data, "
                "its file or lm-evaluation-harness has changed",
                where=where,
                mend="Put them back as they were; or begin anew, by deleting this folder.",
            )


def _keep(loaded: LoadedTask) -> KeptTask:
    task = loaded.task
    missing = left_out(task)
    if missing and set(missing) >= set(task.aggregation()):
        raise DataError(
            f"none of the task's metrics ({', '.join(missing)}) can be measured item by item",
            where=f"probing.probes (harness, {loaded.name})",
            mend="Leave the task out, or give it a metric with aggregation: mean.",
        )
    documents = loaded.documents()
    return KeptTask(
        task=loaded.name,
        probe=loaded.probe,
        role=loaded.role,
        shots=loaded.shots,
        limit=loaded.limit,
        version=loaded.version,
        documents=len(documents),
        bytes_read=loaded.num_bytes(),
        tokens_written=loaded.num_written(),
        asked=loaded.asked,
        digest=loaded.digest(),
        left_out=tuple(missing),
        items=tuple(_texts(task, document) for _, document in sorted(documents.items())),
    )


def _texts(task: Any, document: Any) -> tuple[str, str]:
    """Return question and right answer of a document."""
    from lm_eval.utils import apply_template

    query = task.get_config("doc_to_decontamination_query") if task.should_decontaminate() else None
    if isinstance(query, str):  # the harness's own way reads the text as Python
        text = document[query] if query in document else apply_template(query, document)
    else:
        text = task.doc_to_text(document)
    target = task.doc_to_target(document)
    choices = task.doc_to_choice(document) if task.get_config("doc_to_choice") else None
    if isinstance(text, int) and choices is not None:  # winogrande: choices are beginnings
        text = choices[text]
    if isinstance(target, list):
        target = target[0] if target else ""
    if isinstance(target, int) and choices is not None and 0 <= target < len(choices):
        target = choices[target]
    return str(text), str(target)


def _read(path: Path) -> KeptTask:
    try:
        return _decode([json.loads(line) for line in path.read_bytes().splitlines()])
    except (OSError, ValueError, LookupError, TypeError) as error:
        mend = f"Delete the folder {path.parent.parent}; the next run makes it again."
        raise RunError(
            "what was kept of a task cannot be read", where=str(path), mend=mend
        ) from error


def _decode(rows: list[Any]) -> KeptTask:
    head = dict(rows[0])
    if head.pop("schema_version") != SCHEMA_VERSION:
        raise ValueError("another schema version")
    head["left_out"] = tuple(head["left_out"])
    return KeptTask(**head, items=tuple((row["text"], row["answer"]) for row in rows[1:]))
