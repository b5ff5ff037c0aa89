"""The two tables of a part of a source, written batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from gapless.records.documents import BEGINNING_CHARACTERS, DOCUMENTS, REMOVED, part_name

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP_ROWS, _GROUP_BYTES = 8192, 16 << 20
_REMOVED_COLUMNS = ["work", "origin", "reason", "beginning", "text"]


class DocumentTables:
    """Writes a part of documents and of removed texts, and counts what goes where."""

    def __init__(
        self,
        out: Path,
        number: int,
        *,
        scores: tuple[str, ...],
        keep_removed: bool,
        messages: bool = False,
    ) -> None:
        """Begin the tables; ``messages`` where the documents are conversations."""
        import pyarrow as pa

        text = [(name, pa.large_string()) for name in ("id", "work", "text", "origin")]
        numbers = [(name, pa.float64()) for name in scores]
        turns = [("messages", pa.large_string())] if messages else []
        kept = pa.schema([*text, ("held_out", pa.bool_()), *turns, *numbers])
        removed = pa.schema([(name, pa.large_string()) for name in _REMOVED_COLUMNS])
        documents, others = part_name(DOCUMENTS, number), part_name(REMOVED, number)
        self._documents = _GroupWriter(out / documents, kept, sized_by="text")
        self._removed = _GroupWriter(out / others, removed, sized_by="text")
        self._keep_removed = keep_removed
        self.kept = self.held_out = self.bytes = 0
        self.removed: Counter[str] = Counter()
        self.first_removed: dict[str, str] = {}
        """Reason to the origin of the first document with it."""

    def add(self, rows: pa.Table) -> None:
        """Take rows with the columns of the documents and ``reason``."""
        import pyarrow.compute as pc

        stays = pc.is_null(rows["reason"])
        kept, removed = rows.filter(stays), rows.filter(pc.invert(stays))
        self.kept += kept.num_rows
        self.held_out += pc.sum(kept["held_out"]).as_py() or 0
        self.bytes += pc.sum(pc.binary_length(kept["text"])).as_py() or 0
        self._documents.add(kept.select(self._documents.schema.names))
        if removed.num_rows:
            self._remove(removed)

    def _remove(self, rows: pa.Table) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        reasons, origins = rows["reason"].to_pylist(), rows["origin"].to_pylist()
        self.removed.update(reasons)
        for reason, origin in zip(reasons, origins, strict=True):
            self.first_removed.setdefault(reason, origin)
        beginning = pc.utf8_slice_codeunits(rows["text"], 0, BEGINNING_CHARACTERS)
        whole = rows["text"] if self._keep_removed else pa.nulls(len(rows), pa.large_string())
        rows = rows.drop_columns("text").append_column("text", whole)
        self._removed.add(rows.append_column("beginning", beginning).select(_REMOVED_COLUMNS))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._documents.close()
        self._removed.close()


class _GroupWriter:
    """Writes row groups of a bounded size, cut at the same rows however the batches came."""

    def __init__(self, path: Path, schema: pa.Schema, *, sized_by: str) -> None:
        import pyarrow.parquet as pq

        self.schema = schema
        self._sized_by = sized_by
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._waiting = schema.empty_table()

    def add(self, rows: pa.Table) -> None:
        import pyarrow as pa

        rows = rows.cast(self.schema)
        self._waiting = pa.concat_tables([self._waiting, rows])
        for group in self._full_groups():
            self._write(group)

    def _full_groups(self) -> Iterator[pa.Table]:
        """Cut groups off the waiting rows: each ends with the row that fills it."""
        import pyarrow.compute as pc

        while self._waiting.num_rows:
            sizes = pc.binary_length(self._waiting[self._sized_by]).fill_null(0)
            ends = np.cumsum(sizes.to_numpy())
            rows = min(int(np.searchsorted(ends, _GROUP_BYTES)) + 1, _GROUP_ROWS)
            if rows > self._waiting.num_rows:
                return
            yield self._waiting.slice(0, rows)
            self._waiting = self._waiting.slice(rows)

    def _write(self, group: pa.Table) -> None:
        if group.num_rows:
            self._file.write_table(group.combine_chunks(), row_group_size=group.num_rows)

    def close(self) -> None:
        self._write(self._waiting)
        self._file.close()
