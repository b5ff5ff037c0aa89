"""What would each published cleaner remove from each kind of text?

    python experiments/corpus/cleaners.py experiments/corpus/text

Prints Markdown: the fraction of a sample of documents that each cleaner, alone, removes. The
arguments: the folder of `fetch_more.py`, and --documents, how many of each source.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import pyarrow as pa

from gapless import assets
from gapless.assets import store
from gapless.corpus.cleaners import build_cleaner
from gapless.recipe.cleanings import C4, Cleaner, FineWeb, GopherQuality, GopherRepetition
from gapless.seeds import stream

CLEANERS: tuple[Cleaner, ...] = (GopherRepetition(), GopherQuality(), FineWeb(), C4())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What published cleaners remove.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=1000)
    options = parser.parse_args()
    files = {
        asset.name: path
        for asset in assets.known()
        if asset.kind == "corpus" and not asset.shipped and (path := assets.locate(asset.name))
    }
    files |= {path.name.split(".")[0]: path for path in options.folder.glob("*.jsonl.zst")}
    print(f"| source | {' | '.join(f'`{c.type}`' for c in CLEANERS)} | most frequent reasons |")
    print("| --- |" + " ---: |" * len(CLEANERS) + " --- |")
    for name, path in sorted(files.items()):
        every = [row["text"] for row in store.read(path)]
        chosen = stream(0, "cleaners", name).permutation(len(every))[: options.documents]
        texts = pa.array([every[i] for i in chosen], pa.large_string())
        reasons: Counter[str] = Counter()
        shares = []
        for cleaner in CLEANERS:
            answer = build_cleaner(cleaner)(texts).reasons
            found = [] if answer is None else [why for why in answer.to_pylist() if why]
            reasons.update(found)
            shares.append(len(found) / len(texts))
        most = ", ".join(f"{why} {count}" for why, count in reasons.most_common(2))
        print(f"| {name} | {' | '.join(f'{s:.1%}' for s in shares)} | {most} |")


if __name__ == "__main__":
    main()
