"""How varied a document's words are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gapless.words import split_words
from gapless.words.compiled import compiled

if TYPE_CHECKING:
    import pyarrow as pa


class DiversityScorer:
    """Entropy of the word types of each document's beginning, in bits a word.

    With c_t words of type t among n words: H = log2 n - (sum of c_t log2 c_t) / n. It is 0 for one
    word said again and again, and log2 n, its largest, when no word returns. It therefore grows
    with n: ``max_words`` lets long documents compete on equal terms.

    Xie et al. (2023, arXiv 2311.08545) take the entropy of part-of-speech tags. A tagger knows one
    language and is hundreds of times slower; word types need none, work for English and Chinese
    alike, and answer the same question: does the document say many things or one thing often?
    """

    def __init__(self, max_words: int = 1000) -> None:
        assert max_words > 0
        self._max_words = max_words

    def __call__(self, texts: pa.LargeStringArray) -> dict[str, pa.Array]:
        """Return one float64 per text; null where a text has no word."""
        import pyarrow as pa

        words = split_words(texts)
        bits = _entropy(words.hashes, words.offsets, self._max_words)
        return {"": pa.array(bits, mask=np.diff(words.offsets) == 0)}


@compiled
def _entropy(hashes: np.ndarray, offsets: np.ndarray, most: int) -> np.ndarray:
    """Return the entropy of each document's first ``most`` words."""
    bits = np.zeros(len(offsets) - 1)
    for document in range(len(bits)):
        begin = offsets[document]
        num_words = min(offsets[document + 1] - begin, most)
        if num_words < 2:
            continue
        kinds = np.sort(hashes[begin : begin + num_words])
        total = 0.0
        count = 1
        for place in range(1, num_words + 1):
            if place < num_words and kinds[place] == kinds[place - 1]:
                count += 1
                continue
            total += count * np.log2(count)
            count = 1
        bits[document] = np.log2(num_words) - total / num_words
    return bits
