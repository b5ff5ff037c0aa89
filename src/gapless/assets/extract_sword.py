"""Bible and commentaries from SWORD modules (zText and zCom: zlib blocks of OSIS markup)."""

from __future__ import annotations

import html
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from gapless.assets.passages import Entry, cut, inside, numbered, tidy, unwrap

_CHAPTER = re.compile(r'<chapter\b[^>]*osisID="([^"]+)"[^>]*sID=[^>]*/?>')
_APPARATUS = re.compile(
    r"<note\b.*?</note>|<milestone\b[^>]*>|<reference\b.*?</reference>", re.DOTALL
)
_MAIN_TITLE = re.compile(r'<title\b[^>]*type="(?:main|x-ms|x-IS)"[^>]*>.*?</title>', re.DOTALL)
_PREVERSE = re.compile(r'<div\b[^>]*subType="x-preverse"[^>]*>')
_BREAK = re.compile(r"</?(?:div|p|title|row|lg|list)\b[^>]*>")
_LINE = re.compile(r"<(?:l|lb)\b[^>]*>")
_TAG = re.compile(r"<[^>]+>")


def bible(root: Path) -> Iterator[Entry]:
    """Yield the World English Bible by chapter, long ones cut; lines of verse are kept."""
    yield from _module(root, "web", verse=True)


def commentary(root: Path) -> Iterator[Entry]:
    """Yield Matthew Henry's concise commentary and Spurgeon's Treasury of David, by chapter."""
    for name in ("mhcc", "tdavid"):
        folder = inside(root, f"zcom/{name}")
        yield from _module(folder, name, verse=False)


def _module(root: Path, prefix: str, *, verse: bool) -> Iterator[Entry]:
    chapters: dict[str, list[str]] = {}
    for index in sorted(root.rglob("[on]t.[bc]zs")):
        for block in _blocks(index):
            parts = _CHAPTER.split(_APPARATUS.sub("", block))
            for chapter, markup in zip(parts[1::2], parts[2::2], strict=True):
                chapters.setdefault(chapter, []).extend(_paragraphs(markup, verse=verse))
    for chapter, paragraphs in chapters.items():
        yield from numbered(f"{prefix}/{chapter.replace('.', '/')}", cut(paragraphs))


def _blocks(index: Path) -> Iterator[str]:
    data = index.with_suffix(index.suffix[:-1] + "z").read_bytes()
    for offset, size, _ in struct.iter_unpack("<III", index.read_bytes()):
        if size:
            yield zlib.decompress(data[offset : offset + size]).decode("utf-8", "replace")


def _paragraphs(markup: str, *, verse: bool) -> list[str]:
    markup = _PREVERSE.sub("", _MAIN_TITLE.sub("", markup))
    markup = _BREAK.sub("\n\n", " ".join(markup.split()))
    if not verse:
        return unwrap(tidy(html.unescape(_TAG.sub("", _LINE.sub(" ", markup)))))
    plain = tidy(html.unescape(_TAG.sub("", _LINE.sub("\n", markup))))
    stanzas = [re.sub(r" *\n *", "\n", part) for part in re.split(r"\n\s*\n", plain)]
    return [re.sub(r" {2,}", " ", part).strip() for part in stanzas if part.strip()]
