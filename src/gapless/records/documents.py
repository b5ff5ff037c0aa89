"""Documents: Parquet tables of texts that stay and of texts that were removed, in parts.

    documents-00000.parquet ...   id, work, text, origin, held_out, one column per score
    removed-00000.parquet ...     work, origin, reason, beginning, text (null unless kept whole)

``id`` is the hash of the text; ``work`` is the user's id of the document (or ``id``); ``origin`` is
``file name:line``. Rows stand in the order of the files and of the lines in them; document i is
row i over all parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

DOCUMENTS, REMOVED = "documents", "removed"
BEGINNING_CHARACTERS = 200
"""How much of a removed text is kept for the report."""
_BATCH_ROWS, _BATCH_BYTES = 8192, 4 << 20


def is_held_out(work: str, fraction: float) -> bool:
    """Whether a work is kept out of training, by the hash of its id: the same in every recipe.

    A larger fraction holds out the same works and more.
    """
    digest = hashlib.blake2b(work.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < fraction * 2**64


def part_name(table: str, number: int) -> str:
    """Return the file name of a part of a table."""
    return f"{table}-{number:05d}.parquet"


def parts(folder: Path, table: str = DOCUMENTS) -> list[Path]:
    """Return the parts of a table, in order."""
    return sorted(folder.glob(f"{table}-*.parquet"))


def num_documents(part: Path) -> int:
    """Return how many documents a part has."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(part).num_rows)


def first_documents(folder: Path) -> np.ndarray:
    """Return the number of each part's first document, and the number of all (int64)."""
    return np.cumsum([0, *(num_documents(part) for part in parts(folder))], dtype=np.int64)


def batches(part: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Give a part's documents in batches that are small in rows and in text."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(part) as table:
        for group in range(table.num_row_groups):  # a batch over two groups could be any size
            for rows in table.iter_batches(
                _BATCH_ROWS, row_groups=[group], columns=list(columns), use_threads=False
            ):
                if "text" not in columns:
                    yield rows
                    continue
                ends = np.cumsum(pc.binary_length(rows.column("text")).to_numpy())
                cuts = np.flatnonzero(np.diff((ends - 1) // _BATCH_BYTES)) + 1
                starts = [0, *cuts.tolist()]
                for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
                    yield rows.slice(start, stop - start)


def read_columns(folder: Path, *columns: str) -> dict[str, Any]:
    """Read columns of all documents as numpy arrays (numbers, booleans) or lists (text)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    read = [pq.read_table(part, columns=list(columns)) for part in parts(folder)]
    table = pa.concat_tables(read)
    return {
        name: table.column(name).to_pylist()
        if str(table.schema.field(name).type) in {"string", "large_string"}
        else table.column(name).to_numpy()
        for name in columns
    }


def read_document(folder: Path, number: int, *columns: str) -> dict[str, Any]:
    """Read one document's columns; only the row group that holds it is read."""
    import pyarrow.parquet as pq

    firsts = first_documents(folder)
    part = int(np.searchsorted(firsts, number, side="right")) - 1
    row = number - int(firsts[part])
    with pq.ParquetFile(parts(folder)[part]) as table:
        for group in range(table.num_row_groups):
            size = table.metadata.row_group(group).num_rows
            if row < size:
                found = table.read_row_group(group, columns=list(columns)).slice(row, 1)
                return dict(found.to_pylist()[0])
            row -= size
    raise AssertionError(f"document {number} is beyond the {firsts[-1]} of {folder}")
