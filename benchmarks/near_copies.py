"""Plant copies with known edits in real text, and count how many of them are found.

    python benchmarks/near_copies.py FILE.jsonl.zst ... [--documents N] [--threshold T]

Each document gets one copy in which words were replaced, dropped and put in, at a rate that aims at
a Jaccard index between 0.5 and 1. The true index is that of the sets of word n-grams, held as
strings. Printed are, for each range of it, how many pairs there are, how many have a band in common
and how many are found, beside what the theory says of both; then precision and recall over all
pairs of documents, the planted ones and those that the corpus itself brought; then the speed.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from gapless.assets import store
from gapless.corpus.near_copies import Copies, most_differences, near_copies
from gapless.corpus.signatures import signatures
from gapless.recipe.cleanings import NearDuplicates
from gapless.seeds import stream
from gapless.words import split_words

MIN_WORDS = 50
BINS = (0.0, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
"""From each up to the next; the last is 1.0 itself."""


@dataclass(frozen=True)
class Planted:
    """Documents, then their copies, in the same order."""

    texts: pa.LargeStringArray
    shingles: list[frozenset[tuple[str, ...]]]
    """The set of each text."""

    @property
    def num_pairs(self) -> int:
        """Return how many documents have a copy."""
        return len(self.texts) // 2

    def index(self, one: int, two: int) -> float:
        """Return the Jaccard index of two texts."""
        a, b = self.shingles[one], self.shingles[two]
        return len(a & b) / len(a | b)

    def similar(self, threshold: float) -> set[tuple[int, int]]:
        """Return all pairs of texts, the lower one first, of at least this index."""
        holders = defaultdict(list)
        for number, shingles in enumerate(self.shingles):
            for shingle in shingles:
                holders[shingle].append(number)
        common: Counter[tuple[int, int]] = Counter()
        for numbers in holders.values():
            common.update((a, b) for place, b in enumerate(numbers) for a in numbers[:place])
        return {pair for pair in common if self.index(*pair) >= threshold}


def read_texts(paths: Sequence[Path], num_documents: int) -> list[str]:
    """Return the first texts of the files, in turn, that are long enough."""
    readers = [store.read(path) for path in paths]
    texts: list[str] = []
    while readers and len(texts) < num_documents:
        for reader in list(readers):
            document = next(reader, None)
            if document is None:
                readers.remove(reader)
            elif len(document["text"].split()) >= MIN_WORDS:
                texts.append(document["text"])
    return texts[:num_documents]


def plant(texts: Sequence[str], spec: NearDuplicates) -> Planted:
    """Return the texts and one edited copy of each; every tenth copy differs in its form only."""
    random = stream(0, "plant")
    vocabulary = [word for text in texts for word in text.split()]
    copies = []
    for number, text in enumerate(texts):
        words = text.split()
        if number % 10:
            index = random.uniform(0.5, 1)
            # One edit spoils ngram shingles of each text; s of the shingles in common make up an
            # index of s / (2 - s).
            rate = 1 - (2 * index / (1 + index)) ** (1 / spec.ngram)
            words = edited(words, rate, vocabulary, random)
            copies.append(" ".join(words))
        else:
            copies.append("\n ".join(words).upper())
    array = pa.array([*texts, *copies], pa.large_string())
    return Planted(array, shingle_sets(array, spec.ngram))


def edited(
    words: list[str], rate: float, vocabulary: list[str], random: np.random.Generator
) -> list[str]:
    """Return the words with a part of them replaced, dropped, or followed by another one."""
    kinds = np.where(random.random(len(words)) < rate, random.integers(1, 4, len(words)), 0)
    others = random.integers(0, len(vocabulary), len(words))
    out = []
    for word, kind, other in zip(words, kinds, others, strict=True):
        new = vocabulary[other]
        out += ([word], [new], [], [word, new])[kind]
    return out


def shingle_sets(texts: pa.LargeStringArray, ngram: int) -> list[frozenset[tuple[str, ...]]]:
    """Return the set of word n-grams of each text, as strings."""
    split = split_words(texts)
    sets = []
    for number, text in enumerate(texts.to_pylist()):
        data = text.encode()
        places = range(split.offsets[number], split.offsets[number + 1])
        words = [data[split.begins[i] : split.ends[i]].decode().lower() for i in places]
        last = max(len(words) - ngram, 0)
        sets.append(frozenset(tuple(words[i : i + ngram]) for i in range(last + 1)))
    return sets


def band_chance(index: float, spec: NearDuplicates) -> float:
    """Return how likely two texts have a band in common: 1 - (1 - s^r)^b."""
    return 1 - (1 - index**spec.rows) ** spec.bands


def found_chance(index: float, spec: NearDuplicates) -> float:
    """Return how likely two texts have a band in common and enough equal numbers in all."""
    hashes = spec.bands * spec.rows
    most = most_differences(spec.threshold, hashes)

    def with_differences(one_band: np.ndarray) -> float:
        all_bands = np.ones(1)
        for _ in range(spec.bands):
            all_bands = np.convolve(all_bands, one_band)
        return float(all_bands[: most + 1].sum())

    one_band = np.ones(1)
    for _ in range(spec.rows):
        one_band = np.convolve(one_band, [index, 1 - index])
    no_whole_band = one_band.copy()
    no_whole_band[0] = 0
    return with_differences(one_band) - with_differences(no_whole_band)


@dataclass(frozen=True)
class Outcome:
    """What became of the planted pairs: arrays of shape (pairs,)."""

    index: np.ndarray
    """True Jaccard index."""
    is_candidate: np.ndarray
    """Whether the two have a band in common."""
    is_found: np.ndarray
    """Whether the two are in one component."""


def outcome(planted: Planted, rows: np.ndarray, copies: Copies, spec: NearDuplicates) -> Outcome:
    """Return what became of the planted pairs."""
    half = planted.num_pairs
    index = [planted.index(number, number + half) for number in range(half)]
    bands = rows.reshape(len(rows), spec.bands, spec.rows)
    is_candidate = (bands[:half] == bands[half:]).all(axis=2).any(axis=1)
    kept = kept_rows(copies)
    return Outcome(np.array(index), is_candidate, kept[:half] == kept[half:])


def kept_rows(copies: Copies) -> np.ndarray:
    """Return the row that is kept for each row, itself or another."""
    return np.where(copies.copy_of >= 0, copies.copy_of, np.arange(len(copies.copy_of)))


def precision_and_recall(
    planted: Planted, copies: Copies, threshold: float
) -> tuple[float, float, int, int]:
    """Return precision, recall, how many rows went, and how many pairs there truly are.

    A removal is right if the row and the one that is kept in its stead truly reach the threshold;
    a true pair is recalled if it is in one component.
    """
    removed = np.flatnonzero(copies.copy_of >= 0)
    right = [planted.index(row, copies.copy_of[row]) >= threshold for row in removed]
    kept = kept_rows(copies)
    pairs = planted.similar(threshold)
    recalled = [kept[one] == kept[two] for one, two in pairs]
    return float(np.mean(right)), float(np.mean(recalled)), len(removed), len(pairs)


def print_table(result: Outcome, spec: NearDuplicates) -> None:
    """Print a row of the table for each range of the true index."""
    print("| Jaccard index | pairs | with a band | expected | found | expected |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for number, low in enumerate(BINS):
        high = BINS[number + 1] if low < 1 else 1.1
        inside = (result.index >= low) & (result.index < high)
        if not inside.any():
            continue
        cells = [f"{low:.2f} to {high:.2f}" if low < 1 else "1", f"{inside.sum()}"]
        for seen, chance in (
            (result.is_candidate, band_chance),
            (result.is_found, found_chance),
        ):
            expected = np.mean([chance(index, spec) for index in result.index[inside]])
            cells += [f"{seen[inside].mean():.1%}", f"{expected:.1%}"]
        print("| " + " | ".join(cells) + " |")


def main() -> None:
    """Read the command line, plant, find, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpora", type=Path, nargs="+", help="JSON Lines, zstandard, with text")
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--threshold", type=float, default=NearDuplicates().threshold)
    arguments = parser.parse_args()
    spec = NearDuplicates(threshold=arguments.threshold)
    planted = plant(read_texts(arguments.corpora, arguments.documents), spec)
    hashes = spec.bands * spec.rows
    warm = signatures(planted.texts.slice(0, 2), ngram=spec.ngram, hashes=hashes)
    near_copies(warm, spec)

    start = time.perf_counter()
    rows = signatures(planted.texts, ngram=spec.ngram, hashes=hashes)
    signed = time.perf_counter()
    copies = near_copies(rows, spec)
    end = time.perf_counter()

    print_table(outcome(planted, rows, copies, spec), spec)
    precision, recall, removed, pairs = precision_and_recall(planted, copies, spec.threshold)
    megabytes = sum(len(text.encode()) for text in planted.texts.to_pylist()) / 1e6
    print(f"\n{removed} of {len(rows)} removed; {pairs} pairs reach {spec.threshold}")
    print(f"precision {precision:.1%}, recall {recall:.1%}")
    print(f"signatures: {megabytes / (signed - start):.0f} MB/s on one core ({hashes} hashes)")
    print(f"copies: {len(rows) / (end - signed):,.0f} rows a second")


if __name__ == "__main__":
    main()
