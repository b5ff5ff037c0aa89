"""Arrow files, as a data set saved by Hugging Face ``datasets`` has them: one row, one document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.corpus import arrow_rows
from gapless.corpus.rows import Columns, file_name

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 512
_FILE_SIGN = b"ARROW1"
_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


def read(path: Path, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Give the rows of an Arrow stream or an Arrow file in order, numbered from 1."""
    import pyarrow as pa

    name, row = file_name(path), 1
    try:
        for batch in _batches(path, columns):
            for start in range(0, batch.num_rows, _BATCH_ROWS):
                part = batch.slice(start, _BATCH_ROWS)
                yield arrow_rows.rows(part, columns, name, row)
                row += part.num_rows
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise arrow_rows.unreadable("Arrow", error, name, row) from error


def _batches(path: Path, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Give the wanted columns of every batch, their offsets checked (Arrow trusts them)."""
    import pyarrow as pa

    with pa.OSFile(str(path)) as file:
        is_stream = file.read(len(_FILE_SIGN)) != _FILE_SIGN
        file.seek(0)
        table = pa.ipc.open_stream(file) if is_stream else pa.ipc.open_file(file)
        columns = columns.of_file(table.schema.names, file_name(path))
        arrow_rows.check(table.schema, columns, file_name(path))
        wanted = list(dict.fromkeys(name for name, _ in columns.settings()))
        batches = table if is_stream else map(table.get_batch, range(table.num_record_batches))
        for batch in batches:
            chosen = batch.select(wanted)
            for column in chosen.columns:
                arrow_rows.undecoded(column).validate(full=True)
            yield chosen
        if is_stream:
            _check_end(file)


def _check_end(file: pa.NativeFile) -> None:
    """Fail for a stream without its end mark: whoever wrote it was stopped between two batches."""
    import pyarrow as pa

    file.seek(file.size() - len(_END_OF_STREAM))
    if file.read() != _END_OF_STREAM:
        raise pa.ArrowInvalid("it ends without its end mark")
