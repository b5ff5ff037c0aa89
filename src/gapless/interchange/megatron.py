"""Indexed data sets of Megatron-LM: ids in one file, where each sequence lies in another.

    NAME.bin   the ids of all sequences, one after the other, little-endian
    NAME.idx   "MMIDIDX", two zero bytes, version 1 (uint64), code of the ids' type (uint8), number
               of sequences, number of document borders (uint64 each), then for each sequence its
               length (int32) and its place in NAME.bin in bytes (int64), then the document borders
               as indices of sequences, from 0 to their number (int64)

The format is that of ``megatron.core.datasets.indexed_dataset`` (Megatron-Core 0.16); here every
sequence is a document of its own.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

_HEADER, _VERSION = b"MMIDIDX\x00\x00", 1
_CODES = {np.dtype("<i4"): 4, np.dtype("<u2"): 8}
"""Megatron's codes of the types that it keeps ids in."""
_LARGEST = 2**31 - 1
"""Of an id in int32, and of a sequence's length."""


def id_type(stored: np.dtype) -> np.dtype:
    """Return the type that ids of a token store are written in: uint16, or int32 for uint32."""
    return np.dtype("<u2") if stored.itemsize <= 2 else np.dtype("<i4")


class IndexedWriter:
    """Writes one indexed data set, sequence after sequence; ``close`` completes it.

    As a context it is completed at the end, or left without an index by an error.
    """

    def __init__(self, prefix: Path, dtype: np.dtype) -> None:
        """Begin ``prefix``.bin; ``dtype`` is uint16 or int32."""
        self._code = _CODES[dtype]
        self._index_path = prefix.with_name(f"{prefix.name}.idx")
        self._dtype = dtype
        self._lengths: list[np.ndarray] = []
        self._file = prefix.with_name(f"{prefix.name}.bin").open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self.close()
        else:
            self._file.close()

    def add(self, ids: np.ndarray, lengths: Sequence[int] | np.ndarray) -> None:
        """Append sequences: their flat ids, and how many each has."""
        counts = np.asarray(lengths, dtype=np.int64)
        assert counts.sum() == len(ids)
        assert not len(ids) or 0 <= int(ids.min()) <= int(ids.max()) <= self._largest
        assert not len(counts) or int(counts.max()) <= _LARGEST
        self._file.write(np.ascontiguousarray(ids, dtype=self._dtype).data)
        self._lengths.append(counts.astype("<i4"))

    @property
    def _largest(self) -> int:
        return int(np.iinfo(self._dtype).max)

    def close(self) -> None:
        """Write the index."""
        self._file.close()
        lengths = np.concatenate([np.zeros(0, "<i4"), *self._lengths])
        places = np.zeros(len(lengths), "<i8")
        np.cumsum(lengths[:-1], dtype="<i8", out=places[1:])
        with self._index_path.open("wb") as index:
            index.write(_HEADER)
            index.write(struct.pack("<QBQQ", _VERSION, self._code, len(lengths), len(lengths) + 1))
            index.write(lengths.data)
            index.write((places * self._dtype.itemsize).data)
            index.write(np.arange(len(lengths) + 1, dtype="<i8").data)
