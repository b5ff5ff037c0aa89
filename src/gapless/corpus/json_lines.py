"""JSON Lines: one object a line, plain or packed with gzip or Zstandard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from gapless.corpus.conversations import NO_TURNS, chat_columns
from gapless.corpus.lines import Line, numbered_lines
from gapless.corpus.rows import (
    BAD_ID,
    BAD_SCORE,
    BROKEN_TEXT,
    LINE_TOO_LONG,
    NO_TEXT,
    NOT_TEXT,
    UNREADABLE_LINE,
    Columns,
    Head,
    RowBuffer,
    file_name,
)

if TYPE_CHECKING:
    import pyarrow as pa


def read(path: Path, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Give the file's records in order; a line that is no record becomes a row with a problem."""
    name = file_name(path)
    buffer, head = RowBuffer(columns, name), Head(columns, name)
    for line in numbered_lines(path):
        if not line.is_blank():
            batch = buffer.add(line.number, **_row(line, columns, head))
            if batch is not None:
                yield batch
    head.end()
    yield from buffer.rest()


def _row(line: Line, columns: Columns, head: Head) -> dict[str, Any]:
    """Return the text, work, scores and problem of a line."""
    try:
        if not line.is_whole:
            return {"text": _shown(line), "problem": LINE_TOO_LONG}
        record = _parsed(line.content, columns)
        if not isinstance(record, dict):
            return {"text": _shown(line), "problem": UNREADABLE_LINE}
        if columns.chat is not None:
            return _conversation(record, columns, head, line.number)
        head.saw(line.number, record)
        return _fields(record, columns)
    except UnicodeDecodeError:
        return {"text": _shown(line), "problem": BROKEN_TEXT}
    except (ValueError, RecursionError):
        return {"text": _shown(line), "problem": UNREADABLE_LINE}


def _parsed(content: bytes, columns: Columns) -> Any:
    """Return what Python's json makes of a line, from orjson wherever the two agree.

    orjson refuses NaN, infinities and half surrogate pairs, and rounds whole numbers of more than
    64 bits: such lines are read again.
    """
    try:
        record = orjson.loads(content)
    except orjson.JSONDecodeError:
        return json.loads(content.decode())
    if isinstance(record, dict) and (
        not isinstance(record.get(columns.text, ""), str)
        or (columns.id is not None and isinstance(record.get(columns.id), float))
    ):
        return json.loads(content)
    return record


def _conversation(
    record: dict[str, Any], columns: Columns, head: Head, number: int
) -> dict[str, Any]:
    """Return the row of a conversation; a column that is null is none."""
    assert columns.chat is not None
    names = [name for name, value in record.items() if value is not None]
    turns = chat_columns(columns.chat, names, f"{head.file_name}:{number}")
    head.saw(number, record, turns=turns is not None)
    if turns is None:
        shown = json.dumps(record, ensure_ascii=False)
        return _whole(record, columns, {"text": shown, "problem": NO_TURNS})
    found = replace(columns, turns=turns).conversation(record)
    return _whole(record, columns, found)


def _fields(record: dict[str, Any], columns: Columns) -> dict[str, Any]:
    text = record.get(columns.text)
    if isinstance(text, str):
        return _whole(record, columns, {"text": text, "problem": None})
    if text is None:
        return _whole(record, columns, {"text": None, "problem": NO_TEXT})
    shown = json.dumps(text, ensure_ascii=False)
    return _whole(record, columns, {"text": shown, "problem": NOT_TEXT})


def _whole(record: dict[str, Any], columns: Columns, found: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the text (and messages) ``found`` in a record, with its id and scores."""
    work = record.get(columns.id) if columns.id else None
    problem = found["problem"]
    if isinstance(work, int) and not isinstance(work, bool):
        work = str(work)
    elif work is not None and not isinstance(work, str):
        problem, work = problem or BAD_ID, None
    scores = []
    for name in columns.scores:
        score, is_good = _score(record.get(name))
        problem = problem or (None if is_good else BAD_SCORE)
        scores.append(score)
    return {**found, "work": work or None, "problem": problem, "scores": scores}


def _shown(line: Line) -> str:
    return line.content.decode(errors="replace").rstrip("\r")


def _score(value: Any) -> tuple[float | None, bool]:
    if value is None:
        return None, True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, False
    try:
        return float(value), True
    except OverflowError:
        return None, False
