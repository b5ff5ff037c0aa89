"""The two tables of a source, written batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from gapless.records.documents import BEGINNING_CHARACTERS, DOCUMENTS_FILE, REMOVED_FILE

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP_ROWS, _GROUP_BYTES = 8192, 16 << 20


class DocumentTables:
    """Writes documents.parquet and removed.parquet and counts what goes where."""

    def __init__(self, out: Path, scores: tuple[str, ...]) -> None:
        import pyarrow as pa

        text = [(name, pa.large_string()) for name in ("id", "work", "text", "origin")]
        numbers = [(name, pa.float64()) for name in scores]
        kept = pa.schema([*text, ("held_out", pa.bool_()), *numbers])
        names = ("work", "origin", "reason", "beginning")
        removed = pa.schema([(name, pa.large_string()) for name in names])
        self._documents = _GroupWriter(out / DOCUMENTS_FILE, kept, sized_by="text")
        self._removed = _GroupWriter(out / REMOVED_FILE, removed, sized_by="beginning")
        self.kept = self.held_out = self.bytes = 0
        self.removed: Counter[str] = Counter()
        self.first_removed: dict[str, str] = {}
        """Reason to the origin of the first document with it."""

    def add(self, rows: pa.Table) -> None:
        """Take rows with the columns of documents.parquet and ``reason``."""
        import pyarrow.compute as pc

        stays = pc.is_null(rows["reason"])
        kept, removed = rows.filter(stays), rows.filter(pc.invert(stays))
        self.kept += kept.num_rows
        self.held_out += pc.sum(kept["held_out"]).as_py() or 0
        self.bytes += pc.sum(pc.binary_length(kept["text"])).as_py() or 0
        self._documents.add(kept.select(self._documents.schema.names))
        if removed.num_rows:
            reasons, origins = removed["reason"].to_pylist(), removed["origin"].to_pylist()
            self.removed.update(reasons)
            for reason, origin in zip(reasons, origins, strict=True):
                self.first_removed.setdefault(reason, origin)
            beginning = pc.utf8_slice_codeunits(removed["text"], 0, BEGINNING_CHARACTERS)
            removed = removed.append_column("beginning", beginning)
            self._removed.add(removed.select(self._removed.schema.names))

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
