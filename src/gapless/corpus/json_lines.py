"""JSON Lines: one object a line, plain or packed with gzip or Zstandard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.corpus.packed import damages, open_bytes
from gapless.corpus.rows import (
    BAD_ID,
    BAD_SCORE,
    BROKEN_TEXT,
    NO_TEXT,
    NOT_TEXT,
    UNREADABLE_LINE,
    Columns,
    Head,
    RowBuffer,
    file_name,
)
from gapless.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read(path: Path, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Give the file's records in order; a line that is no record becomes a row with a problem."""
    name = file_name(path)
    buffer, head = RowBuffer(columns, name), Head(columns, name)
    for number, line in _lines(path):
        row = _row(line, number, columns, head)
        batch = buffer.add(number, **row)
        if batch is not None:
            yield batch
    head.end()
    yield from buffer.rest()


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Give the lines that are not blank, with their numbers."""
    number = 0
    try:
        with open_bytes(path) as file:
            for number, line in enumerate(file, 1):
                whole = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
                if not whole.isspace():
                    yield number, whole
    except damages() as error:
        what = f"the packed file is damaged after line {number}: {error}"
        mend = "Fetch or pack it again; a file cut short in a download looks like this."
        raise DataError(what, where=f"{file_name(path)}:{number}", mend=mend) from error


def _row(line: bytes, number: int, columns: Columns, head: Head) -> dict[str, Any]:
    """Return the text, work, scores and problem of a line."""
    try:
        record = json.loads(line.decode())
    except UnicodeDecodeError:
        return {"text": line.decode(errors="replace").rstrip("\r\n"), "problem": BROKEN_TEXT}
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        return {"text": line.decode().rstrip("\r\n"), "problem": UNREADABLE_LINE}
    head.saw(number, record)
    text, work = record.get(columns.text), record.get(columns.id) if columns.id else None
    problem = None
    if not isinstance(text, str):
        problem = NO_TEXT if text is None else NOT_TEXT
        text = None if text is None else json.dumps(text, ensure_ascii=False)
    if isinstance(work, int) and not isinstance(work, bool):
        work = str(work)
    elif work is not None and not isinstance(work, str):
        problem, work = problem or BAD_ID, None
    scores = []
    for name in columns.scores:
        score, is_good = _score(record.get(name))
        problem = problem or (None if is_good else BAD_SCORE)
        scores.append(score)
    return {"text": text, "work": work or None, "problem": problem, "scores": scores}


def _score(value: Any) -> tuple[float | None, bool]:
    if value is None:
        return None, True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, False
    try:
        return float(value), True
    except OverflowError:
        return None, False
