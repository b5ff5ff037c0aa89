"""Look at what the stages of a run took out: counts by source, near copies, contamination.

    python experiments/corpus/look.py RUN                      counts by source, as Markdown
    python experiments/corpus/look.py RUN copies --examples 30   near copies beside what stayed
    python experiments/corpus/look.py RUN contamination        what held which evaluation items

The exact Jaccard index is of the sets of 5 words that the near-copy stage estimates from.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gapless.records.documents import read_columns, read_document
from gapless.records.removals import Removals
from gapless.seeds import stream
from gapless.words import ngram_hashes, split_words

_SHINGLE_WORDS = 5
_THRESHOLD = 0.7


class Run:
    """The artifacts of a run's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "artifacts"
        names = [path.name.split("-")[0] for path in self._folder.glob("documents.*-*[0-9a-f]")]
        self.sources = sorted(name.partition(".")[2] for name in names)

    def place(self, stage: str) -> Path:
        """Return a stage's folder."""
        return next(self._folder.glob(f"{stage}-*[0-9a-f]"))

    def facts(self, stage: str) -> dict[str, Any]:
        """Return what a stage counted."""
        manifest = json.loads((self.place(stage) / "manifest.json").read_text())
        return dict(manifest["facts"])

    def document(self, source: str, row: int) -> dict[str, Any]:
        """Return a document's work and text."""
        return read_document(self.place(f"documents.{source}"), row, "work", "text")


def print_counts(run: Run) -> None:
    """Print a row for each source: what was read, removed by each stage, and stays."""
    print(
        "| source | read | cleaned away | stay | MB | exact copies | near copies | contaminated |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    copies = run.facts("duplicates")["removed"]
    total: Counter[str] = Counter()
    for source in run.sources:
        facts = run.facts(f"documents.{source}")
        row = {
            "read": facts["read"],
            "cleaned": facts["read"] - facts["kept"],
            "kept": facts["kept"],
            "bytes": facts["bytes"],
            "exact": copies.get(source, {}).get("duplicate", 0),
            "near": copies.get(source, {}).get("near_duplicate", 0),
            "hits": len(np.unique(Removals.read(run.place("contamination"), source).documents)),
        }
        total.update(row)
        print(_line(source, row))
    print(_line("**all**", total))


def _line(name: str, row: dict[str, int] | Counter[str]) -> str:
    cells = [f"{row[key]:,}" for key in ("read", "cleaned", "kept")]
    cells += [f"{row['bytes'] / 1e6:.1f}"]
    cells += [f"{row[key]:,}" for key in ("exact", "near", "hits")]
    return f"| {name} | {' | '.join(cells)} |"


def jaccard(first: str, second: str) -> float:
    """Return the exact Jaccard index of two texts' sets of 5 words; NaN without any."""
    hashes, offsets = ngram_hashes(
        split_words(pa.array([first, second], pa.large_string())), _SHINGLE_WORDS
    )
    one, two = (set(hashes[offsets[i] : offsets[i + 1]].tolist()) for i in range(2))
    return len(one & two) / len(one | two) if one | two else float("nan")


def print_copies(run: Run, examples: int, sample: int, without: str) -> None:
    """Print the exact Jaccard index of near copies to what stayed, then examples."""
    rows = []
    for source in run.sources:
        if source == without:
            continue
        removals = Removals.read(run.place("duplicates"), source)
        near = zip(
            removals.documents, removals.reasons, removals.by, removals.similarity, strict=True
        )
        rows += [(source, int(d), by, float(s)) for d, why, by, s in near if why != "duplicate"]
    draws = stream(0, "look", "copies")
    chosen = [rows[i] for i in draws.permutation(len(rows))[:sample]]
    texts = lru_cache(maxsize=None)(lambda s: read_columns(run.place(f"documents.{s}"), "text"))
    works = lru_cache(maxsize=None)(lambda s: read_columns(run.place(f"documents.{s}"), "work"))
    found = []
    for source, row, by, similarity in chosen:
        other, _, number = by.rpartition(":")
        pair = texts(source)["text"][row], texts(other)["text"][int(number)]
        found.append((source, row, other, int(number), similarity, jaccard(*pair), pair))
    exact, said = np.array([f[5] for f in found]), np.array([f[4] for f in found])
    print(f"{len(rows):,} near copies; of {len(found):,} drawn at random:")
    error = said - exact
    print(f"estimate minus exact: mean {np.nanmean(error):+.3f}, sd {np.nanstd(error):.3f}")
    for limit in (0.5, 0.6, _THRESHOLD, 0.8, 0.9):
        print(f"exact Jaccard index to what stayed at least {limit}: {np.mean(exact >= limit):.1%}")
    print(f"estimate below {_THRESHOLD} (a copy of a copy): {np.mean(said < _THRESHOLD):.1%}")
    for source, row, other, number, similarity, index, (first, second) in found[:examples]:
        print(
            f"\n## {source}: {works(source)['work'][row]} | {other}: {works(other)['work'][number]}"
        )
        sizes = f"{len(first)} and {len(second)} characters"
        print(f"estimate {similarity:.2f}, exact {index:.2f}, {sizes}")
        print(f"- {first[:300]!r}\n- {second[:300]!r}")


def print_contamination(run: Run, examples: int) -> None:
    """Print how many documents each probe took from each source, then examples."""
    counts: Counter[tuple[str, str]] = Counter()
    rows = []
    for source in run.sources:
        removals = Removals.read(run.place("contamination"), source)
        pairs = zip(
            removals.documents.tolist(), removals.by, removals.similarity.tolist(), strict=True
        )
        for document, by, share in pairs:
            counts[by.rpartition(":")[0], source] += 1
            rows.append((source, document, by, share))
    print("| probe | source | document and item |\n| --- | --- | ---: |")
    for (probe, source), count in counts.most_common():
        print(f"| {probe} | {source} | {count:,} |")
    draws = stream(0, "look", "contamination")
    for source, document, by, share in [rows[i] for i in draws.permutation(len(rows))[:examples]]:
        name, _, number = by.rpartition(":")
        lines = (run.place("probes") / f"{name}.jsonl").read_text("utf-8").split("\n")
        row = run.document(source, document)
        print(f"\n## {source}: {row['work']} by {by}, share {share:.2f}")
        print(f"- item {lines[int(number) + 1][:300]}\n- document {row['text'][:300]!r}")


def main() -> None:
    """Print one table of a run."""
    parser = argparse.ArgumentParser(description="Look at what a run's stages took out.")
    parser.add_argument("run", type=Path)
    parser.add_argument(
        "what", nargs="?", default="counts", choices=["counts", "copies", "contamination"]
    )
    parser.add_argument("--examples", type=int, default=0)
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--without", default="", help="a source to leave out of the copies")
    options = parser.parse_args()
    run = Run(options.run)
    if options.what == "copies":
        print_copies(run, options.examples, options.sample, options.without)
    elif options.what == "contamination":
        print_contamination(run, options.examples)
    else:
        print_counts(run)


if __name__ == "__main__":
    main()
