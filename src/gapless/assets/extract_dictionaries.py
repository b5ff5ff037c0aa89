"""Dictionaries: WordNet glosses, dictd files (GCIDE, FOLDOC) and the Jargon File."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from gapless.assets.passages import Entry, group, inside, tidy, unwrap

_PARTS = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
_SATELLITE = re.compile(r"\((?:a|p|ip)\)$")
_SOURCE_MARK = re.compile(r"\[(?:1913 Webster|PJC|WordNet[^\]]*|Webster 1913[^\]]*|RP|AS|JDM)\]")
_PRONUNCIATION = re.compile(r"\\[^\\\n]*\\(?: ?\([^)\n]*\))?,?")
_JARGON_HEAD = re.compile(r"\n   :(?=[^\s:][^:\n]{0,60}:)")
_DATED = re.compile(r"^\(\d{4}-\d\d-\d\d\)$")


def wordnet(root: Path) -> Iterator[Entry]:
    """Yield WordNet glosses in alphabetical order: `word, word (noun): gloss; "example"`."""
    folder = inside(root, "wordnet/data.noun").parent
    rows = [row for part in _PARTS for row in _synsets(folder / f"data.{part}", _PARTS[part])]
    rows.sort(key=lambda row: (row[0].casefold(), row[0], row[1]))
    yield from group("wordnet", rows)


def gcide(root: Path) -> Iterator[Entry]:
    """Yield the GNU Collaborative International Dictionary of English, marks removed."""
    yield from group("gcide", _dictd(inside(root, "gcide.dict.dz")))


def foldoc(root: Path) -> Iterator[Entry]:
    """Yield the Free On-line Dictionary of Computing."""
    yield from group("foldoc", _dictd(inside(root, "foldoc.dict.dz")))


def jargon(root: Path) -> Iterator[Entry]:
    """Yield the Jargon File's lexicon."""
    with gzip.open(inside(root, "jargon.txt.gz"), "rt", encoding="utf-8") as file:
        text = file.read()
    yield from group("jargon", _jargon_entries(text))


def _synsets(path: Path, part: str) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            continue
        fields, _, gloss = line.partition(" | ")
        parts = fields.split(" ")
        words = [_SATELLITE.sub("", parts[4 + 2 * i]) for i in range(int(parts[3], 16))]
        names = [word.replace("_", " ") for word in words]
        yield names[0], tidy(f"{', '.join(names)} ({part}): {gloss.strip()}")


def _dictd(path: Path) -> Iterator[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        blocks = re.split(r"\n(?=\S)", file.read())
    for block in blocks:
        head = re.split(r"\s*[\\\n\[]", block, maxsplit=1)[0].strip()
        if not head or head.startswith("00-database"):
            continue
        text = _SOURCE_MARK.sub("", _PRONUNCIATION.sub("", block))
        text = re.sub(r"[{}]", "", text)
        text = re.sub(r"\n(?=\s+(?:\d+\.|\([a-z]\)|Syn:|Note:) )", "\n\n", text)
        paragraphs = [p for p in unwrap(text) if not _DATED.match(p)]
        paragraphs[:2] = [": ".join(paragraphs[:2])] if paragraphs[:1] == [head] else paragraphs[:2]
        if sum(map(len, paragraphs)) > len(head) + 8:
            yield head, tidy("\n".join(p.replace(" ,", ",") for p in paragraphs))


def _jargon_entries(text: str) -> Iterator[tuple[str, str]]:
    for block in _JARGON_HEAD.split(text)[1:]:
        paragraphs = unwrap(re.sub(r"[{}]", "", f":{block}"))
        named = re.match(r":([^:]+):\s*", paragraphs[0])
        if named and len(paragraphs) > 1:
            head = named[1].strip()
            first = f"{head}: {paragraphs[0][named.end() :]}".strip()
            yield head, tidy("\n".join([first, *paragraphs[1:]]))
