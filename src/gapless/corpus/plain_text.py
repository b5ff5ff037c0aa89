"""Plain text and Markdown: one file is one document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.corpus.rows import BROKEN_TEXT, Columns, RowBuffer, file_name, refuse_columns

if TYPE_CHECKING:
    import pyarrow as pa


def read(path: Path, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Give the file's one row."""
    refuse_columns(columns, file_name(path), "a text file")
    content = path.read_bytes()
    buffer = RowBuffer(columns, file_name(path))
    try:
        batch = buffer.add(1, text=content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        batch = buffer.add(1, text=content.decode(errors="replace"), problem=BROKEN_TEXT)
    if batch is not None:
        yield batch
    yield from buffer.rest()
