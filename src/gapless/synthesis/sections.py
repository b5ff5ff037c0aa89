"""A model's answer to its sections.

    answer --json or marks--> sections in rounds --first whole round--> name to text, or why not

Servers that can be held to a JSON schema answer with an object; other models put marks before
sections, in whatever style they like. Talk before the first section and after the last is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from gapless.synthesis.draft import Draft
from gapless.synthesis.json_answers import members
from gapless.synthesis.markers import family, family_of, label_of, markers

_FENCE = re.compile(r"^[ \t]*+(```+|~~~+)[ \t]*+([^\s`]*+)[^\n`]*+$", re.MULTILINE)
_PROGRAM = frozenset({"", "py", "py3", "python", "python3"})
_WHOLE_FENCE = re.compile(r"\s*```[^\n`]*\n(.*?)\n?```\s*", re.DOTALL)
_OPENING_TALK = re.compile(
    r"\s*(?:(?:sure|certainly|of course|okay|ok|here(?:'s| is| are)|absolutely|great)\b"
    r"|\u5f53\u7136|\u597d\u7684|\u4ee5\u4e0b\u662f|\u4e0b\u9762\u662f)[^\n]{0,200}"
    r"(?:[:\uff1a!.\u3002]\s*\n|\n\s*\n)",
    re.IGNORECASE,
)
_CLOSING_TALK = re.compile(
    r"\n[ \t]*+(?:i hope (?:this|that|it)|hope this helps|(?:please )?let me know|feel free to"
    r"|\u5e0c\u671b(?:\u8fd9|\u4ee5\u4e0a|\u5bf9)|\u5982\u679c\u4f60\u8fd8?\u6709|\u5982\u6709)"
    r"[^\n]{0,300}$",
    re.IGNORECASE,
)
_RULE = re.compile(r"\s*+(?:[-*_=]{3,}|#+)\s*+")

_ROLES = {
    "problem": "user",
    "solution": "assistant",
    "question": "user",
    "answer": "assistant",
    "instruction": "user",
    "response": "assistant",
    "student": "user",
    "teacher": "assistant",
}

Found = list[tuple[str, int | None, str]]
"""Kind of section, its number if it has one, its text."""


def read_sections(
    text: str, names: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, str] | str:
    """Return the text of each section, stripped, in the order of the names; or why there is none.

    Reasons: ``no sections``, ``missing section: NAME``, ``empty section: NAME``. A kind of section
    that comes again begins another round, and the first round that has all of ``names`` counts.
    Names that end in a number (``question 2``) go by the number written, or in the order that they
    come. A name that is alone needs no mark: it is the whole answer.
    """
    wanted = (*names, *optional)
    families = tuple(dict.fromkeys(family(name) for name in wanted))
    reasons = []
    for way in _WAYS:
        found = way(text, families)
        if not found:
            continue
        for sections in _rounds(found, wanted):
            lacking = [name for name in names if not sections.get(name)]
            if not lacking:
                return {name: sections[name] for name in wanted if sections.get(name)}
            kind = "empty" if lacking[0] in sections else "missing"
            reasons.append((len(lacking), f"{kind} section: {lacking[0]}"))
    if len(wanted) == 1:
        whole = _without_talk(_unfenced(text))
        return {names[0]: whole} if whole else f"empty section: {names[0]}"
    return min(reasons)[1] if reasons else "no sections"


def program(text: str) -> str:
    """Return the Python in a section: what its fences hold, or all of it where it has none."""
    parts, begin, language = [], -1, ""
    for fence in _FENCE.finditer(text):
        opens = bool(fence.group(2))
        if begin >= 0 and (not opens or language in _PROGRAM):
            parts.append((language, text[begin : fence.start()]))
        if begin < 0 or opens:
            begin, language = fence.end(), fence.group(2).casefold()
        else:
            begin = -1
    if begin >= 0:
        parts.append((language, text[begin:]))
    kept = [part.strip("\n") for language, part in parts if language in _PROGRAM]
    return "\n\n\n".join(part for part in kept if part.strip()) if parts else text.strip("\n")


def as_text(draft: Draft) -> str:
    """Return a draft as an ordinary document: no template, no marks.

    A solution follows its problem, a response its instruction, without a word between. Questions,
    answers and what is said in a dialogue begin with a label, as they do in print. A program is
    fenced. Tests, which repeat themselves, stay out.
    """
    text = ""
    for name, section in draft.sections.items():
        kind = family(name)
        if kind != "tests":
            close = "\n" if kind == "answer" else "\n\n"
            text += f"{close}{label_of(name, draft.language)}{_written(draft, name, section)}"
    return text.strip()


def as_messages(draft: Draft) -> list[dict[str, str]]:
    """Return a draft as a conversation, every turn of it; a text without a question has none."""
    return [
        {"role": _ROLES[family(name)], "content": _written(draft, name, section)}
        for name, section in draft.sections.items()
        if family(name) in _ROLES
    ]


def _written(draft: Draft, name: str, section: str) -> str:
    is_program = draft.form == "code_qa" and name == "solution"
    return f"```python\n{section}\n```" if is_program else section


def _from_json(text: str, families: tuple[str, ...]) -> Found:
    found: Found = []
    for name, value in members(text):
        kind = family_of(re.sub(r"[\W_]*\d+$", "", name), families)
        number = re.search(r"(\d+)$", name)
        if kind is not None:
            body = _without_own_mark(value.strip(), kind)
            found.append((kind, int(number.group(1)) if number else None, body))
    return found


def _without_own_mark(text: str, kind: str) -> str:
    """Drop the mark with which a text under its name in JSON begins all the same."""
    marks = markers(text, (kind,), short=False, inside=False)
    return text[marks[0].end :].strip() if marks and marks[0].begin == 0 else text


def _from_marks(
    text: str, families: tuple[str, ...], *, short: bool, inside: bool, fences: bool
) -> Found:
    """Return the sections between marks; with ``fences``, what stands in a fence is no mark."""
    text = _unfenced(text)
    hidden = _fenced(text) if fences else []
    marks = [
        mark
        for mark in markers(text, families, short=short, inside=inside)
        if not any(begin <= mark.begin < end for begin, end in hidden)
    ]
    found: Found = []
    for place, mark in enumerate(marks):
        end = marks[place + 1].begin if place + 1 < len(marks) else len(text)
        if mark.closes:
            continue
        body = text[mark.end : end]
        if found and mark.family == found[-1][0] and not marks[place - 1].closes:
            number, said = found[-1][1], found[-1][2]
            if mark.number in (None, number) or not said:
                # The same mark again: a heading twice, or a word of the text itself.
                again = f"{said}\n{text[mark.begin : end]}" if said else body
                found[-1] = (mark.family, mark.number or number, _without_rules(again))
                continue
        found.append((mark.family, mark.number, _without_rules(body)))
    if found:
        found[-1] = (*found[-1][:2], _without_closing(found[-1][2]))
    return found


def _rounds(found: Found, wanted: Sequence[str]) -> Iterable[dict[str, str]]:
    """Give name to text, a new dictionary whenever a section comes that the last one has."""
    numbered = {family(name) for name in wanted if family(name) != name}
    sections: dict[str, str] = {}
    counts: dict[str, int] = {}
    for kind, said, body in found:
        name = kind
        if kind in numbered:
            free = said is not None and f"{kind} {said}" not in sections
            counts[kind] = said if free and said is not None else counts.get(kind, 0) + 1
            name = f"{kind} {counts[kind]}"
        if sections.get(name):
            yield sections
            sections = {}
        sections[name] = body
    yield sections


def _fenced(text: str) -> list[tuple[int, int]]:
    """Return where code stands between fences; one that is left open hides nothing."""
    spans, begin = [], -1
    for fence in _FENCE.finditer(text):
        if begin < 0:
            begin = fence.start()
        elif not fence.group(2):
            spans.append((begin, fence.end()))
            begin = -1
        else:
            begin = fence.start()
    return spans


def _unfenced(text: str) -> str:
    """Return what stands in the one fence that holds a whole answer, or the answer."""
    whole = _WHOLE_FENCE.fullmatch(text)
    return whole.group(1) if whole and "```" not in whole.group(1) else text


def _without_talk(text: str) -> str:
    opening = _OPENING_TALK.match(text)
    return _without_closing(text[opening.end() if opening else 0 :])


def _without_closing(text: str) -> str:
    return _without_rules(_CLOSING_TALK.sub("", text.rstrip()))


def _without_rules(text: str) -> str:
    """Drop rules and empty headings above and below a text."""
    lines = text.strip().split("\n")
    while lines and _RULE.fullmatch(lines[0]):
        lines.pop(0)
    while lines and _RULE.fullmatch(lines[-1]):
        lines.pop()
    return "\n".join(lines).strip()


def _marks(*, short: bool = False, inside: bool = False, fences: bool = True) -> Way:
    def read(text: str, families: tuple[str, ...]) -> Found:
        return _from_marks(text, families, short=short, inside=inside, fences=fences)

    return read


Way = Callable[[str, tuple[str, ...]], Found]
_WAYS: tuple[Way, ...] = (
    _from_json,
    _marks(),
    _marks(short=True),
    _marks(inside=True),
    _marks(fences=False),
)
"""From the surest to the most lenient; the first that finds all sections counts."""
