r"""The final answer of a solution: what stands after ``Answer:``, or in ``\boxed{}``."""

from __future__ import annotations

import re

_LAST_LINES = 3
"""Lines that hold words, from the end, in which ``Answer:`` is looked for: models like to add one.
"""

_MARKUP = r"[\s>*_#`-]*"
_SAYS = re.compile(
    rf"^{_MARKUP}(?:(?:therefore|thus|so|hence),?\s+)?(?:the\s+)?(?:final\s+)?answers?{_MARKUP}"
    rf"(?:\s+is\b\s*[:\uff1a]?|[:\uff1a]){_MARKUP}"
    "|"
    rf"^{_MARKUP}(?:\u56e0\u6b64|\u6240\u4ee5|\u6545)?[,\uff0c]?(?:\u6700\u7ec8|\u6700\u540e)?(?:\u7684)?"
    rf"(?:\u7b54\u6848|\u7b54){_MARKUP}(?:[:\uff1a]|(?:\u662f|\u4e3a)[:\uff1a]?){_MARKUP}",
    re.IGNORECASE,
)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_WRAPPINGS = (
    ("$$", "$$"),
    ("$", "$"),
    (r"\(", r"\)"),
    (r"\[", r"\]"),
    ("**", "**"),
    ("`", "`"),
    ("[", "]"),
    ("<", ">"),
)


def final_answer(text: str) -> str | None:
    """Return the final answer of a solution without its wrapping, or None where it has none."""
    span = final_answer_span(text)
    return None if span is None else text[span[0] : span[1]]


def final_answer_span(text: str) -> tuple[int, int] | None:
    r"""Return where the final answer stands: ``text[begin:end]``.

    It is what follows ``Answer:`` (``The answer is``, and so in Chinese) at the start of one of the
    last lines, or on the line after it; or what the last ``\boxed{}`` holds. The later one counts.
    """
    said, boxed = _said(text), _boxed(text)
    if boxed is not None and (said is None or boxed[0] >= said[0]):
        return boxed
    return said


def _said(text: str) -> tuple[int, int] | None:
    """Return the answer on one of the last lines."""
    lines = [match.span() for match in re.finditer(r"[^\n]+", text) if match.group().strip()]
    for place in reversed(range(max(0, len(lines) - _LAST_LINES), len(lines))):
        begin, end = lines[place]
        if _SAYS.match(text[begin:end]) is None:
            continue
        # "Final answer: The answer is 5." says so twice.
        while match := _SAYS.match(text[begin:end]):
            begin += match.end()
        span = _unwrapped(text, begin, end)
        if span is None and place + 1 < len(lines):
            span = _unwrapped(text, *lines[place + 1])
        return span
    return None


def _boxed(text: str) -> tuple[int, int] | None:
    """Return what the last box holds, braces in it paired."""
    starts = [match.end() for match in _BOXED.finditer(text)]
    if not starts:
        return None
    depth = 1
    for place in range(starts[-1], len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return _unwrapped(text, starts[-1], place)
    return None


def _unwrapped(text: str, begin: int, end: int) -> tuple[int, int] | None:
    """Return the span without blanks, full stops, dollars and the like around it; None if empty."""
    before = None
    while before != (begin, end):
        before = begin, end
        while begin < end and text[begin].isspace():
            begin += 1
        while begin < end and (text[end - 1].isspace() or text[end - 1] in ".\u3002"):
            end -= 1
        for opening, closing in _WRAPPINGS:
            inner = text[begin + len(opening) : end - len(closing)]
            is_wrapped = end - begin >= len(opening) + len(closing)
            is_wrapped = is_wrapped and text.startswith(opening, begin)
            if is_wrapped and text.endswith(closing, begin, end) and opening[-1] not in inner:
                begin, end = begin + len(opening), end - len(closing)
                break
        while text.endswith("**", begin, end) and text.count("**", begin, end) == 1:
            end -= 2
    return (begin, end) if any(letter.isalnum() for letter in text[begin:end]) else None
