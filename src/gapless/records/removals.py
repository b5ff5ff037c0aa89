"""Removals: documents that stay in their table and are not trained on, and why.

    removals-SOURCE.parquet   document, reason, by, similarity

``document`` is the row in the source's documents; ``by`` names what it fell to: the copy that was
kept (``source:document``) or the evaluation item that it holds. A document may have several rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Removals:
    """The removals of one source, in the order of documents."""

    documents: np.ndarray
    """int64, shape (removals,)."""
    reasons: Sequence[str]
    by: Sequence[str]
    similarity: np.ndarray
    """How much of it is the same, 0 to 1: float32, shape (removals,)."""

    def counts(self) -> dict[str, int]:
        """Return reason to how many documents go for it."""
        pairs = set(zip(self.reasons, self.documents.tolist(), strict=True))
        reasons = sorted({reason for reason, _ in pairs})
        return {name: sum(reason == name for reason, _ in pairs) for name in reasons}

    def stays(self, documents: int) -> np.ndarray:
        """Return which of so many documents stay (bool)."""
        answer = np.ones(documents, dtype=np.bool_)
        answer[self.documents] = False
        return answer

    def write(self, folder: Path, source: str) -> None:
        """Write the table of a source."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(
            {
                "document": pa.array(self.documents, pa.int64()),
                "reason": pa.array(list(self.reasons), pa.string()),
                "by": pa.array(list(self.by), pa.string()),
                "similarity": pa.array(self.similarity, pa.float32()),
            }
        )
        pq.write_table(table, _place(folder, source), compression="zstd")

    @classmethod
    def read(cls, folder: Path, source: str) -> Removals:
        """Read the table of a source; a source without one has lost nothing."""
        import pyarrow.parquet as pq

        place = _place(folder, source)
        if not place.is_file():
            return cls(np.zeros(0, np.int64), (), (), np.zeros(0, np.float32))
        table = pq.read_table(place)
        return cls(
            table["document"].to_numpy(),
            table["reason"].to_pylist(),
            table["by"].to_pylist(),
            table["similarity"].to_numpy(),
        )


def _place(folder: Path, source: str) -> Path:
    return folder / f"removals-{source}.parquet"
