"""Make the slices of real text that ship inside gapless, and their data card, from fetched assets.

    python scripts/build_shipped_corpora.py            write src/gapless/assets/data
    python scripts/build_shipped_corpora.py --to DIR   write elsewhere, to compare

A document is chosen by a hash of its id alone, so a slice is spread over its source, and its texts
are the fetched ones. The same fetched assets and the same zstandard give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zstandard

from gapless import assets
from gapless.assets import store
from gapless.assets.passages import Entry

DATA = Path(assets.__file__).parent / "data"
LEVEL = 19


@dataclass(frozen=True, kw_only=True)
class Slice:
    """How much of an asset ships, and what its licence asks us to say."""

    source: str
    characters: int
    attribution: str
    keep: Callable[[str], bool] = lambda _: True


SLICES = (
    Slice(
        source="encyclopedia",
        characters=1_400_000,
        attribution="By the contributors to the English Wikipedia articles that the ids name; "
        "collected by Clark et al. (2019) for BoolQ (no text of QuAC). CC BY-SA 3.0 "
        "(https://creativecommons.org/licenses/by-sa/3.0/), and so is this slice. Changes: "
        "passages of one article joined, repeats left out, quotation marks restored.",
        keep=lambda key: key.startswith("wikipedia/"),
    ),
    Slice(
        source="novels",
        characters=1_200_000,
        attribution="Jane Austen (1811 to 1818) and Herman Melville (1851). Public domain. "
        "Changes: lines joined, chapters cut into passages.",
    ),
    Slice(
        source="speeches",
        characters=1_200_000,
        attribution="Presidents of the United States, 1790 to 2021. Public domain (works of the "
        "federal government; collected under CC0 1.0). Changes: cut into passages.",
    ),
    Slice(
        source="dictionary",
        characters=1_000_000,
        attribution="WordNet 3.0, copyright 2006 by Princeton University; "
        "licences/WordNet-3.0.txt. Changes: glosses written as lines and grouped.",
    ),
    Slice(
        source="docs",
        characters=1_200_000,
        attribution="Python 3.11 documentation, copyright 2001-2023 Python Software Foundation; "
        "licences/PSF-2.0.txt. PostgreSQL 15 documentation, copyright 1996-2026 PostgreSQL Global "
        "Development Group; licences/PostgreSQL.txt. Changes: main text taken from HTML, cut.",
    ),
    Slice(
        source="code",
        characters=1_000_000,
        attribution=f"Python {platform.python_version()} standard library, copyright 2001-2023 "
        "Python Software Foundation; licences/PSF-2.0.txt. Changes: long files cut into pieces.",
    ),
    Slice(
        source="diseases",
        characters=2_600_000,
        attribution="Mondo Disease Ontology, Monarch Initiative. CC BY 4.0 "
        "(https://creativecommons.org/licenses/by/4.0/). Changes: terms written as sentences.",
    ),
    Slice(
        source="anatomy",
        characters=1_300_000,
        attribution="Uberon multi-species anatomy ontology (Mungall et al. 2012). CC BY 3.0 "
        "(https://creativecommons.org/licenses/by/3.0/). Changes: terms written as sentences.",
    ),
    Slice(
        source="questions",
        characters=1_200_000,
        attribution="Mondo Disease Ontology, Monarch Initiative, CC BY 4.0 "
        "(https://creativecommons.org/licenses/by/4.0/); Uberon multi-species anatomy ontology "
        "(Mungall et al. 2012), CC BY 3.0 (https://creativecommons.org/licenses/by/3.0/). "
        "Changes: terms written as answers, questions added.",
    ),
)


def chosen(entries: list[Entry], part: Slice) -> list[Entry]:
    """Return the documents of lowest hash up to the budget, in their original order."""
    ranked = sorted((e for e in entries if part.keep(e.id)), key=lambda e: _rank(e.id))
    kept: set[str] = set()
    size = 0
    for entry in ranked:
        if size + len(entry.text) > part.characters:
            break
        size += len(entry.text)
        kept.add(entry.id)
    return [entry for entry in entries if entry.id in kept]


def build(part: Slice, folder: Path) -> str:
    """Write one slice and return its paragraph of the data card."""
    path = assets.fetch(part.source, print) / "documents.jsonl.zst"
    entries = [Entry(row.pop("id"), row.pop("text"), row) for row in store.read(path)]
    out = folder / f"{part.source}-small.jsonl.zst"
    counts = store.write(out, chosen(entries, part), level=LEVEL)
    source = next(asset for asset in assets.known() if asset.name == part.source)
    packages = ", ".join(f"{p.name} {p.version} ({p.ecosystem})" for p in source.packages)
    return "\n".join(
        [
            f"## {out.name}",
            "",
            f"{source.about}. A slice of asset `{part.source}`, from {packages}.",
            "",
            f"- documents: {counts.documents}",
            f"- characters: {counts.characters}",
            f"- sha256: {counts.sha256}",
            f"- licence: {part.attribution}",
            "",
        ]
    )


def card(paragraphs: list[str]) -> str:
    """Return the data card."""
    head = f"""# Data card of the shipped corpora

Real text in small slices, so that gapless can show a run without a network. Every line is
`{{"id": ..., "text": ...}}`; ids name the work, texts are equal to those of the fetched asset.
Conversations have the turns of their text in `messages`.
Made by `scripts/build_shipped_corpora.py`: documents with the lowest hash of their id, up to a
number of characters, in the order of the source; zstandard {zstandard.__version__}, level {LEVEL}.
Intended for demonstrations, tests and small experiments. The texts are unfiltered: old novels,
speeches and glosses hold the views and words of their time; medical texts are definitions, not
advice. Licences that must travel with the text are in `licences/`.
"""
    return "\n".join([head, *paragraphs])


def _rank(key: str) -> bytes:
    """Return the place of an id; the salt keeps it independent of the held-out split."""
    return hashlib.sha256(f"shipped slice/{key}".encode()).digest()


def main() -> None:
    """Write every slice and the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=DATA, help="folder to write into")
    folder: Path = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    text = card([build(part, folder) for part in SLICES])
    (folder / "DATA_CARD.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
