"""Does n-gram perplexity under a medical reference separate medical from general text?

    gapless assets fetch pubmed2021 pubmed1977 diseases phenotypes anatomy encyclopedia news law \
        novels speeches essays docs dictionary code commentary bible gcide foldoc jargon handbook
    python experiments/corpus/separation.py

Prints Markdown: for every reference and order the AUC of PubMed 2021 against each general source
(how often a medical document has the lower score of a pair), what else separates them, and what the
lowest tenth of the tokens holds. KenLM's lmplz trains where it is on the path, else gapless.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gapless import assets
from gapless.assets import store
from gapless.scoring.length import LengthScorer
from gapless.scoring.model_perplexity import ModelScorer
from gapless.scoring.ngram import NgramScorer, train
from gapless.seeds import stream
from gapless.tokenization import load_tokenizer
from gapless.tokenization.fast import FastEncoder
from gapless.tokenization.plain import PlainEncoder
from gapless.words import normalise

MEDICAL = "pubmed2021"
GENERAL = (
    "encyclopedia",
    "news",
    "law",
    "novels",
    "speeches",
    "essays",
    "docs",
    "dictionary",
    "code",
)
DEFINITIONS = ("diseases", "phenotypes", "anatomy")
REFERENCES = {
    "definitions": DEFINITIONS,
    "PubMed 1977": ("pubmed1977",),
    "both": (*DEFINITIONS, "pubmed1977"),
}
ORDERS = (1, 3, 5)
CONTRAST = ("commentary", "bible", "gcide", "foldoc", "jargon", "handbook")
"""General text of none of the pool's sources: what a document would be to a general reader."""
BEGINNING_WORDS = 100
_BATCH_DOCUMENTS = 4096
_TRAINER_MEMORY = 4 << 30
_PASSAGE = re.compile(r"(~\d+|/\d{1,3})+$")


@dataclass(frozen=True)
class Pool:
    """The documents to tell apart, in one row each."""

    ids: list[str]
    texts: pa.LargeStringArray
    sources: np.ndarray
    """Name of the source, shape (documents,)."""
    works: np.ndarray
    """Number of the work that a document is a passage of, int64, shape (documents,)."""
    tokens: np.ndarray
    """Of the base's tokenizer, int64, shape (documents,)."""


def read(name: str) -> list[dict[str, Any]]:
    """Return the documents of an asset that is here."""
    path = assets.locate(name)
    if path is None:
        sys.exit(f"asset {name!r} is not here yet; run: gapless assets fetch {name}")
    return list(store.read(path))


def read_pool() -> Pool:
    """Read the medical source and every general one."""
    rows = [(name, row) for name in (MEDICAL, *GENERAL) for row in read(name)]
    ids = [str(row["id"]) for _, row in rows]
    texts = [row["text"] for _, row in rows]
    sources = np.array([name for name, _ in rows])
    stems = [f"{name} {_PASSAGE.sub('', key)}" for (name, _), key in zip(rows, ids, strict=True)]
    works = np.unique(stems, return_inverse=True)[1]
    plain = PlainEncoder(load_tokenizer(assets.shipped("base")))
    encode = FastEncoder(plain, num_ids=len(plain.backend.get_vocab()))
    array = pa.array(texts, pa.large_string())
    return Pool(ids, array, sources, works, encode(array)[1])


def batches(texts: pa.LargeStringArray) -> Iterator[pa.LargeStringArray]:
    """Give texts a few at a time."""
    for start in range(0, len(texts), _BATCH_DOCUMENTS):
        yield texts.slice(start, _BATCH_DOCUMENTS)


def scored(scorer: Any, texts: pa.LargeStringArray) -> np.ndarray:
    """Return a scorer's numbers, NaN where it has none."""
    return np.concatenate([scorer(batch)[""].to_numpy() for batch in batches(texts)])


def separation(scores: np.ndarray, pool: Pool, other: str | None, replicates: int) -> str:
    """Return "AUC +- half of its 95 % interval" against one source, or against all together.

    AUC by ranks, ties half (Mann and Whitney). The interval is of the bootstrap over works, drawn
    anew within the medical and within the general side: passages of a work are not independent.
    """
    general = pool.sources != MEDICAL if other is None else pool.sources == other
    asked = (general | (pool.sources == MEDICAL)) & ~np.isnan(scores)
    values, is_medical, works = scores[asked], ~general[asked], pool.works[asked]
    distinct, rank = np.unique(values, return_inverse=True)
    everyone = np.ones(len(values))
    sure = auc(rank, is_medical, everyone, len(distinct))
    draws = stream(0, "separation", other or "all")
    drawn = []
    for _ in range(replicates):
        weights = np.zeros(pool.works.max() + 1)
        for side in (is_medical, ~is_medical):
            own = np.unique(works[side])
            weights[own] = draws.multinomial(len(own), np.full(len(own), 1 / len(own)))
        drawn.append(auc(rank, is_medical, weights[works], len(distinct)))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{sure:.3f} \u00b1 {(high - low) / 2:.3f}"


def auc(rank: np.ndarray, is_medical: np.ndarray, weights: np.ndarray, ranks: int) -> float:
    """Return how often a medical document has the lower rank of a pair."""
    medical = np.bincount(rank[is_medical], weights[is_medical], ranks)
    general = np.bincount(rank[~is_medical], weights[~is_medical], ranks)
    above = general.sum() - np.cumsum(general)
    return float(medical @ (above + general / 2) / (medical.sum() * general.sum()))


def ngram_scores(pool: Pool, scratch: Path) -> dict[tuple[str, int], np.ndarray]:
    """Train every model and score the pool with it; the models stay in scratch."""
    answers = {}
    for reference, names in (REFERENCES | {"contrast": CONTRAST}).items():
        texts = pa.array([row["text"] for name in names for row in read(name)], pa.large_string())
        for order in ORDERS if reference in REFERENCES else ORDERS[-1:]:
            folder = scratch / f"{reference}-{order}".replace(" ", "-")
            facts = train(
                (normalise(batch) for batch in batches(texts)),
                folder,
                order=order,
                prune=(),
                memory_bytes=_TRAINER_MEMORY,
                scratch=scratch,
            )
            note = f"{facts['words']:,} words, {facts['vocabulary']:,} different"
            print(f"{reference} {order}: {note}, by {facts['trainer']}", file=sys.stderr)
            answers[reference, order] = scored(NgramScorer(folder), pool.texts)
    return answers


def beginnings(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return the first words of each text; a shorter text is empty, and so has no score."""
    every = [text.split(" ") for text in normalise(texts).to_pylist()]
    cut = [" ".join(w[:BEGINNING_WORDS]) if len(w) >= BEGINNING_WORDS else "" for w in every]
    return pa.array(cut, pa.large_string())


def unknown_words(texts: pa.LargeStringArray, names: tuple[str, ...]) -> np.ndarray:
    """Return the fraction of each text's words that the reference lacks."""
    known: set[str] = set()
    for name in names:
        rows = pa.array([row["text"] for row in read(name)], pa.large_string())
        for text in normalise(rows).to_pylist():
            known.update(text.split(" "))
    every = (text.split(" ") for batch in batches(texts) for text in normalise(batch).to_pylist())
    return np.array([1 - sum(word in known for word in words) / len(words) for words in every])


def model_scores(pool: Pool, documents: int) -> np.ndarray:
    """Score so many documents of each source under the shipped base; NaN for the others."""
    draws = stream(0, "separation", "model")
    chosen = np.concatenate(
        [
            draws.permutation(np.flatnonzero(pool.sources == name))[:documents]
            for name in (MEDICAL, *GENERAL)
        ]
    )
    scorer = ModelScorer(assets.shipped("base"), unit="bits_per_byte", max_tokens=256)
    scores = np.full(len(pool.ids), np.nan)
    scores[chosen] = scored(scorer, pool.texts.take(pa.array(chosen)))
    return scores


def print_table(pool: Pool, rows: Mapping[str, np.ndarray], replicates: int) -> None:
    """Print the AUC of every score against every source."""
    print(f"| low score | all | {' | '.join(GENERAL)} |")
    print("| --- |" + " ---: |" * (len(GENERAL) + 1))
    for label, scores in rows.items():
        cells = [separation(scores, pool, other, replicates) for other in (None, *GENERAL)]
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


def print_medians(pool: Pool, rows: Mapping[str, np.ndarray]) -> None:
    """Print the median of every score in every source."""
    print(f"\n| median | {MEDICAL} | {' | '.join(GENERAL)} |")
    print("| --- |" + " ---: |" * (len(GENERAL) + 1))
    for label, scores in rows.items():
        cells = [f"{np.nanmedian(scores[pool.sources == s]):.3g}" for s in (MEDICAL, *GENERAL)]
        print(f"| {label} | {' | '.join(cells)} |")


def print_lowest(pool: Pool, rows: Mapping[str, np.ndarray], fraction: float) -> None:
    """Print what the lowest scores hold, to a fraction of the pool's tokens."""
    shown = (MEDICAL, *GENERAL)
    print(f"\n| lowest {fraction:.0%} of the tokens | {' | '.join(shown)} |")
    print("| --- |" + " ---: |" * len(shown))
    order = {"the whole pool": np.arange(len(pool.ids))}
    for label, scores in rows.items():
        ranked = np.argsort(scores, kind="stable")
        reached = np.cumsum(pool.tokens[ranked]) <= fraction * pool.tokens.sum()
        order[label] = ranked[reached & ~np.isnan(scores[ranked])]
    for label, chosen in order.items():
        own = [pool.tokens[chosen[pool.sources[chosen] == name]].sum() for name in shown]
        total = pool.tokens[chosen].sum()
        print(f"| {label} | {' | '.join(f'{100 * part / total:.1f} %' for part in own)} |")


def print_examples(pool: Pool, scores: np.ndarray, count: int = 11) -> None:
    """Print the documents at quantiles of the score, by tokens."""
    print("\n| quantile | perplexity | words | document | begins |")
    print("| ---: | ---: | ---: | --- | --- |")
    ranked = np.argsort(scores, kind="stable")
    reached = np.cumsum(pool.tokens[ranked]) / pool.tokens.sum()
    words = scored(LengthScorer(), pool.texts)
    for quantile in np.linspace(0, 1, count):
        row = ranked[min(np.searchsorted(reached, quantile), len(ranked) - 1)]
        begins = " ".join(pool.texts[row].as_py()[:70].split()).replace("|", "/")
        key = pool.ids[row].replace("|", "/")[:40]
        cells = f"{scores[row]:,.0f} | {words[row]:.0f} | {pool.sources[row]}: {key} | {begins}"
        print(f"| {quantile:.0%} | {cells} |")


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description="Separate medical from general text.")
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--model-documents", type=int, default=200, help="of each source")
    options = parser.parse_args()
    pool = read_pool()
    for name in (MEDICAL, *GENERAL):
        own = pool.sources == name
        size = pc.sum(pc.binary_length(pool.texts.filter(pa.array(own)))).as_py()
        count, works = own.sum(), len(np.unique(pool.works[own]))
        print(f"{name}: {count:,} documents of {works:,} works, {size / 1e6:.1f} MB")
    print()
    with tempfile.TemporaryDirectory() as work:
        scratch = Path(work)
        scores = ngram_scores(pool, scratch)
        short = scored(NgramScorer(scratch / "both-5"), beginnings(pool.texts))
    contrast = np.log(scores["both", 5]) - np.log(scores.pop(("contrast", 5)))
    rows = {f"{reference}, order {order}": found for (reference, order), found in scores.items()}
    controls = {
        "log of both, order 5, minus log of a general reference": contrast,
        f"both, order 5, first {BEGINNING_WORDS} words": short,
        "unknown words (both)": unknown_words(pool.texts, REFERENCES["both"]),
        "length in words": scored(LengthScorer(), pool.texts),
        "bits per byte of the base": model_scores(pool, options.model_documents),
    }
    print_table(pool, rows | controls, options.replicates)
    print_medians(pool, rows | controls)
    print_lowest(pool, rows | controls, 0.1)
    print_examples(pool, scores["both", 5])


if __name__ == "__main__":
    main()
