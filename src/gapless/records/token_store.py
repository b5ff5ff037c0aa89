"""Token stores: a source's documents as ids, once per tokenizer.

    tokens.bin        flat little-endian uint16 or uint32 ids, document after document
    documents.npz     offsets (int64, n + 1), held_out (bool, n)

Document i is row i of the source's documents.parquet; its ids begin with the prefix token and end
with the end-of-text token.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

_TOKENS, _TABLE, _INFO = "tokens.bin", "documents.npz", "info.json"


@dataclass(frozen=True)
class TokenStore:
    """One source's tokens, memory-mapped."""

    tokens: np.ndarray
    """Flat ids, shape (total tokens,)."""
    offsets: np.ndarray
    """Where each document begins, and the end: int64, shape (documents + 1,)."""
    held_out: np.ndarray
    """Whether the document is kept for the probes: bool, shape (documents,)."""

    @classmethod
    def open(cls, folder: Path) -> "TokenStore":
        """Map a committed store."""
        info = json.loads((folder / _INFO).read_text())
        with np.load(folder / _TABLE, allow_pickle=False) as table:
            offsets, held_out = table["offsets"], table["held_out"]
        path = folder / _TOKENS
        if path.stat().st_size == 0:
            tokens = np.zeros(0, dtype=info["dtype"])
        else:
            tokens = np.memmap(path, dtype=info["dtype"], mode="r")
        assert len(tokens) == offsets[-1]
        return cls(tokens, offsets, held_out)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each document: int64, shape (documents,)."""
        return np.diff(self.offsets)

    def document(self, index: int) -> np.ndarray:
        """Return the ids of one document."""
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]


class TokenStoreWriter:
    """Writes a store document by document or many at once; ``close`` completes it.

    As a context it is completed at the end, or left incomplete by an error.
    """

    def __init__(self, folder: Path, *, vocabulary_size: int) -> None:
        self._folder = folder
        self._vocabulary_size = vocabulary_size
        self._dtype = np.dtype("<u2" if vocabulary_size <= 1 << 16 else "<u4")
        self._file = (folder / _TOKENS).open("wb")
        self._lengths: list[np.ndarray] = []
        self._held_out: list[np.ndarray] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self.close()
        else:
            self._file.close()

    def add(self, ids: np.ndarray, *, held_out: bool) -> None:
        """Append one document."""
        self.add_many(ids, np.array([len(ids)]), np.array([held_out]))

    def add_many(self, ids: np.ndarray, lengths: np.ndarray, held_out: np.ndarray) -> None:
        """Append documents: their flat ids, how many each has, and whether it is held out."""
        assert lengths.sum() == len(ids)
        assert len(lengths) == len(held_out)
        assert not len(ids) or int(ids.max()) < self._vocabulary_size
        self._file.write(np.ascontiguousarray(ids, dtype=self._dtype).data)
        self._lengths.append(lengths.astype(np.int64))
        self._held_out.append(held_out.astype(np.bool_))

    def close(self) -> None:
        """Write the document table."""
        self._file.close()
        lengths = np.concatenate([np.zeros(1, np.int64), *self._lengths])
        held_out = np.concatenate([np.zeros(0, np.bool_), *self._held_out])
        np.savez(self._folder / _TABLE, offsets=np.cumsum(lengths), held_out=held_out)
        (self._folder / _INFO).write_text(json.dumps({"dtype": self._dtype.str}))
