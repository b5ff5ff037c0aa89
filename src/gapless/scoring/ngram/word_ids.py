"""Words to numbers, in the order in which they first appear, as KenLM's trainer numbers them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

UNKNOWN, BEGIN, END = 0, 1, 2
SPECIAL = ("<unk>", "<s>", "</s>")

_PIECE_BYTES = 8 << 20
"""Texts are handled in pieces of about this size: each looks its words up at once."""


class WordIds:
    """The vocabulary so far: a word's id is its place."""

    def __init__(self) -> None:
        import pyarrow as pa

        self.words: pa.LargeStringArray = pa.array(SPECIAL, pa.large_string())

    def padded(self, texts: pa.LargeStringArray, order: int) -> np.ndarray:
        """Return the ids of texts, none empty, end to end: int32; new words join the vocabulary.

        A document is ``order - 1`` times ``<s>`` (at least once), its words, and ``</s>``.
        """
        import pyarrow.compute as pc

        lists = pc.split_pattern(texts, " ")
        ids = self._ids(lists.flatten())
        sizes = np.diff(lists.offsets.to_numpy())
        # Before the words of document i stand i + 1 paddings and i end markers.
        padding = max(order - 1, 1)
        shifts = np.arange(len(sizes)) * (padding + 1) + padding
        out = np.full(len(ids) + len(sizes) * (padding + 1), BEGIN, dtype=np.int32)
        out[np.arange(len(ids)) + np.repeat(shifts, sizes)] = ids
        out[np.cumsum(sizes) + shifts] = END
        return out

    def _ids(self, words: pa.LargeStringArray) -> np.ndarray:
        import pyarrow as pa
        import pyarrow.compute as pc

        encoded = words.dictionary_encode()
        found = pc.index_in(encoded.dictionary, value_set=self.words)
        is_new = found.is_null().to_numpy(zero_copy_only=False)
        ids: np.ndarray = found.fill_null(0).to_numpy().astype(np.int32)
        ids[is_new] = np.arange(len(self.words), len(self.words) + is_new.sum())
        new = encoded.dictionary.filter(pa.array(is_new))
        self.words = pa.concat_arrays([self.words, new])
        answer: np.ndarray = ids[encoded.indices.to_numpy()]
        return answer


def windows(padded: np.ndarray, order: int) -> list[np.ndarray]:
    """Return ``order`` columns: every n-gram of the documents that `WordIds.padded` gave.

    An n-gram may begin with several ``<s>``, and never ends with one.
    """
    last = np.flatnonzero(padded != BEGIN)
    return [padded[last - back] for back in range(order - 1, -1, -1)]


def pieces(batches: Iterable[pa.LargeStringArray]) -> Iterator[pa.LargeStringArray]:
    """Give the same texts in pieces neither much smaller nor much larger than `_PIECE_BYTES`."""
    import pyarrow as pa

    waiting: list[pa.LargeStringArray] = []
    size = 0
    for batch in batches:
        rows = max(1, len(batch) * _PIECE_BYTES // max(batch.nbytes, 1))
        for start in range(0, len(batch), rows):
            part = batch.slice(start, rows)
            waiting.append(part)
            size += part.nbytes
            if size >= _PIECE_BYTES:
                yield pa.concat_arrays(waiting)
                waiting, size = [], 0
    if waiting:
        yield pa.concat_arrays(waiting)
