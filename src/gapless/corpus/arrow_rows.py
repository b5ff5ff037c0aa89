"""Arrow's record batches to rows: what Parquet files and Arrow files have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gapless.corpus.rows import (
    BROKEN_TEXT,
    NO_TEXT,
    Columns,
    column_twice,
    missing_column,
    schema,
    text_array,
)
from gapless.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


def check(found: pa.Schema, columns: Columns, where: str) -> None:
    """Fail when a column is missing or can never hold what it should."""
    for name, setting in columns.settings():
        if name not in found.names:
            raise missing_column(name, setting, found.names, where)
        if found.names.count(name) > 1:
            raise column_twice(name, where)
        kind = found.field(name).type
        if not _fits(kind, setting):
            wanted = {"text": "text", "id": "text or whole numbers", "scores": "numbers"}[setting]
            what = f"the column {name!r} holds {kind}, not {wanted}"
            mend = f"Set `{setting}` of the source to a column of {wanted}."
            raise DataError(what, where=where, mend=mend)


def _fits(kind: pa.DataType, setting: str) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_null(kind) or setting == "chat":  # turns come in many forms: each row is asked
        return True
    is_integer = bool(types.is_integer(kind))
    if setting == "scores":
        return bool(is_integer or types.is_floating(kind) or types.is_decimal(kind))
    is_text = any(is_kind(kind) for is_kind in _text_kinds())
    return is_text or (setting == "id" and is_integer)


def _text_kinds() -> tuple[Callable[[pa.DataType], bool], ...]:
    from pyarrow import types

    return (
        types.is_string,
        types.is_large_string,
        types.is_string_view,
        types.is_binary,
        types.is_large_binary,
    )


def rows(batch: pa.RecordBatch, columns: Columns, name: str, first_row: int) -> pa.RecordBatch:
    """Return the rows of rows.schema; the batch's first row is the file's row ``first_row``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = columns.of_file(batch.schema.names, name)
    text, problem, turns = (
        _conversations(batch, columns) if columns.turns else _texts(batch, columns)
    )
    lines = range(first_row, first_row + batch.num_rows)
    if columns.id is None:
        work = pa.nulls(batch.num_rows, pa.large_string())
    else:
        work, id_is_broken = _checked_text(batch.column(columns.id))
        work = pc.if_else(pc.equal(work, ""), None, work)
        problem = pc.coalesce(problem, pc.if_else(id_is_broken, BROKEN_TEXT, None))
    scores = [batch.column(score).cast(pa.float64(), safe=False) for score in columns.scores]
    target = schema(columns)
    arrays = [
        text,
        work,
        pa.array([f"{name}:{line}" for line in lines], pa.large_string()),
        problem.cast(pa.large_string()),
        *turns,
        *scores,
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=target)


def _texts(batch: pa.RecordBatch, columns: Columns) -> tuple[pa.Array, pa.Array, list[pa.Array]]:
    """Return the texts and their problems."""
    import pyarrow.compute as pc

    text, is_broken = _checked_text(batch.column(columns.text))
    problem = pc.if_else(pc.is_null(text), NO_TEXT, pc.if_else(is_broken, BROKEN_TEXT, None))
    return text, problem, []


def _conversations(
    batch: pa.RecordBatch, columns: Columns
) -> tuple[pa.Array, pa.Array, list[pa.Array]]:
    """Return the texts of conversations, their problems and, in a list, their messages."""
    assert columns.turns is not None
    chosen = batch.select(list(columns.turns.columns.values()))
    found = [_conversation(chosen.slice(row, 1), columns) for row in range(chosen.num_rows)]
    texts, problems, messages = (
        text_array([each[name] for each in found]) for name in ("text", "problem", "messages")
    )
    return texts, problems, [messages]


def _conversation(row: pa.RecordBatch, columns: Columns) -> dict[str, str | None]:
    try:
        return columns.conversation(row.to_pylist()[0])
    except UnicodeDecodeError:
        return {"text": None, "messages": None, "problem": BROKEN_TEXT}


def undecoded(values: pa.Array) -> pa.Array:
    """Return strings as the bytes they are; other values as they are. Nothing is copied."""
    import pyarrow as pa

    kinds = {
        pa.string(): pa.binary(),
        pa.large_string(): pa.large_binary(),
        pa.string_view(): pa.binary_view(),
    }
    return values.view(kinds[values.type]) if values.type in kinds else values


def _checked_text(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the values as strings, and which of them are no UTF-8 (neither format checks)."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    none = pa.array([False] * len(values))
    if types.is_integer(values.type) or types.is_null(values.type):
        return values.cast(pa.large_string()), none
    raw = values.cast(pa.large_binary())
    try:
        return raw.cast(pa.large_string()), none  # checks every byte
    except pa.ArrowInvalid:
        decoded = [_decoded(value) for value in raw.to_pylist()]
    texts = pa.array([text for text, _ in decoded], pa.large_string())
    return texts, pa.array([is_broken for _, is_broken in decoded])


def _decoded(value: bytes | None) -> tuple[str | None, bool]:
    if value is None:
        return None, False
    try:
        return value.decode(), False
    except UnicodeDecodeError:
        return value.decode(errors="replace"), True


def unreadable(kind: str, error: Exception, name: str, row: int) -> DataError:
    """Return the error for a damaged file, of which the rows before ``row`` were read."""
    reason = str(error).strip().split("\n", 1)[0]
    where = f"{name}:{row}" if row > 1 else name
    what, mend = f"the {kind} file cannot be read: {reason}", "Fetch or write it again."
    return DataError(what, where=where, mend=mend)
