"""Files to rows: the table of formats, and the lazy dataframe over many files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.corpus import json_lines, parquet, plain_text
from gapless.corpus.engine import load_daft
from gapless.corpus.rows import Columns

if TYPE_CHECKING:
    import daft
    import pyarrow as pa

    from gapless.corpus.file_source import FileSource

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


def read_files(files: Sequence[Path], columns: Columns) -> daft.DataFrame:
    """Return the rows of the files as a lazy dataframe, in the order of files and lines."""
    return file_source(files, columns).read()


def file_source(files: Sequence[Path], columns: Columns) -> FileSource:
    """Return what Daft reads the files through; it can be stopped, a dataframe cannot."""
    load_daft()
    from gapless.corpus.file_source import FileSource

    tasks = []
    for path in files:
        read = reader_of(path)
        assert read is not None, f"{path} has passed resolve.source_files"
        tasks.append((path, read))
    return FileSource(tasks, columns)
