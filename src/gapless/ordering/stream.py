"""One source's text as an endless stream: its selection, reshuffled every epoch."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from gapless.records.rows import Segment
from gapless.seeds import stream


class DocumentStream:
    """The selected documents of a source, epoch after epoch, cut at any token."""

    def __init__(
        self, source: str, *, documents: np.ndarray, lengths: np.ndarray, seed: int
    ) -> None:
        """Take the selected documents' indices and their lengths in tokens (same shape)."""
        assert len(documents) == len(lengths)
        assert len(documents)
        self.source = source
        self._documents = documents
        self._lengths = lengths.astype(np.int64)
        self._seed = seed
        self.epoch_tokens = int(self._lengths.sum())
        self._epoch = lru_cache(maxsize=2)(self._shuffle)

    def segments(self, start: int, stop: int) -> Iterator[Segment]:
        """Yield the slices of documents that make up tokens ``start..stop`` of the stream."""
        while start < stop:
            epoch, offset = divmod(start, self.epoch_tokens)
            documents, ends = self._epoch(epoch)
            at = int(np.searchsorted(ends, offset, side="right"))
            begins_at = int(ends[at - 1]) if at else 0
            end = min(int(ends[at]), offset + stop - start)
            yield Segment(int(documents[at]), offset - begins_at, end - begins_at, epoch)
            start += end - offset

    def _shuffle(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        turn = stream(self._seed, "order", self.source, epoch).permutation(len(self._documents))
        return self._documents[turn], np.cumsum(self._lengths[turn])
