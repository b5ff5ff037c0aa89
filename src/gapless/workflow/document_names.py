"""What documents of a source are called, by their numbers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gapless.records.documents import parts


def names_of(documents: Path, numbers: Sequence[int]) -> list[dict[str, str]]:
    """Return ``work`` and ``id`` of documents; only the row groups that hold them are read.

    Args:
        documents: the folder of the source's documents.
        numbers: which of them, in ascending order.

    """
    import pyarrow.parquet as pq

    wanted, names, begin = np.asarray(numbers, dtype=np.int64), [], 0
    for part in parts(documents):
        with pq.ParquetFile(part) as table:
            for group in range(table.num_row_groups):
                end = begin + table.metadata.row_group(group).num_rows
                inside = wanted[(wanted >= begin) & (wanted < end)]
                if len(inside):
                    rows = table.read_row_group(group, columns=["work", "id"])
                    names += rows.take(inside - begin).to_pylist()
                begin = end
    assert len(names) == len(wanted)
    return names
