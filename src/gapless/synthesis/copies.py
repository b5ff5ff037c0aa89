"""Drafts that are near copies: of an earlier draft, or of the snippet they were made from.

    drafts --MinHash--> one row of numbers each --near_copies--> what each one copies

Drafts are compared by their sets of words. In Chinese, where a word of `gapless.words` is one
ideograph and any two texts share many, the sets are of pairs of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from gapless.recipe.cleanings import NearDuplicates
from gapless.synthesis.draft import Draft

if TYPE_CHECKING:
    import numpy as np

COPY, SEED_COPY = "near copy", "copy of its seed"

REASONS = {
    SEED_COPY: "its words are nearly those of its seed",
    COPY: "its words are nearly those of an earlier document",
}

NUM_HASHES = 192
"""Numbers per draft, of 4 bytes: the error of an estimate near 0.7 is 0.03."""
_FOUND = 0.95
_ROWS = (16, 12, 8, 6, 4, 3, 2, 1)
_SHINGLES = {"en": 1, "zh": 2}
_BATCH = 512


@dataclass(frozen=True)
class Copies:
    """What each draft copies, if anything."""

    copy_of: np.ndarray
    """Position of the earlier draft, -1 for none: int64, shape (drafts,)."""
    of_seed: np.ndarray
    """Whether it copies one of its own seeds: bool, shape (drafts,)."""
    similarity: np.ndarray
    """Estimated Jaccard index to what it copies, else NaN: float32, shape (drafts,)."""

    def reason(self, position: int) -> tuple[str, str] | None:
        """Return reason and detail against the draft at a position, or None."""
        if self.of_seed[position]:
            return SEED_COPY, f"{self.similarity[position]:.0%} alike"
        if self.copy_of[position] >= 0:
            of, alike = self.copy_of[position], self.similarity[position]
            return COPY, f"{alike:.0%} like document {of + 1} of those that came so far"
        return None


def find_copies(drafts: Iterable[Draft], threshold: float) -> Copies:
    """Return which drafts are copies; of two that are alike the earlier one stays.

    ``threshold``, above 0, is the least Jaccard index of a copy. Memory is 768 bytes a draft and
    the 60 of `near_copies`; two drafts exactly at the threshold are compared with a probability
    of 95 % or more, more alike ones more surely. A copy of its seed is nobody's original.
    """
    import numpy as np

    from gapless.corpus.near_copies import near_copies
    from gapless.corpus.signatures import EMPTY

    assert 0 < threshold <= 1
    waiting = iter(drafts)
    parts = []
    while group := list(islice(waiting, _BATCH)):
        parts.append(_signed(group))
    none = (np.zeros((0, NUM_HASHES), np.uint32), np.zeros(0, np.float32))
    rows = np.concatenate([none[0], *(part[0] for part in parts)])
    to_seed = np.concatenate([none[1], *(part[1] for part in parts)])
    del parts
    of_seed = to_seed >= threshold
    rows[of_seed] = EMPTY
    found = near_copies(rows, _banding(threshold))
    similarity = np.where(of_seed, to_seed, found.similarity).astype(np.float32)
    return Copies(found.copy_of, of_seed, similarity)


def _banding(threshold: float) -> NearDuplicates:
    """Return the longest bands that find 95 % of the pairs at the threshold.

    Two rows of similarity s share one of b bands of r numbers with probability 1 - (1 - s^r)^b
    (Leskovec, Rajaraman and Ullman, "Mining of massive datasets", section 3.4.2).
    """
    for rows in _ROWS:
        bands = NUM_HASHES // rows
        if 1 - (1 - threshold**rows) ** bands >= _FOUND:
            break
    return NearDuplicates(ngram=1, bands=bands, rows=rows, threshold=threshold)


def _signed(group: Sequence[Draft]) -> tuple[np.ndarray, np.ndarray]:
    """Return the drafts' rows, and how much each is like the likest of its seeds."""
    import numpy as np

    from gapless.corpus.signatures import EMPTY

    rows = np.full((len(group), NUM_HASHES), EMPTY)
    to_seed = np.zeros(len(group), np.float32)
    for language in sorted({draft.language for draft in group}):
        chosen = [place for place, draft in enumerate(group) if draft.language == language]
        texts = ["\n\n".join(group[place].sections.values()) for place in chosen]
        rows[chosen] = _rows(texts, language)
        places = [place for place in chosen for _ in group[place].seeds]
        seeds = _rows([seed.text for place in chosen for seed in group[place].seeds], language)
        alike = ((rows[places] == seeds) & (seeds != EMPTY)).mean(axis=1)
        np.maximum.at(to_seed, places, alike.astype(np.float32))
    return rows, to_seed


def _rows(texts: Sequence[str], language: str) -> np.ndarray:
    import pyarrow as pa

    from gapless.corpus.signatures import signatures

    column = pa.array(texts, pa.large_string())
    return signatures(column, ngram=_SHINGLES[language], hashes=NUM_HASHES)
