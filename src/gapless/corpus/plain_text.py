"""Plain text and Markdown: one file is one document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.corpus.rows import BROKEN_TEXT, Columns, RowBuffer, file_name
from gapless.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


def read(path: Path, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Give the file's one row."""
    if columns.id is not None or columns.scores:
        setting = "id" if columns.id is not None else "scores"
        what = f"a text file has no columns, and the source names one in `{setting}`"
        mend = f"Leave `{setting}` out, or put the texts into JSON Lines or Parquet."
        raise DataError(what, where=file_name(path), mend=mend)
    content = path.read_bytes()
    buffer = RowBuffer(columns, file_name(path))
    try:
        batch = buffer.add(1, text=content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        batch = buffer.add(1, text=content.decode(errors="replace"), problem=BROKEN_TEXT)
    if batch is not None:
        yield batch
    yield from buffer.rest()
