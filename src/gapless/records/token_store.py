"""Token stores: a source's documents as ids, once per tokenizer.

    tokens.bin        flat little-endian uint16 or uint32 ids, document after document
    documents.npz     offsets (int64, n + 1), held_out (bool, n)

Document i is row i of the source's documents.parquet; its ids begin with the prefix token and end
with the end-of-text token.
"""

import json
from dataclasses import dataclass
from pathlib import Path

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
    """Writes a store document by document; ``close`` completes it."""

    def __init__(self, folder: Path, *, vocabulary_size: int) -> None:
        self._folder = folder
        self._dtype = np.dtype("<u2" if vocabulary_size <= 1 << 16 else "<u4")
        self._file = (folder / _TOKENS).open("wb")
        self._offsets = [0]
        self._held_out: list[bool] = []

    def add(self, ids: np.ndarray, *, held_out: bool) -> None:
        """Append one document."""
        self._file.write(np.ascontiguousarray(ids, dtype=self._dtype).tobytes())
        self._offsets.append(self._offsets[-1] + len(ids))
        self._held_out.append(held_out)

    def close(self) -> None:
        """Write the document table."""
        self._file.close()
        np.savez(
            self._folder / _TABLE,
            offsets=np.asarray(self._offsets, dtype=np.int64),
            held_out=np.asarray(self._held_out, dtype=np.bool_),
        )
        (self._folder / _INFO).write_text(json.dumps({"dtype": self._dtype.str}))
