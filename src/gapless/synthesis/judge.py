"""A model that grades drafts from 1 to 5 by a rubric: prompts/judge.en.jinja, judge.zh.jinja."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from gapless.endpoints.request import Answer, Request, Sampling
from gapless.seeds import stream_key
from gapless.synthesis.draft import Draft
from gapless.synthesis.prompting import render_prompt

NO_GRADE, LOW_GRADE = "the judge gave no grade", "graded too low"

REASONS = {
    NO_GRADE: "no grade from 1 to 5 could be read from what the judge said",
    LOW_GRADE: "the judge's grade is below the least that stays",
}

_MAX_TOKENS = 512
_NUMBER = r"[<\"'*_\s]*(\d+(?:\.\d+)?)(?:\s*(?:/|out\s+of|of)\s*(\d+))?(?![\w%-])"
_NAME = (
    "(?:\\b(?:grade|score|rating)|\u8bc4\u5206|\u5f97\u5206|\u5206\u6570|\u7b49\u7ea7|\u8bc4\u7ea7)"
)
_RANGE = r"(?:\s*[(\uff08]?\s*1\s*[-\u2013]\s*5\s*[)\uff09]?)?"
_GRADE = re.compile(
    rf"{_NAME}{_RANGE}[\"'*_]*\s*(?:is\b|of\b|[:\uff1a=-]|\u4e3a|\u662f)?{_NUMBER}"
    r"|(?<![\d./])(\d+(?:\.\d+)?)\s*(?:/|out\s+of)\s*(5)(?!\d)"
    "|(?<![\\d./])(\\d+(?:\\.\\d+)?)\\s*\u5206(?!\u4e4b|[\u949f\u6790\u5b50\u6bcd\u5e03\u6563])"
    # A line for the grade that holds none, so that no earlier one is taken for it.
    rf"|{_NAME}{_RANGE}[\"'*_]*\s*[:\uff1a]",
    re.IGNORECASE,
)
_BARE = re.compile(r"[\s*_#\"']*([1-5])[\s*_#\"'.\u3002]*")


@dataclass(frozen=True)
class Grade:
    """What the judge thought of a draft."""

    grade: int | None
    """1 to 5; None where none could be read."""
    reason: str | None
    """A name of `REASONS`, or None where the draft stays."""
    detail: str


def judging(draft: Draft, *, model: str, seed: int, name: str) -> Request:
    """Return the request for a grade, at temperature 0; ``seed`` and ``name`` are the recipe's.

    The draft stands between two fences that are a hash of it: it cannot hold its own.
    """
    text = "\n\n".join(f"[{section}]\n{part}" for section, part in draft.sections.items())
    fence = f"=== {hashlib.sha256(text.encode()).hexdigest()[:16]} ==="
    prompt = render_prompt("judge", draft.language, draft=text, fence=fence)
    chosen = stream_key(seed, "synthesis", name, "judge", draft.key) % 2**31
    sampling = Sampling(temperature=0.0, top_p=1.0, max_tokens=_MAX_TOKENS, seed=chosen)
    return Request((("user", prompt),), model, sampling)


def graded(answer: Answer, least: int) -> Grade:
    """Read the judge's answer; a draft stays with the grade ``least`` or a better one.

    An answer that was cut off has none: its last line may be a quotation from the draft.
    """
    grade = read_grade(answer.text) if answer.finish == "stop" else None
    said = " ".join((answer.text or answer.detail).split())[:200]
    if grade is None:
        return Grade(None, NO_GRADE, said)
    return Grade(grade, LOW_GRADE if grade < least else None, f"grade {grade}: {said}")


def read_grade(text: str) -> int | None:
    """Return the last grade that a text states, or None.

    ``Grade: 4``, ``"grade": "4"``, ``4/5``, ``4 out of 5`` and their Chinese kin, or nothing but a
    number; 4.5 is 4. When the last one is no grade from 1 to 5 (``Grade: 45``, ``Grade: none``)
    none is read: what stands before it may be a quotation from the draft.
    """
    if bare := _BARE.fullmatch(text):
        return int(bare.group(1))
    if not (found := list(_GRADE.finditer(text))):
        return None
    number, *scale = [group for group in found[-1].groups() if group] or ["0"]
    if scale not in ([], ["5"]):
        return None
    grade = int(float(number))
    return grade if 1 <= grade <= 5 else None
