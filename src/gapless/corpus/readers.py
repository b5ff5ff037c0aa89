"""Files to rows: the table of formats."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.corpus import (
    arrow_files,
    delimited,
    html_pages,
    json_lines,
    parquet,
    plain_text,
)
from gapless.corpus.remote import RemoteFile, open_local
from gapless.corpus.rows import Columns, file_name
from gapless.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

Reader = Callable[[Path, Columns], "Iterator[pa.RecordBatch]"]

READERS: dict[str, Reader] = {
    ".jsonl": json_lines.read,
    ".jsonl.gz": json_lines.read,
    ".jsonl.zst": json_lines.read,
    ".ndjson": json_lines.read,
    ".ndjson.gz": json_lines.read,
    ".ndjson.zst": json_lines.read,
    ".csv": delimited.read_csv,
    ".csv.gz": delimited.read_csv,
    ".csv.zst": delimited.read_csv,
    ".tsv": delimited.read_tsv,
    ".tsv.gz": delimited.read_tsv,
    ".tsv.zst": delimited.read_tsv,
    ".parquet": parquet.read,
    ".arrow": arrow_files.read,
    ".txt": plain_text.read,
    ".md": plain_text.read,
    ".html": html_pages.read,
    ".htm": html_pages.read,
}
"""How a file is read, by the end of its name. A new format is one line here."""


def reader_of(path: Path | RemoteFile) -> Reader | None:
    """Return the reader for a file's name, or None when its format is unknown."""
    name = path.name.lower()
    return next((read for suffix, read in READERS.items() if name.endswith(suffix)), None)


def read_rows(file: Path | RemoteFile, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Give the rows of one file that came from resolve.source_files; fetch it if it is remote.

    Raises:
        DataError: the file cannot serve the source, cannot be read, or is there no more.

    """
    read = reader_of(file)
    assert read is not None, f"{file} did not come from resolve.source_files"
    with open_local(file) as path:
        try:
            yield from read(path, columns)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else error
            what = f"the file cannot be read: {reason}"
            mend = "Check that it still exists and that you may read it."
            raise DataError(what, where=file_name(path), mend=mend) from error
