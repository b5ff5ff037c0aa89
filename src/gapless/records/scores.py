"""Scores: one column per score beside the documents, part by part.

    scores-00000.parquet ...   id, value, and further columns such as value_confidence

Row i of a part is document i of the documents' part of the same number. Copies and held-out
documents have scores too; what gives no score (a text without words, say) has null or NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gapless.records.documents import part_name, parts

if TYPE_CHECKING:
    import pyarrow as pa

SCORES, VALUE = "scores", "value"


def write_scores(folder: Path, number: int, columns: Mapping[str, pa.Array]) -> None:
    """Write one part: ``id`` and what a scorer answered, by suffix of ``value``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = folder / part_name(SCORES, number)
    partial = place.with_suffix(".partial")
    pq.write_table(pa.table(dict(columns)), partial, compression="zstd")
    partial.replace(place)


def read_scores(folder: Path, suffix: str = "") -> np.ndarray:
    """Return a column over all documents: float64 with NaN, or labels (object) with None."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = VALUE + suffix
    read = [pq.read_table(part, columns=[name]) for part in parts(folder, SCORES)]
    column = pa.concat_tables(read).column(name)
    if pa.types.is_floating(column.type):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    return np.asarray(column.to_pylist(), dtype=object)


def score_suffixes(folder: Path) -> list[str]:
    """Return the columns that a score has: ``""`` first."""
    import pyarrow.parquet as pq

    names = pq.read_schema(parts(folder, SCORES)[0]).names
    return [name.removeprefix(VALUE) for name in names if name.startswith(VALUE)]
