"""How much of a document it has said before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gapless.words import ngram_hashes, split_words
from gapless.words.compiled import compiled

if TYPE_CHECKING:
    import pyarrow as pa


class RepetitionScorer:
    """Fraction of each document's word n-grams that stand in it before: 1 - distinct / all.

    0 when every n-gram is new; a text of one line copied a thousand times is near 1.
    """

    def __init__(self, ngram: int = 5) -> None:
        assert ngram > 0
        self._ngram = ngram

    def __call__(self, texts: pa.LargeStringArray) -> dict[str, pa.Array]:
        """Return one float64 in [0, 1) per text; null where a text has fewer than n words."""
        import pyarrow as pa

        hashes, offsets = ngram_hashes(split_words(texts), self._ngram)
        totals = np.diff(offsets)
        repeated = _repeated(hashes, offsets) / np.maximum(totals, 1)
        return {"": pa.array(repeated, mask=totals == 0)}


@compiled
def _repeated(hashes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Count each document's hashes that are not the first of their kind."""
    counts = np.zeros(len(offsets) - 1, dtype=np.int64)
    for document in range(len(counts)):
        kinds = np.sort(hashes[offsets[document] : offsets[document + 1]])
        for place in range(1, len(kinds)):
            counts[document] += kinds[place] == kinds[place - 1]
    return counts
