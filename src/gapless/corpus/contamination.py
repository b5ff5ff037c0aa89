"""Documents that hold evaluation items, found by the words they have in common.

    items --ItemIndex.of--> ItemIndex --count_in_part--> how many documents have each n-gram
    ItemIndex --without_set_phrases, hits_in_part--> which document holds which item

An item of n words or more is known by its word n-grams; a shorter one must stand in the document
whole. A question is held when one of its n-grams is; a held-out text when enough of them are, for
one alone may be a quotation. What very many documents say (a licence, a footer, a template) is a
set phrase and speaks for no held-out text (after Brown et al. 2020, appendix C).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gapless.records.documents import batches
from gapless.words import Words, ngram_hashes, split_words
from gapless.words.compiled import compiled

_SIEVE_BITS = 24
_SIEVE_MASK = np.uint64((1 << _SIEVE_BITS) - 1)


@dataclass(frozen=True)
class Item:
    """A text that must not be trained on."""

    text: str
    needed: float
    """Fraction of its n-grams that a document must have in common; one is always needed."""
    whole: bool = False
    """Only as a whole, however long it is."""


@dataclass(frozen=True)
class ItemIndex:
    """Items by the hashes of their words in a row, one table per number of words."""

    lengths: tuple[int, ...]
    """Words in a row that are looked for."""
    hashes: tuple[np.ndarray, ...]
    """Per length, the sorted hashes: uint64."""
    items: tuple[np.ndarray, ...]
    """Per length, the item of each hash: int64."""
    sizes: np.ndarray
    """Distinct hashes of each item: int64, shape (items,)."""
    needed: np.ndarray
    """float64, shape (items,)."""
    sieves: tuple[np.ndarray, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sieves", tuple(_sieve(hashes) for hashes in self.hashes))

    @classmethod
    def of(cls, items: Sequence[Item], ngram: int) -> ItemIndex:
        """Index items; one without a word is never found."""
        import pyarrow as pa

        words = split_words(pa.array([item.text for item in items], pa.large_string()))
        counts = np.diff(words.offsets)
        whole = np.array([item.whole for item in items], dtype=np.bool_)
        wanted = np.where((counts < ngram) | whole, counts, ngram)
        lengths = sorted(set(wanted[wanted > 0].tolist()))
        tables = [_table(words, np.flatnonzero(wanted == length), length) for length in lengths]
        owners = np.concatenate([np.zeros(0, np.int64), *(owner for _, owner in tables)])
        return cls(
            lengths=tuple(lengths),
            hashes=tuple(hashes for hashes, _ in tables),
            items=tuple(owner for _, owner in tables),
            sizes=np.bincount(owners, minlength=len(items)),
            needed=np.array([item.needed for item in items], dtype=np.float64),
        )

    def save(self, path: Path) -> None:
        """Write the index to one file."""
        tables = {
            f"{kind}{length}": table
            for kind, every in (("hashes", self.hashes), ("items", self.items))
            for length, table in zip(self.lengths, every, strict=True)
        }
        lengths = np.array(self.lengths, dtype=np.int64)
        with path.open("wb") as file:
            np.savez(file, lengths=lengths, sizes=self.sizes, needed=self.needed, **tables)  # type: ignore[arg-type]  # keys are data

    @classmethod
    def load(cls, path: Path) -> ItemIndex:
        """Read an index."""
        with np.load(path, allow_pickle=False) as table:
            lengths = tuple(table["lengths"].tolist())
            return cls(
                lengths=lengths,
                hashes=tuple(table[f"hashes{length}"] for length in lengths),
                items=tuple(table[f"items{length}"] for length in lengths),
                sizes=table["sizes"],
                needed=table["needed"],
            )

    def counts(self, words: Words, counted: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return in how many of the ``counted`` documents (bool) each hash stands, per length.

        The count is at the first row of a hash; further items' rows of it have 0.
        """
        answers = []
        for length, hashes, sieve in zip(self.lengths, self.hashes, self.sieves, strict=True):
            documents, begin, _ = _found(words, length, hashes, sieve)
            own = begin[counted[documents]]
            answers.append(np.bincount(own, minlength=len(hashes)))
        return tuple(answers)

    def without_set_phrases(self, are_common: Sequence[np.ndarray]) -> ItemIndex:
        """Return the index without hashes that are common (bool, per length, at their first rows).

        Only items that need a fraction of their n-grams lose any: a question stays as it is.
        """
        kept_hashes, kept_items = [], []
        for hashes, items, is_common in zip(self.hashes, self.items, are_common, strict=True):
            keep = ~is_common[np.searchsorted(hashes, hashes)] | (self.needed[items] == 0)
            kept_hashes.append(hashes[keep])
            kept_items.append(items[keep])
        owners = np.concatenate([np.zeros(0, np.int64), *kept_items])
        sizes = np.bincount(owners, minlength=len(self.sizes))
        return ItemIndex(self.lengths, tuple(kept_hashes), tuple(kept_items), sizes, self.needed)

    def hits(self, words: Words) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return documents, items and the fraction of each item that is there, sorted."""
        tables = zip(self.lengths, self.hashes, self.items, self.sieves, strict=True)
        found = [_matches(words, *table) for table in tables]
        documents = np.concatenate([np.zeros(0, np.int64), *(pairs[0] for pairs in found)])
        items = np.concatenate([np.zeros(0, np.int64), *(pairs[1] for pairs in found)])
        pairs, common = np.unique(np.stack([documents, items]), axis=1, return_counts=True)
        fractions = common / self.sizes[pairs[1]]
        holds = fractions >= self.needed[pairs[1]]
        return pairs[0, holds], pairs[1, holds], fractions[holds]


def num_words(text: str) -> int:
    """Return how many words a text has."""
    import pyarrow as pa

    return len(split_words(pa.array([text], pa.large_string())).hashes)


def count_in_part(part: Path, index: Path) -> tuple[np.ndarray, ...]:
    """Return in how many of a part's trained documents each hash of an index stands."""
    known = ItemIndex.load(index)
    totals = tuple(np.zeros(len(hashes), np.int64) for hashes in known.hashes)
    for rows in batches(part, ["text", "held_out"]):
        trained = ~rows.column("held_out").to_numpy(zero_copy_only=False)
        counts = known.counts(split_words(rows.column("text")), trained)
        totals = tuple(total + count for total, count in zip(totals, counts, strict=True))
    return totals


def hits_in_part(part: Path, index: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the hits among a part's documents that are trained on; documents count from 0."""
    known = ItemIndex.load(index)
    first, found = 0, []
    for rows in batches(part, ["text", "held_out"]):
        documents, items, fractions = known.hits(split_words(rows.column("text")))
        trained = ~rows.column("held_out").to_numpy(zero_copy_only=False)[documents]
        found.append((documents[trained] + first, items[trained], fractions[trained]))
        first += len(rows)
    empty = np.zeros(0, np.int64)
    columns = zip((empty, empty, np.zeros(0)), *found, strict=True)
    documents, items, fractions = (np.concatenate(column) for column in columns)
    return documents, items, fractions


def _table(words: Words, items: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct (hash, item) pairs of some items, sorted by hash."""
    hashes, offsets = ngram_hashes(words, length)
    owners = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    chosen = np.isin(owners, items)
    hashes, owners = hashes[chosen], owners[chosen]
    order = np.lexsort((owners, hashes))
    hashes, owners = hashes[order], owners[order]
    is_new = np.ones(len(hashes), dtype=np.bool_)
    is_new[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    return hashes[is_new], owners[is_new].astype(np.int64)


def _matches(
    words: Words, length: int, hashes: np.ndarray, items: np.ndarray, sieve: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct (document, item, hash) triples in common, as documents and items."""
    documents, begin, end = _found(words, length, hashes, sieve)
    repeats = end - begin
    steps = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    return np.repeat(documents, repeats), items[np.repeat(begin, repeats) + steps]


def _found(
    words: Words, length: int, hashes: np.ndarray, sieve: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct (document, hash) pairs in common: documents, and the hash's rows."""
    grams, offsets = ngram_hashes(words, length)
    places = _sifted(grams, sieve)
    begin = np.searchsorted(hashes, grams[places], side="left")
    end = np.searchsorted(hashes, grams[places], side="right")
    documents = np.searchsorted(offsets, places, side="right") - 1
    is_known = end > begin
    # A gram that stands twice in a document counts once.
    seen = np.stack([documents[is_known], begin[is_known], end[is_known]])
    documents, begin, end = np.unique(seen, axis=1)
    return documents, begin, end


def _sieve(hashes: np.ndarray) -> np.ndarray:
    """Return a table of bits, set where a known hash falls: most others fall elsewhere."""
    sieve = np.zeros(1 << _SIEVE_BITS, dtype=np.bool_)
    sieve[hashes & _SIEVE_MASK] = True
    return np.packbits(sieve, bitorder="little")


@compiled
def _sifted(grams: np.ndarray, sieve: np.ndarray) -> np.ndarray:
    """Return the places of the hashes that fall on a set bit."""
    places = np.empty(len(grams), dtype=np.int64)
    count = 0
    for place in range(len(grams)):
        slot = grams[place] & _SIEVE_MASK
        if sieve[slot >> np.uint64(3)] >> np.uint8(slot & np.uint64(7)) & np.uint8(1):
            places[count] = place
            count += 1
    return places[:count].copy()
