"""What a selection chooses from: the documents of one source and their columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gapless.errors import DataError
from gapless.seeds import stream

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Pool:
    """The documents of one source, by their index."""

    source: str
    lengths: np.ndarray
    """Tokens of each document: int64, shape (documents,)."""
    eligible: np.ndarray
    """Whether it may be chosen: not held out, no copy, not contaminated. Bool, (documents,)."""
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Name to numbers, or to labels as text (object or str, None for none), each (documents,)."""

    def __post_init__(self) -> None:
        assert self.lengths.dtype == np.int64
        assert self.eligible.dtype == np.bool_
        assert all(
            array.shape == self.lengths.shape for array in (self.eligible, *self.columns.values())
        )

    def numbers(self, column: str, *, setting: str) -> np.ndarray:
        """Return a column of numbers: float64, NaN where a document has none.

        ``setting`` is the part of the selection that names the column, for the error.

        Raises:
            DataError: the column holds labels.

        """
        values = self.columns[column]
        if values.dtype.kind not in "fiub":
            raise DataError(
                f"column {column!r} of {self.source!r} holds labels, not numbers",
                where=f"selection.{self.source}.{setting}",
                mend="Name a column of numbers; labels serve in quotas.",
            )
        return values.astype(np.float64, copy=False)

    def label_codes(self, column: str, labels: Sequence[str]) -> np.ndarray:
        """Return which of ``labels`` each document has: int32, (documents,), -1 for none of them.

        Raises:
            DataError: the column holds numbers.

        """
        import pyarrow as pa
        import pyarrow.compute as pc

        codes = pc.index_in(self._texts(column), value_set=pa.array(labels, type=pa.large_string()))
        found: np.ndarray = pc.fill_null(codes, -1).to_numpy(zero_copy_only=False)
        return found

    def labels(self, column: str) -> list[str]:
        """Return the different labels of the eligible documents, the most frequent first."""
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = self._texts(column).filter(pa.array(self.eligible)).drop_null()
        counts = {row["values"]: row["counts"] for row in pc.value_counts(texts).to_pylist()}
        return sorted(counts, key=lambda label: (-counts[label], label))

    def _texts(self, column: str) -> "pa.LargeStringArray":
        import pyarrow as pa

        try:
            values = self.columns[column].astype(object, copy=False)
            return pa.array(values, type=pa.large_string(), from_pandas=True)
        except pa.ArrowException as error:
            raise DataError(
                f"column {column!r} of {self.source!r} holds numbers, not labels",
                where=f"selection.{self.source}.quotas.column",
                mend="Name a column of labels, such as a topic.",
            ) from error

    def draws(self, seed: int) -> np.ndarray:
        """Return one number in [0, 1) per document: float64, (documents,).

        Number i is the i-th of the source's stream: it does not depend on the other documents.
        """
        return stream(seed, "selection", self.source).random(len(self.lengths))
