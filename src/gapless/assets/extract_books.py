"""Novels and speeches: six novels from an R package, Moby-Dick and the State of the Union."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from gapless.assets.passages import Entry, cut, inside, numbered, slug, tidy, unwrap

_CHAPTER = re.compile(r"^(?:CHAPTER|Chapter|VOLUME|LETTER) +(?:[IVXLC]+|\d+)\.?$")
_TEXT_VECTOR, _STRING = 16, 9


def novels(root: Path) -> Iterator[Entry]:
    """Yield every chapter of Jane Austen's six novels and of Moby-Dick, cut into passages."""
    rdb = inside(root, "janeaustenr/data/Rdata.rdb")
    books = sorted(_r_texts(rdb.read_bytes()))
    for lines in books:
        yield from _austen(lines)
    yield from _moby_dick(inside(root, "moby-dick/data"))


def speeches(root: Path) -> Iterator[Entry]:
    """Yield State of the Union addresses; the key holds year and speaker."""
    for path in sorted(inside(root, "sotu/data").glob("[0-9]*.txt")):
        year, _, speaker = path.stem.partition("_")
        key = f"state-of-the-union/{year}-{speaker[:-2].replace('_', '-')}"
        lines = tidy(path.read_text(encoding="utf-8")).split("\n")
        yield from numbered(key, cut([line.strip() for line in lines if line.strip()]))


def _austen(lines: list[str]) -> Iterator[Entry]:
    title = lines[0].title().replace("And", "and")
    starts = [i for i, line in enumerate(lines) if _CHAPTER.match(line.strip())]
    for number, (start, end) in enumerate(pairwise([*starts, len(lines)]), start=1):
        body = tidy("\n".join(lines[start + 1 : end]).replace("_", ""))
        paragraphs = [p for p in unwrap(body) if p not in {"THE END", "FINIS", "Finis"}]
        yield from numbered(f"{slug(title)}/ch-{number}", cut(paragraphs))


def _moby_dick(folder: Path) -> Iterator[Entry]:
    chapters = sorted(folder.glob("chapter_*.txt"), key=lambda p: int(p.stem.split("_")[1]))
    for path in [*chapters, folder / "epilogue.txt"]:
        name = path.stem.replace("chapter_", "ch-")
        paragraphs = unwrap(tidy(path.read_text(encoding="utf-8")))
        yield from numbered(f"moby-dick/{name}", cut(paragraphs))


def _r_texts(rdb: bytes) -> Iterator[list[str]]:
    """Yield each character vector of an R lazy-load database (zlib records, XDR serialised)."""
    position = 0
    while position < len(rdb):
        unpacker = zlib.decompressobj()
        record = unpacker.decompress(rdb[position + 4 :])
        position = len(rdb) - len(unpacker.unused_data)
        yield _r_strings(record)


def _r_strings(record: bytes) -> list[str]:
    """Decode one serialised R character vector (format 3)."""

    def integer(at: int) -> int:
        return int.from_bytes(record[at : at + 4], "big", signed=True)

    at = 2 + 12
    at += 4 + integer(at)  # the name of the native encoding
    if integer(at) & 255 != _TEXT_VECTOR:
        return []
    count, at = integer(at + 4), at + 8
    strings = []
    for _ in range(count):
        if integer(at) & 255 != _STRING:
            break
        size = max(integer(at + 4), 0)
        strings.append(record[at + 8 : at + 8 + size].decode("utf-8"))
        at += 8 + size
    return strings
