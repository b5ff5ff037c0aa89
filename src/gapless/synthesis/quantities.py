"""Whether two final answers say the same: numbers, units, choices, a few words."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

from gapless.synthesis.measures import read_unit

_CLOSE = 1e-6
_LONGEST = 200
"""Characters; longer answers only agree when they are the same."""
_MOST_WORDS = 6
"""Words, or ideographs, of an answer in words that can be compared with another."""

_NUMBER = r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
_POWER = r"10\s*\^\s*\{?\s*(?P<%s>[+-]?\d{1,4})\s*\}?"
_QUANTITY = re.compile(
    r"(?P<sign>[+-])?\s*(?:[\u00a5\u20ac\u00a3]\s*)?(?:" + _POWER % "alone" + r"|(?:"
    rf"\\[dt]?frac\s*\{{\s*(?P<top>-?{_NUMBER})\s*\}}\s*\{{\s*(?P<bottom>{_NUMBER})\s*\}}"
    r"|(?P<whole>\d+)\s+(?P<part>\d+)\s*/\s*(?P<parts>\d+)"
    rf"|(?P<number>{_NUMBER})(?:\s*/\s*(?P<divisor>{_NUMBER}))?(?:[eE](?P<e>[+-]?\d{{1,4}}))?(?![\d])"
    r")"
    rf"(?:\s*(?:\\times|\\cdot|\*|x|X|\u00d7|\u22c5)\s*{_POWER % 'power'})?)"
)
_NAME = re.compile(r"\s*(?P<name>[^=\u2248]*)(?:=|\u2248)\s*")
_ABOUT = re.compile(
    r"(?:about|approximately|approx\.?|around|roughly|~|\u5927?\u7ea6\u4e3a?)\s*", re.IGNORECASE
)
_CHOICE = re.compile(
    r"(?:(?:option|choice|\u9009\u9879?)\s*)?[(\[]?([a-h])(?:[)\].:\u3001]+\s*(.*))?",
    re.IGNORECASE | re.DOTALL,
)
_BETWEEN_VALUES = re.compile(
    r",(?!\d{3}(?!\d))|(?<!\d),|;|\bor\b|\band\b|\u3001|\u6216|\u548c", re.IGNORECASE
)
_TOKEN = re.compile(rf"{_NUMBER}|[^\W\d_]+|[^\s,.'\"$]")
_WORDS = re.compile(r"[^\W\d_]+(?:[ -][^\W\d_]+)*")
_COUNTED = re.compile(r"[^\W\d_]{3}|[\u3400-\u9fff]")
_LONGEST_UNIT = 40
_ARTICLES = frozenset({"the", "a", "an"})

_SUPERSCRIPTS = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207a\u207b"
_RAISED = re.compile(f"[{_SUPERSCRIPTS}]+")
_LOWERED = str.maketrans(_SUPERSCRIPTS, "0123456789+-")
_VULGAR = re.compile("[\u00bc-\u00be\u2150-\u215e]")
_BOXED = re.compile(
    r"\\(?:text|textrm|textbf|mathrm|mathbf|mathit|mbox|operatorname|boxed)\s*\{([^{}]*)\}"
)
_COMMANDS = (
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\[,;:! ]"), " "),
    (re.compile(r"\\(?:left|right|displaystyle|quad|qquad)(?![A-Za-z])"), " "),
    (re.compile(r"\\(?:approx|simeq)(?![A-Za-z])"), "\u2248"),
    (re.compile(r"\\([%$&])"), r"\1"),
    (re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\degree(?![A-Za-z])"), "\u00b0"),
    (re.compile(r"\\mu(?![A-Za-z])"), "\u03bc"),
    (re.compile(r"\\Omega(?![A-Za-z])"), "\u03a9"),
    (re.compile(r"\\\(|\\\)|\\\[|\\\]|\$|\*\*|`"), " "),
    (re.compile("[\u2212\u2013\u2012]"), "-"),
    (re.compile("\u2044"), "/"),
)


@dataclass(frozen=True)
class Quantity:
    """A number with what it is a number of."""

    value: float
    unit: str
    """As written, blanks apart; empty for a bare number."""


def agrees(one: str, other: str) -> bool:
    """Tell if two final answers say the same.

    Numbers to a relative 1e-6, however they are written, in units of one kind that are converted;
    a number without a unit agrees with one that has a unit known here or a word. Several values in
    any order. The same letter of a choice, with the same text where both have one. Else the same
    words and numbers, but for case, articles and punctuation.
    """
    first, second = _tidy(one), _tidy(other)
    if first.casefold() == second.casefold() or max(len(first), len(second)) > _LONGEST:
        return first.casefold() == second.casefold()
    if (choices := _choices_agree(first, second)) is not None:
        return choices
    ours, theirs = _pieces(first), _pieces(second)
    if len(ours) != len(theirs):
        return False
    if len(ours) == 1:
        return _values_agree(ours[0][1], theirs[0][1])
    left = list(theirs)
    for name, value in ours:
        found = [
            piece
            for piece in left
            if _values_agree(value, piece[1]) and (name == piece[0] or not (name and piece[0]))
        ]
        if not found:
            return False
        left.remove(found[0])
    return True


def quantity_of(text: str) -> Quantity | None:
    """Return the number that an answer is, with or without a name before and a unit after it."""
    pieces = _pieces(_tidy(text))
    return _quantity(pieces[0][1]) if len(pieces) == 1 else None


def choice_of(text: str) -> tuple[str, str] | None:
    """Return letter (``a`` to ``h``) and text of a choice: ``B``, ``(b)``, ``B. twelve``."""
    match = _CHOICE.fullmatch(_tidy(text))
    return (match.group(1).lower(), match.group(2) or "") if match else None


def is_short(text: str) -> bool:
    """Tell if an answer is a few words, so that the same answer is likely in the same words."""
    tidy = _tidy(text)
    words = re.findall(r"[\u3400-\u9fff]|[^\W_]+", tidy)
    return 0 < len(words) <= _MOST_WORDS


def _tidy(text: str) -> str:
    """Return an answer without wrapping, its signs in one form."""
    text = _RAISED.sub(lambda run: f"^{{{run.group().translate(_LOWERED)}}}", text)
    text = _VULGAR.sub(lambda sign: " " + unicodedata.normalize("NFKC", sign.group()), text)
    text = unicodedata.normalize("NFKC", text)
    before = None
    while before != text:
        before, text = text, _BOXED.sub(r" \1 ", text)
    for pattern, instead in _COMMANDS:
        text = pattern.sub(instead, text)
    return " ".join(text.split()).strip(" .,;:!\u3002")


def _choices_agree(one: str, other: str) -> bool | None:
    """Compare letters of choices; None where neither answer is one."""
    first, second = choice_of(one), choice_of(other)
    if first is None and second is None:
        return None
    if first is not None and second is not None:
        same = first[0] == second[0]
        return same and (not (first[1] and second[1]) or agrees(first[1], second[1]))
    text = (first or second or ("", ""))[1]
    return bool(text) and agrees(text, other if first is not None else one)


def _pieces(text: str) -> list[tuple[str, str]]:
    """Return names (or "") and values of the values that an answer lists.

    A pair in brackets is one value: its order matters.
    """
    is_pair = text.startswith(("(", "[", "{")) or re.search(r"[=\u2248]\s*[(\[]", text)
    parts = [text] if is_pair else _BETWEEN_VALUES.split(text)
    pieces = []
    for part in parts:
        name, value = "", part
        while match := _NAME.match(value):
            name, value = name or match.group("name").strip(), value[match.end() :]
        value = value.strip()
        if about := _ABOUT.match(value):
            value = value[about.end() :]
        if value:
            pieces.append((name, value))
    return pieces


def _values_agree(one: str, other: str) -> bool:
    first, second = _quantity(one), _quantity(other)
    if first is not None and second is not None:
        return _quantities_agree(first, second)
    return _tokens_agree(one, other)


def _quantities_agree(first: Quantity, second: Quantity) -> bool:
    same = math.isclose(first.value, second.value, rel_tol=_CLOSE)
    if first.unit.casefold() == second.unit.casefold():
        return same
    units = read_unit(first.unit), read_unit(second.unit)
    if units[0] is not None and units[1] is not None:
        same_kind = units[0][1] == units[1][1]
        one, other = first.value * units[0][0], second.value * units[1][0]
        converted = same_kind and math.isclose(one, other, rel_tol=_CLOSE)
        return converted or (same and not (first.unit and second.unit))
    # Three apples are three; 3x is not.
    if first.unit and second.unit:
        return False
    return same and _COUNTED.match(first.unit or second.unit) is not None


def _tokens_agree(one: str, other: str) -> bool:
    ours, theirs = (
        [token for token in _TOKEN.findall(text.casefold()) if token not in _ARTICLES]
        for text in (one, other)
    )
    if len(ours) != len(theirs) or not ours:
        return False
    return all(_token_agrees(mine, its) for mine, its in zip(ours, theirs, strict=True))


def _token_agrees(one: str, other: str) -> bool:
    first, second = _quantity(one), _quantity(other)
    if first is None or second is None:
        return one == other
    return math.isclose(first.value, second.value, rel_tol=_CLOSE)


def _quantity(text: str) -> Quantity | None:
    match = _QUANTITY.match(text)
    if match is None:
        return None
    unit = text[match.end() :].strip()
    if len(unit) > _LONGEST_UNIT or (read_unit(unit) is None and not _WORDS.fullmatch(unit)):
        return None
    value = _value(match)
    return None if value is None else Quantity(value, unit)


def _value(match: re.Match[str]) -> float | None:
    """Return the number, or None where it is none (a zero below the line, too great)."""
    part = {name: text.replace(",", "") for name, text in match.groupdict().items() if text}
    try:
        if "alone" in part:
            value = 10.0 ** int(part["alone"])
        elif "top" in part:
            value = float(part["top"]) / float(part["bottom"])
        elif "whole" in part:
            value = float(part["whole"]) + float(part["part"]) / float(part["parts"])
        else:
            value = float(part["number"]) / float(part.get("divisor", "1"))
        value *= 10.0 ** (int(part.get("e", "0")) + int(part.get("power", "0")))
    except (ZeroDivisionError, OverflowError):
        return None
    if not math.isfinite(value):
        return None
    return -value if part.get("sign") == "-" else value
