"""Shared shaping of raw text into documents: tidy, unwrap, cut long works, group tiny entries."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from gapless.errors import AssetError

_NOTHING: Mapping[str, object] = MappingProxyType({})
_LONGEST = 8000
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=[A-Z\"'\u201c\u2018(])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00ad\u200b\ufeff]")
_ODD_SPACE = re.compile(r"[\u00a0\u2002-\u200a\u202f\u3000]")


class Entry(NamedTuple):
    """One document of an asset: a readable key, its text, and columns that only this asset has."""

    id: str
    text: str
    extra: Mapping[str, object] = _NOTHING


Extractor = Callable[[Path], Iterator[Entry]]
"""Reads the folder that holds an unpacked package and yields its documents in a fixed order."""


def inside(root: Path, pattern: str) -> Path:
    """Return the first file or folder under `root` whose path ends like `pattern`.

    Raises:
        AssetError: the package does not hold it.

    """
    found = min(root.rglob(pattern), default=None)
    if found is None:
        raise AssetError(
            f"the package holds no {pattern}", mend="Delete its download; fetch again."
        )
    return found


def tidy(text: str) -> str:
    """Return the text in NFC, without control characters, odd spaces or runs of blank lines."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _ODD_SPACE.sub(" ", _CONTROL.sub("", text))
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def unwrap(text: str) -> list[str]:
    """Split text at blank lines into paragraphs and join the hard-wrapped lines of each."""
    blocks = re.split(r"\n[ \t]*\n", text)
    return [joined for block in blocks if (joined := " ".join(block.split()))]


def cut(paragraphs: Iterable[str], target: int = 4000, longest: int = 6000) -> Iterator[str]:
    """Join paragraphs into passages of about `target` characters, none much over `longest`."""
    held: list[str] = []
    size = 0
    for piece in _fitting(paragraphs, longest):
        if held and (size + len(piece) > longest or size >= target):
            yield "\n\n".join(held)
            held, size = [], 0
        held.append(piece)
        size += len(piece) + 2
    if held:
        yield "\n\n".join(held)


def numbered(key: str, texts: Iterable[str]) -> Iterator[Entry]:
    """Name the passages of one work `key/1`, `key/2`, ...; a work of one passage keeps its key."""
    passages = list(texts)
    if len(passages) > 1 and len(passages[-1]) < 800:
        tail = passages.pop()
        passages[-1] += "\n\n" + tail
    for number, text in enumerate(passages, start=1):
        yield Entry(key if len(passages) == 1 else f"{key}/{number}", text)


def group(prefix: str, entries: Iterable[tuple[str, str]], size: int = 2000) -> Iterator[Entry]:
    """Join consecutive (headword, text) entries into documents of at least `size` characters."""
    heads: list[str] = []
    held: list[str] = []
    for head, text in entries:
        heads.append(head)
        held.append(text)
        if sum(map(len, held)) >= size:
            yield from _grouped(prefix, heads, held)
            heads, held = [], []
    if held:
        yield from _grouped(prefix, heads, held)


def slug(text: str, words: int = 8) -> str:
    """Make a short lower-case key from the first words of a text."""
    found = re.findall(r"[^\W_]+", text.casefold())
    return "-".join(found[:words])


def _grouped(prefix: str, heads: list[str], held: list[str]) -> Iterator[Entry]:
    """Name a group by its first and last headword; cut it at lines when one entry is very long."""
    text = "\n\n".join(held)
    parts = [text] if len(text) <= _LONGEST else cut(text.split("\n"), 3000, 4000)
    yield from numbered(f"{prefix}/{heads[0]}..{heads[-1]}", parts)


def _fitting(paragraphs: Iterable[str], longest: int) -> Iterator[str]:
    """Split a paragraph that is too long at sentence ends, then at words."""
    for paragraph in paragraphs:
        if len(paragraph) <= longest:
            yield paragraph
            continue
        held = ""
        for sentence in _SENTENCE_END.split(paragraph):
            if held and len(held) + len(sentence) > longest * 2 // 3:
                yield held
                held = ""
            held = f"{held} {sentence}" if held else sentence
        if held:
            yield held
