"""Files to rows: the table of formats, and the windows of rows that Daft works on.

Daft 0.7 reads ahead of a slow consumer without limit (measured: a source's whole text came to lie
in memory), so the files are read here, and Daft gets one bounded window of rows after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.corpus import json_lines, parquet, plain_text
from gapless.corpus.engine import load_daft
from gapless.corpus.rows import Columns, file_name, schema
from gapless.errors import DataError

if TYPE_CHECKING:
    import daft
    import pyarrow as pa

_WINDOW_BYTES = 16 << 20

Reader = Callable[[Path, Columns], "Iterator[pa.RecordBatch]"]

READERS: dict[str, Reader] = {
    ".jsonl": json_lines.read,
    ".jsonl.gz": json_lines.read,
    ".jsonl.zst": json_lines.read,
    ".ndjson": json_lines.read,
    ".ndjson.gz": json_lines.read,
    ".ndjson.zst": json_lines.read,
    ".parquet": parquet.read,
    ".txt": plain_text.read,
    ".md": plain_text.read,
}
"""How a file is read, by the end of its name. A new format is one line here."""


def reader_of(path: Path) -> Reader | None:
    """Return the reader for a file's name, or None when its format is unknown."""
    name = path.name.lower()
    return next((read for suffix, read in READERS.items() if name.endswith(suffix)), None)


def read_files(
    files: Sequence[Path], columns: Columns, *, window_bytes: int = _WINDOW_BYTES
) -> Iterator[daft.DataFrame]:
    """Give the rows of the files as dataframes of bounded size, in the order of files and lines.

    The columns are those of rows.schema and ``position``, the ordinal of the row in the source.
    """
    import pyarrow as pa

    engine = load_daft()
    position = 0
    for batches in _windows(files, columns, window_bytes):
        rows = pa.Table.from_batches(batches, schema(columns))
        ordinals = pa.array(range(position, position + rows.num_rows), pa.int64())
        position += rows.num_rows
        yield engine.from_arrow(rows.append_column("position", ordinals))


def _windows(
    files: Sequence[Path], columns: Columns, window_bytes: int
) -> Iterator[list[pa.RecordBatch]]:
    window: list[pa.RecordBatch] = []
    size = 0
    for path in files:
        for batch in _batches(path, columns):
            window.append(batch)
            size += batch.nbytes
            if size >= window_bytes:
                yield window
                window, size = [], 0
    if window:
        yield window


def _batches(path: Path, columns: Columns) -> Iterator[pa.RecordBatch]:
    read = reader_of(path)
    assert read is not None, f"{path} did not come from resolve.source_files"
    try:
        yield from read(path, columns)
    except OSError as error:
        what = f"the file cannot be read: {error.strerror or error}"
        mend = "Check that it still exists and that you may read it."
        raise DataError(what, where=file_name(path), mend=mend) from error
