"""Many files as one Daft source. Imports Daft: reach it through ``readers.file_source``.

Daft reads the files side by side and keeps their order. A file that cannot be used becomes a row
(``problem`` = UNUSABLE_FILE) and not an exception: Daft would keep only an exception's text, and a
process that ends while Daft's threads still run Python is aborted.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from daft.io import DataSource, DataSourceTask
from daft.recordbatch import RecordBatch
from daft.schema import Schema

from gapless.corpus.rows import Columns, file_name, schema
from gapless.errors import DataError

if TYPE_CHECKING:
    import daft

UNUSABLE_FILE = "unusable_file"
_LINE_BITS = 40


def position_schema(columns: Columns) -> pa.Schema:
    """Return a reader's schema with ``position``, an ordinal over all files, for ``line``."""
    fields = [pa.field("position", f.type) if f.name == "line" else f for f in schema(columns)]
    return pa.schema(fields)


class FileSource(DataSource):  # type: ignore[misc]  # Daft is untyped to us
    """The rows of files, each with its reader, in order."""

    def __init__(
        self,
        files: list[tuple[Path, Callable[[Path, Columns], Iterator[pa.RecordBatch]]]],
        columns: Columns,
    ) -> None:
        self.files = files
        self.columns = columns
        self.last = len(files)
        """Files after this one need not be read any more."""

    @property
    def name(self) -> str:
        """What Daft calls the source in a plan."""
        return "gapless files"

    @property
    def schema(self) -> Schema:
        """The columns of the dataframe."""
        return Schema.from_pyarrow_schema(position_schema(self.columns))

    async def get_tasks(self, pushdowns: Any) -> AsyncIterator[DataSourceTask]:  # noqa: ARG002
        """Give one task per file."""
        for index in range(len(self.files)):
            yield _FileTask(self, index)

    def stop(self) -> None:
        """Let every file end at its next batch."""
        self.last = -1

    def batches(self, frame: daft.DataFrame) -> Iterator[pa.RecordBatch]:
        """Run a dataframe made from this source and give its batches in order.

        The dataframe has the columns ``text``, ``work``, ``origin`` and ``reason``.

        Raises:
            DataError: a file cannot be used.

        """
        iterator = frame.to_arrow_iter(results_buffer_size=1)
        try:
            for batch in iterator:
                _raise_unusable(batch)
                yield batch
        finally:
            self.stop()
            with contextlib.suppress(Exception):  # one error is on its way already
                for _ in iterator:
                    pass


class _FileTask(DataSourceTask):  # type: ignore[misc]  # Daft is untyped to us
    def __init__(self, source: FileSource, index: int) -> None:
        self._source, self._index = source, index

    @property
    def schema(self) -> Schema:
        return self._source.schema

    async def read(self) -> AsyncIterator[RecordBatch]:
        source, target = self._source, position_schema(self._source.columns)
        for batch in self._file_batches():
            if self._index > source.last:
                return
            yield RecordBatch.from_arrow_record_batches([batch], target)

    def _file_batches(self) -> Iterator[pa.RecordBatch]:
        source, offset = self._source, self._index << _LINE_BITS
        path, read = source.files[self._index]
        target = position_schema(source.columns)
        try:
            for batch in read(path, source.columns):
                positions = pa.array(batch.column("line").to_numpy() + offset, pa.int64())
                place = batch.schema.get_field_index("line")
                yield batch.set_column(place, "position", positions)
        except (DataError, OSError) as error:
            source.last = min(source.last, self._index)
            yield _unusable_row(error, path, target, offset)


def _unusable_row(
    error: DataError | OSError, path: Path, target: pa.Schema, position: int
) -> pa.RecordBatch:
    """Return an error as a row: what in ``text``, where in ``origin``, the mend in ``work``."""
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        error = DataError(f"the file cannot be read: {reason}", where=file_name(path))
    row = dict.fromkeys(target.names) | {
        "text": error.what,
        "origin": error.where,
        "work": error.mend or "",
        "problem": UNUSABLE_FILE,
        "position": position + (1 << _LINE_BITS) - 1,
    }
    return pa.RecordBatch.from_pylist([row], schema=target)


def _raise_unusable(batch: pa.RecordBatch) -> None:
    import pyarrow.compute as pc

    row = pc.index(batch.column("reason"), UNUSABLE_FILE).as_py()
    if row >= 0:
        values = (batch.column(name)[row].as_py() for name in ("text", "origin", "work"))
        what, where, mend = values
        raise DataError(what, where=where, mend=mend or None)
