"""What is Chinese prose in a translated manual, and how Chinese text is joined and cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gapless.assets.passages import Entry, cut, numbered, tidy

_IDEOGRAPH = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARK = (
    "\u3001-\u3003\u3008-\u3011\u3014-\u301b\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_CJK = re.compile(f"[{_IDEOGRAPH}]")
_LATIN = re.compile(r"[A-Za-z]")
_GAP = re.compile(
    rf"(?<=[{_IDEOGRAPH}]) +(?=[{_IDEOGRAPH}{_MARK}])|(?<=[{_MARK}]) +| +(?=[{_MARK}])"
)
_SENTENCE = re.compile("(?<=[\u3002\uff01\uff1f\uff1b])(?![\u201d\u2019\u300d\u300f\uff09])")
_ROW = re.compile(r"\|.*\|")
_FEWEST = 4
_LEAST_OF_PARAGRAPH, _LEAST_OF_PASSAGE = 0.3, 0.5
_TARGET, _LONGEST = 1500, 2500


def chinese_share(text: str) -> float:
    """Return how much of a text's ideographs and Latin letters are ideographs; 0 without any."""
    chinese = len(_CJK.findall(text))
    letters = chinese + len(_LATIN.findall(text))
    return chinese / letters if letters else 0.0


def close_up(text: str) -> str:
    """Drop the spaces between Chinese signs, left where a source broke its lines, and runs."""
    return re.sub(" {2,}", " ", _GAP.sub("", text))


class Prose:
    """Keeps the Chinese paragraphs of one asset, each the first time that it comes.

    What falls: code and paragraphs that were never translated (under 30 % ideographs), rows of
    three cells or more, lines of under 4 ideographs, and what many pages repeat: notices, links.
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def of(self, paragraphs: Iterable[str]) -> Iterator[str]:
        """Yield the paragraphs that are kept, without the gaps of broken lines."""
        for paragraph in paragraphs:
            text = close_up(tidy(paragraph).removeprefix("| "))
            if len(_CJK.findall(text)) < _FEWEST or text in self._seen or _ROW.search(text):
                continue
            if chinese_share(text) >= _LEAST_OF_PARAGRAPH:
                self._seen.add(text)
                yield text


def passages(key: str, paragraphs: Iterable[str], target: int = _TARGET) -> Iterator[Entry]:
    """Cut one work into passages of about ``target`` characters; drop the mostly Latin ones."""
    pieces = (piece for paragraph in paragraphs for piece in _sentences(paragraph, target))
    texts = cut(pieces, target, max(_LONGEST, target))
    yield from numbered(key, (text for text in texts if chinese_share(text) > _LEAST_OF_PASSAGE))


def _sentences(paragraph: str, longest: int) -> Iterator[str]:
    """Give a paragraph; one that is too long in pieces that end where sentences end."""
    if len(paragraph) <= longest:
        yield paragraph
        return
    held = ""
    for sentence in _SENTENCE.split(paragraph):
        if held and len(held) + len(sentence) > longest:
            yield held
            held = ""
        held += sentence
    yield held
