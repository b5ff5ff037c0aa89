"""Ways to spoil a text: each names the spans to change and what to write there.

To add a way: a function of `Sections`, a stream and an answer of another document that gives
edits, at least one of which changes the text, or none where it cannot; a line in `WAYS`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np

from gapless.synthesis.final_answers import final_answer_span
from gapless.synthesis.quantities import choice_of, quantity_of

MOST_NUMBERS = 5
"""So many numbers of a text are changed at most."""


class Section(NamedTuple):
    """A section, and where it stands."""

    name: str
    begin: int
    """In the document's text."""
    text: str
    is_code: bool


class Edit(NamedTuple):
    """A span of the old text, and what is to stand there."""

    begin: int
    end: int
    text: str


Way = Callable[[Sequence[Section], np.random.Generator, str | None], list[Edit]]

_NUMBER = re.compile(r"(?<![A-Za-z_\d.,^\\])\d{1,12}(?:,\d{3})*(?:\.\d+)?(?!\d|[.,]\d)")
_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_VALUE = re.compile(r"^(?:.*[=\u2248])?.*?(\d+(?:\.\d+)?)", re.DOTALL)
_LABEL = re.compile(
    r"(?:^[ \t]*|(?:step|part|problem|figure|question)[ \t]+|\u7b2c)$", re.IGNORECASE | re.MULTILINE
)
_AFTER_LABEL = re.compile(r"[.)\u3001:](?:\s|$)|[\u6b65\u90e8\u9898]")
_WORD = re.compile(r"(?<![\\\w])[A-Za-z][A-Za-z-]{4,}(?!\w)")
_IDEOGRAPHS = re.compile("[\u4e00-\u9fff]{2,}")
_SENTENCE = re.compile(
    r"\S(?:.*?)(?:(?<!\b[A-Z])[.!?](?=\s)|[\u3002\uff01\uff1f]|(?=\n)|\Z)", re.MULTILINE
)
_FORMULA = re.compile(
    r"\$\$.*?\$\$|\$[^$\n]*\$|\\\[.*?\\\]|\\\(.*?\\\)|```.*?```|`[^`\n]*`", re.DOTALL
)
_LEAST_SENTENCES = 3

_COMMON_IDEOGRAPHS = frozenset(
    "\u7684\u4e86\u662f\u5728\u548c\u4e0e\u6216\u53ca\u5c31\u90fd\u800c\u4e5f\u7740\u4e2a\u4e00\u4e8c\u4e09\u4e0d\u6709\u4eba\u8fd9\u90a3\u6211\u4f60\u4ed6\u5979\u5b83\u4eec"
    "\u4e3a\u4ee5\u53ef\u80fd\u4f1a\u8981\u5230\u5bf9\u4ece\u628a\u88ab\u7531\u4e8e\u56e0\u6240\u5219\u5f53\u82e5\u5982\u679c\u6c42\u89e3\u7b54\u6848\u5f97\u5df2\u77e5\u8bbe\u6839\u636e\u5176\u6b64\u6bcf"
    "\u591a\u5c11\u51e0\u4ec0\u4e48\u4e0a\u4e0b\u4e2d\u91cc\u5916\u6bd4\u66f4\u6700\u5f88\u53c8\u518d\u8fd8\u53ea\u9700\u7b2c\u6b65"
)


def change_numbers(
    sections: Sequence[Section], draw: np.random.Generator, _: str | None
) -> list[Edit]:
    """Change up to five numbers to others of the same shape: digits, decimals, separators.

    Numbers of steps and lists are left, and digits within words and powers.
    """
    places = [
        (section.begin + match.start(), match.group())
        for section in sections
        for match in _NUMBER.finditer(section.text)
        if not _is_label(section.text, match)
    ]
    if not places:
        return []
    count = min(len(places), MOST_NUMBERS)
    chosen = np.sort(draw.choice(len(places), count, replace=False))
    return [
        Edit(begin, begin + len(number), _another_number(number, draw))
        for begin, number in (places[place] for place in chosen)
    ]


def swap_key_terms(
    sections: Sequence[Section], draw: np.random.Generator, _: str | None
) -> list[Edit]:
    """Exchange two of the text's own terms wherever they stand, outside code and formulas.

    Terms are words of five letters or more that are not common, or pairs of ideographs that stand
    there twice and are not grammar; drawn among the twelve that stand there most.
    """
    found = [place for section in sections if not section.is_code for place in _terms(section)]
    counts = Counter(term for _, _, term in found)
    # The most frequent ones, in the order in which they stand.
    terms = [term for term, _ in counts.most_common(12)]
    if len(terms) < 2:
        return []
    one, other = (terms[place] for place in draw.choice(len(terms), 2, replace=False))
    instead = {one: other, other: one}
    written = {term: text for text, _, term in reversed(found)}
    return [
        Edit(begin, begin + len(text), _cased_as(text, written[instead[term]]))
        for text, begin, term in found
        if term in instead
    ]


def shuffle_sentences(
    sections: Sequence[Section], draw: np.random.Generator, _: str | None
) -> list[Edit]:
    """Put the sentences of one section, drawn among those with three or more, in another order."""
    able = [
        (section, sentences)
        for section in sections
        if not section.is_code and len(sentences := _sentences(section.text)) >= _LEAST_SENTENCES
    ]
    able = [(section, found) for section, found in able if len({text for _, text in found}) > 1]
    if not able:
        return []
    section, found = able[int(draw.integers(len(able)))]
    texts = [text for _, text in found]
    shuffled = texts
    while shuffled == texts:
        shuffled = [texts[place] for place in draw.permutation(len(texts))]
    return [
        Edit(section.begin + begin, section.begin + begin + len(text), instead)
        for (begin, text), instead in zip(found, shuffled, strict=True)
        if text != instead
    ]


def give_wrong_answer(
    sections: Sequence[Section], draw: np.random.Generator, other: str | None
) -> list[Edit]:
    """Change the number or the letter of the final answer, or put another document's there."""
    for section in reversed(sections):
        span = None if section.is_code else final_answer_span(section.text)
        if span is None:
            continue
        answer = section.text[span[0] : span[1]]
        begin, end = section.begin + span[0], section.begin + span[1]
        if quantity_of(answer) is not None and (number := _VALUE.search(answer)):
            instead = _another_number(number.group(1), draw)
            return [Edit(begin + number.start(1), begin + number.end(1), instead)]
        if choice_of(answer) is not None and (letter := re.search(r"[A-Ha-h](?!\w)", answer)):
            letters = [each for each in "ABCD" if each != letter.group().upper()]
            drawn = letters[int(draw.integers(len(letters)))]
            drawn = drawn if letter.group().isupper() else drawn.lower()
            return [Edit(begin + letter.start(), begin + letter.end(), drawn)]
        return [Edit(begin, end, other)] if other not in (None, answer) else []
    return []


WAYS: dict[str, Way] = {
    "numbers": change_numbers,
    "key_terms": swap_key_terms,
    "sentences": shuffle_sentences,
    "wrong_answer": give_wrong_answer,
}


def _is_label(text: str, number: re.Match[str]) -> bool:
    """Tell if a number counts steps or lines: it begins a line, or follows ``Step``."""
    line = text[text.rfind("\n", 0, number.start()) + 1 : number.start()]
    if _LABEL.search(line) is None:
        return False
    return bool(line.strip()) or _AFTER_LABEL.match(text, number.end()) is not None


def _another_number(number: str, draw: np.random.Generator) -> str:
    """Draw other digits; of what may be a year the last two only.

    The first digit stays above 0 where it was, and a 0 before others stays.
    """
    kept = 2 if _YEAR.fullmatch(number) else int(number[0] == "0" and len(number) > 1)
    value = float(number.replace(",", ""))
    while True:
        changed = number[:kept]
        for place in range(kept, len(number)):
            least = 0 if place and number[place - 1] != "," else 1
            drawn = str(draw.integers(least, 10))
            changed += drawn if number[place].isdigit() else number[place]
        if float(changed.replace(",", "")) != value:
            return changed


def _terms(section: Section) -> list[tuple[str, int, str]]:
    """Return text, place in the document and name of each term of a section."""
    formulas = [match.span() for match in _FORMULA.finditer(section.text)]
    prose = list(section.text)
    for begin, end in formulas:
        prose[begin:end] = "\n" * (end - begin)
    text = "".join(prose)
    common = _common_words()
    words = [
        (match.group(), section.begin + match.start(), match.group().casefold())
        for match in _WORD.finditer(text)
        if match.group().casefold() not in common
    ]
    return sorted(words + _pairs(text, section.begin), key=lambda term: term[1])


@cache
def _common_words() -> frozenset[str]:
    """Return English words that are no terms of anything: common_words.txt."""
    data = resources.files("gapless.synthesis") / "common_words.txt"
    return frozenset(data.read_text(encoding="utf-8").split())


def _pairs(text: str, begin: int) -> list[tuple[str, int, str]]:
    """Return pairs of ideographs that stand there twice, none over another."""
    runs = [(match.start(), match.group()) for match in _IDEOGRAPHS.finditer(text)]
    every = [
        (start + place, run[place : place + 2])
        for start, run in runs
        for place in range(len(run) - 1)
        if not _COMMON_IDEOGRAPHS & set(run[place : place + 2])
    ]
    counts = Counter(pair for _, pair in every)
    found: list[tuple[str, int, str]] = []
    free = 0
    for place, pair in every:
        if place >= free and counts[pair] > 1:
            found.append((pair, begin + place, pair))
            free = place + 2
    return found


def _cased_as(model: str, word: str) -> str:
    """Write a word as another one stands there: Capital, ALL CAPITALS, or as it is."""
    if model.isupper():
        return word.upper()
    if model[0].isupper():
        return word[0].upper() + word[1:]
    return word[0].lower() + word[1:] if not word.isupper() else word


def _sentences(text: str) -> list[tuple[int, str]]:
    """Return places and texts of sentences; the end of a line ends one too."""
    found = [(match.start(), match.group().rstrip()) for match in _SENTENCE.finditer(text)]
    return [(place, sentence) for place, sentence in found if sentence]
