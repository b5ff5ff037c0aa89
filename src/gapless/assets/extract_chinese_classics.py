"""Classical Chinese: the Complete Tang Poems, and prose from the Analects to the primers.

It is not modern Chinese; a model of modern Chinese meets it as a language of its own.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gapless.assets.chinese_prose import passages
from gapless.assets.passages import Entry, inside, tidy

_DAMAGED = re.compile("[\u25a1\ufffd\u25cb]")
_NOTE = re.compile("[\u3016\u3017\uff08\uff09]")
_BRACKETS = str.maketrans("", "", "[]{}")
_PROSE = (
    "lunyu/lunyu", "sishuwujing/daxue", "sishuwujing/zhongyong", "sishuwujing/mengzi",
    "mengxue/guwenguanzhi", "mengxue/youxueqionglin", "mengxue/zengguangxianwen",
    "mengxue/shenglvqimeng", "mengxue/zhuzijiaxun",
)  # fmt: skip


def poems(root: Path) -> Iterator[Entry]:
    """Yield the Complete Tang Poems in traditional script, poet by poet."""
    by_poet: dict[str, list[str]] = defaultdict(list)
    folder = inside(root, "dist/quantangshi")
    for path in sorted(folder.glob("poet.tang.*.json"), key=lambda p: int(p.name.split(".")[2])):
        for poem in json.loads(path.read_text(encoding="utf-8")):
            verses = [line for line in poem["paragraphs"] if not _NOTE.search(line)]
            text = tidy("\n".join([poem["title"], *verses]).translate(_BRACKETS))
            if verses and not _DAMAGED.search(text):
                by_poet[poem["author"]].append(text)
    for poet, texts in by_poet.items():
        yield from passages(f"tang/{poet}", texts)


def classics(root: Path) -> Iterator[Entry]:
    """Yield classical prose by chapter, in traditional script (the Analects in simplified)."""
    for name in _PROSE:
        book = json.loads(inside(root, f"dist/{name}.json").read_text(encoding="utf-8"))
        for chapter, paragraphs in _chapters(book, ""):
            yield from passages(f"{name.partition('/')[2]}/{chapter}", paragraphs)


def _chapters(node: Any, name: str) -> Iterator[tuple[str, list[str]]]:
    """Walk a book, whose chapters lie at differing depths, to its lists of paragraphs."""
    if isinstance(node, list):
        for child in node:
            yield from _chapters(child, name)
        return
    title = str(node.get("chapter") or node.get("title") or name)
    if "paragraphs" in node:
        yield title, [tidy(text) for text in node["paragraphs"] if text]
    else:
        yield from _chapters(node["content"], title)
