"""Parquet: one row is one document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.corpus import arrow_rows
from gapless.corpus.rows import Columns, file_name

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 512
_BUFFER_BYTES = 1 << 20
"""Without a buffer (or with ``pre_buffer``) a row group's column is held whole."""


def read(path: Path, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Give the file's rows in order, numbered from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    name, row = file_name(path), 1
    try:
        with pq.ParquetFile(
            path, buffer_size=_BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
        ) as table:
            columns = columns.of_file(table.schema_arrow.names, name)
            arrow_rows.check(table.schema_arrow, columns, name)
            wanted = list(dict.fromkeys(column for column, _ in columns.settings()))
            for batch in table.iter_batches(_BATCH_ROWS, columns=wanted, use_threads=False):
                yield arrow_rows.rows(batch, columns, name, row)
                row += batch.num_rows
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise arrow_rows.unreadable("Parquet", error, name, row) from error
