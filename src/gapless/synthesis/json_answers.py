"""JSON in a model's answer: whole, in a fence, amid talk, cut short, or with LaTeX unescaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

_START = re.compile(r"[{\[]\s*[{\"]")
_MEMBER = re.compile(r'"((?:[^"\\\n]|\\.){1,60})"\s*:\s*"')
_STARTS = 8
"""So many places where JSON might begin are tried."""
_DECODER = json.JSONDecoder(strict=False)  # a line break inside a string is let through
_LONE_BACKSLASH = re.compile(r'\\\\|\\(?!["\\/bfnrtu])|\\(?=u(?![0-9a-fA-F]{4}))')
# What LaTeX becomes when JSON takes its first letter for an escape: \frac, \times, \rho, \neq, ...
_EATEN = (
    ("\x0c", r"(?=[a-z])", r"\f"),
    ("\x08", r"(?=[a-z])", r"\b"),
    ("\t", r"(?=(?:imes|heta|ext|an|au|o|frac|anh|herefore|ilde)(?![a-z]))", r"\t"),
    ("\r", r"(?=(?:ight|ho|angle|ightarrow|m)(?![a-z]))", r"\r"),
    ("\n", r"(?=(?:eq|abla|otin)(?![a-z]))", r"\n"),
)


def members(text: str) -> list[tuple[str, str]]:
    """Return names and strings of the first JSON that holds some, in order; none if there is none.

    Lists of objects give the members of each; a list of strings under a name is joined by line
    breaks. Of JSON that is cut short, those strings that have come to their end.
    """
    for found in islice(_START.finditer(text), _STARTS):
        for candidate in dict.fromkeys((text, _with_backslashes(text, found.start()))):
            try:
                value, _ = _DECODER.raw_decode(candidate, found.start())
            except (ValueError, RecursionError):
                continue
            read = list(_strings(value))
            if read:
                return read
    start = _START.search(text)
    return _finished(text[start.start() :]) if start else []


def _with_backslashes(text: str, begin: int) -> str:
    """Return a text with the backslashes from a place on doubled where JSON knows no escape."""
    return text[:begin] + _LONE_BACKSLASH.sub(
        lambda found: found.group() if found.group() == r"\\" else r"\\", text[begin:]
    )


def _finished(text: str) -> list[tuple[str, str]]:
    """Return the members of broken JSON whose string has an end."""
    read: list[tuple[str, str]] = []
    text = _with_backslashes(text, 0)
    place = 0
    while found := _MEMBER.search(text, place):
        try:
            value, place = _DECODER.raw_decode(text, found.end() - 1)
        except ValueError:
            break
        read.append((found.group(1), _latex_back(value)))
    return read


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """Give name and text of what an object, or a list of objects, holds."""
    if isinstance(value, list):
        for part in value:
            yield from _strings(part)
    elif isinstance(value, dict):
        for name, part in value.items():
            if isinstance(part, str):
                yield name, _latex_back(part)
            elif isinstance(part, int | float):
                yield name, str(part)
            elif isinstance(part, list) and part and all(isinstance(one, str) for one in part):
                yield name, _latex_back("\n".join(part))
            else:
                yield from _strings(part)


def _latex_back(text: str) -> str:
    for character, follows, written in _EATEN:
        if character in text:
            text = re.sub(re.escape(character) + follows, written.replace("\\", r"\\"), text)
    return text
