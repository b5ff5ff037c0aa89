"""What the shipped corpora say: no item may be in the text that a shipped demo is trained on."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
_IN_A_ROW = 8


class Seen:
    """Word 8-grams of texts; a shorter text is looked for whole.

    Stricter than the contamination stage of a run, which looks for 13 words in a row.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._grams: set[str] = set()
        joined = []
        for text in texts:
            words = _words(text)
            self._grams.update(_grams(words))
            joined.append(" ".join(words))
        self._whole = " | ".join(["", *joined, ""])

    def holds(self, text: str) -> bool:
        """Say whether a text, or eight of its words in a row, are in the texts."""
        words = _words(text)
        if len(words) < _IN_A_ROW:
            return f" {' '.join(words)} " in self._whole
        return not self._grams.isdisjoint(_grams(words))


def shipped_texts() -> Seen:
    """Return what all shipped corpora say."""
    from gapless.assets import store
    from gapless.assets.places import shipped
    from gapless.assets.registry import known

    names = [asset.name for asset in known() if asset.shipped and asset.kind == "corpus"]
    return Seen(row["text"] for name in names for row in store.read(shipped(name)))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _grams(words: list[str]) -> Iterable[str]:
    return (" ".join(words[i : i + _IN_A_ROW]) for i in range(len(words) - _IN_A_ROW + 1))
