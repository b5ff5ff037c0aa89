"""Token stores: a source's documents as ids, once per tokenizer.

    tokens.bin        flat little-endian uint16 or uint32 ids, document after document
    offsets.npy       where each document begins, and the end: int64, n + 1
    held_out.npy      bool, n
    learned.bin       one byte per token, 0 where it is not to be predicted; only where some are not

Document i is row i of the source's documents.parquet; its ids begin with the prefix token and end
with the end-of-text token.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from gapless.errors import RunError

_TOKENS, _LEARNED, _INFO = "tokens.bin", "learned.bin", "info.json"
_OFFSETS, _HELD_OUT = "offsets.npy", "held_out.npy"


@dataclass(frozen=True)
class TokenStore:
    """One source's tokens, memory-mapped."""

    tokens: np.ndarray
    """Flat ids, shape (total tokens,)."""
    offsets: np.ndarray
    """Where each document begins, and the end: int64, shape (documents + 1,)."""
    held_out: np.ndarray
    """Whether the document is kept for the probes: bool, shape (documents,)."""
    learned: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    """1 for tokens to be predicted, 0 for others (a question): uint8, as ``tokens``; empty: all."""

    @classmethod
    def open(cls, folder: Path) -> "TokenStore":
        """Map a committed store.

        Raises:
            RunError: it is from a version that kept stores otherwise.

        """
        if not (folder / _OFFSETS).is_file():
            raise RunError(
                "this token store was made by another version of gapless",
                where=str(folder),
                mend="Run the recipe again: what the new version needs is made anew.",
            )
        info = json.loads((folder / _INFO).read_text())
        offsets = _mapped(np.load(folder / _OFFSETS, mmap_mode="r", allow_pickle=False))
        held_out = np.load(folder / _HELD_OUT, allow_pickle=False)
        tokens = _flat(folder / _TOKENS, info["dtype"])
        assert len(tokens) == offsets[-1]
        if not (folder / _LEARNED).exists():
            return cls(tokens, offsets, held_out)
        learned = _flat(folder / _LEARNED, "u1")
        assert len(learned) == len(tokens)
        return cls(tokens, offsets, held_out, learned)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each document: int64, shape (documents,)."""
        return np.diff(self.offsets)

    def document(self, index: int) -> np.ndarray:
        """Return the ids of one document."""
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]


def _flat(path: Path, dtype: str) -> np.ndarray:
    if path.stat().st_size == 0:
        return np.zeros(0, dtype=dtype)
    return _mapped(np.memmap(path, dtype=dtype, mode="r"))


def _mapped(array: np.ndarray) -> np.ndarray:
    """Return the same memory as a plain array, which compiled loops take."""
    return array.view(np.ndarray)


class TokenStoreWriter:
    """Writes a store document by document or many at once; ``close`` completes it.

    As a context it is completed at the end, or left incomplete by an error.
    """

    def __init__(self, folder: Path, *, vocabulary_size: int, masked: bool = False) -> None:
        """Begin a store; ``masked`` where some tokens are not to be predicted."""
        self._folder = folder
        self._vocabulary_size = vocabulary_size
        self._dtype = np.dtype("<u2" if vocabulary_size <= 1 << 16 else "<u4")
        self._file = (folder / _TOKENS).open("wb")
        self._lengths: list[np.ndarray] = []
        self._held_out: list[np.ndarray] = []
        self._learned_file = (folder / _LEARNED).open("wb") if masked else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self.close()
        else:
            self._close_files()

    def add(self, ids: np.ndarray, *, held_out: bool, learned: np.ndarray | None = None) -> None:
        """Append one document."""
        self.add_many(ids, np.array([len(ids)]), np.array([held_out]), learned)

    def add_many(
        self,
        ids: np.ndarray,
        lengths: np.ndarray,
        held_out: np.ndarray,
        learned: np.ndarray | None = None,
    ) -> None:
        """Append documents: their flat ids, how many each has, and whether it is held out.

        ``learned`` says of each id whether it is to be predicted; all are when left out.
        """
        assert lengths.sum() == len(ids)
        assert len(lengths) == len(held_out)
        assert not len(ids) or int(ids.max()) < self._vocabulary_size
        self._file.write(np.ascontiguousarray(ids, dtype=self._dtype).data)
        self._lengths.append(lengths.astype(np.int64))
        self._held_out.append(held_out.astype(np.bool_))
        if self._learned_file is not None:
            wanted = np.ones(len(ids), np.uint8) if learned is None else learned.astype(np.uint8)
            assert len(wanted) == len(ids)
            self._learned_file.write(wanted.data)
        else:
            assert learned is None

    def _close_files(self) -> None:
        self._file.close()
        if self._learned_file is not None:
            self._learned_file.close()

    def close(self) -> None:
        """Write the document table."""
        self._close_files()
        lengths = np.concatenate([np.zeros(1, np.int64), *self._lengths])
        held_out = np.concatenate([np.zeros(0, np.bool_), *self._held_out])
        np.save(self._folder / _OFFSETS, np.cumsum(lengths))
        np.save(self._folder / _HELD_OUT, held_out)
        (self._folder / _INFO).write_text(json.dumps({"dtype": self._dtype.str}))
