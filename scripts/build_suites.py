"""Make the suites that ship inside gapless, and their card, from packages of the registries.

    python scripts/build_suites.py            write src/gapless/assets/data/suite-*
    python scripts/build_suites.py --to DIR   write elsewhere, to compare

Build after scripts/build_shipped_corpora.py: no item is in the text of a corpus that ships. The
same packages, the same corpora and the same zstandard give the same bytes. Takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import zstandard

from gapless import assets
from gapless.assets import extract_suites, store
from gapless.assets.fetching import package_file
from gapless.assets.suites.items import MOST_ITEMS
from gapless.assets.unpack import unpack

DATA = Path(assets.__file__).parent / "data"
MADE_OF = {
    "medical": ("diseases", "anatomy"),
    "general": ("dictionary", "encyclopedia", "bible", "commentary", "handbook"),
    "classical-chinese": ("poems-zh",),
}
"""Shipped suite to the assets whose packages it is made of."""
LICENCES = {
    "medical": "Mondo Disease Ontology, Monarch Initiative, CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/); Uberon multi-species anatomy ontology "
    "(Mungall et al. 2012), CC BY 3.0 (https://creativecommons.org/licenses/by/3.0/). Changes: "
    "definitions and names made into questions.",
    "general": "WordNet 3.0, copyright 2006 by Princeton University, licences/WordNet-3.0.txt "
    "(word_*). By the contributors to the English Wikipedia articles that the sources name; "
    "collected by Clark et al. (2019) for BoolQ; CC BY-SA 3.0 "
    "(https://creativecommons.org/licenses/by-sa/3.0/), and so is article_titles. The Debian "
    "Administrator's Handbook, by Raphael Hertzog and Roland Mas, CC BY-SA 3.0, and so are items "
    "whose source begins with debian-handbook. World English Bible, Henry's and Spurgeon's "
    "commentaries: public domain. Changes: cut into questions.",
    "classical-chinese": "Complete Tang Poems: public domain (edition chinese-poetry, MIT).",
}


def build(suite: str, folder: Path) -> str:
    """Write one suite and return its paragraph of the card."""
    rows = {asset.name: asset for asset in assets.known()}
    packages = {p.name: p for name in MADE_OF[suite] for p in rows[name].packages}
    place = folder / f"suite-{suite}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as root:
        for name, package in packages.items():
            archive = package_file(package, rows[MADE_OF[suite][0]], print)
            if archive is not None:  # else the standard library
                unpack(archive, Path(root) / name.replace("/", "_"))
        about = getattr(extract_suites, suite.replace("-", "_"))(Path(root), place)
    return _paragraph(suite, place, about, [f"{p.name} {p.version}" for p in packages.values()])


def _paragraph(suite: str, place: Path, about: dict[str, str], packages: list[str]) -> str:
    lines = [f"## suite-{suite}", "", f"From {', '.join(packages)}. {LICENCES[suite]}", ""]
    lines += ["| task | items | asks for | sha256 |", "| --- | --- | --- | --- |"]
    for name in sorted(about):
        path = place / name / "items.jsonl.zst"
        with zstandard.open(path, "rt", encoding="utf-8") as file:
            number = sum(bool(json.loads(line)) for line in file)
        lines.append(f"| {name} | {number} | {about[name]} | {store.sha256_of(path)[:16]} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Write every suite and the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=DATA, help="folder to write into")
    folder: Path = parser.parse_args().to
    head = f"""# Card of the shipped suites

Tasks made by rule from real text; no question was written by hand. Each item's `source` names the
document or term that it is made of. At most {MOST_ITEMS} items a task, and they and their
choices stand in a random order. No item stands in a corpus that ships with gapless: not eight of
its words in a row. The shipped base has read none of the prose, but the rest of the encyclopedia
and of WordNet (recipes/base.yaml).
Made by `scripts/build_suites.py` (zstandard {zstandard.__version__}). Questions made by rule have
mistakes that a reader would have seen: a wrong choice may be right in another sense. Read them as
curves over a training run, not as what a model knows; nothing here is medical advice.
"""
    text = "\n".join([head, *(build(suite, folder) for suite in MADE_OF)])
    (folder / "SUITES.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
