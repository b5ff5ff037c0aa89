"""A second solution to a problem with a checkable answer, and whether the two agree.

    draft --solving--> request --> answer --compared--> None, or the reason against the draft

Problems without a checkable answer have no request: whoever counts, counts them apart.
"""

from __future__ import annotations

from dataclasses import replace

from gapless.endpoints.request import Answer, Request, Sampling
from gapless.seeds import stream_key
from gapless.synthesis.draft import Draft
from gapless.synthesis.final_answers import final_answer
from gapless.synthesis.prompting import render_prompt
from gapless.synthesis.quantities import agrees, choice_of, is_short, quantity_of

DISAGREE = "two solutions disagree"

REASONS = {DISAGREE: "a second solution came to another final answer, or to none"}

__all__ = ["DISAGREE", "REASONS", "agrees", "checkable_answer", "compared", "solving"]


def checkable_answer(draft: Draft) -> str | None:
    """Return the final answer of a problem's solution if it is one that can be compared.

    That is a number with or without a unit, the letter of a choice, or a few words.
    """
    if draft.form != "science_qa":
        return None
    answer = final_answer(draft.sections.get("solution", ""))
    if answer is None:
        return None
    is_checkable = quantity_of(answer) is not None or choice_of(answer) is not None
    return answer if is_checkable or is_short(answer) else None


def solving(
    draft: Draft, *, model: str, sampling: Sampling, seed: int, name: str
) -> Request | None:
    """Return the request for a second solution; None where its answer could not be compared.

    The model sees the problem alone, and samples by a seed of its own; ``seed`` and ``name`` are
    the recipe's.
    """
    if checkable_answer(draft) is None:
        return None
    prompt = render_prompt("solve", draft.language, problem=draft.sections["problem"])
    chosen = stream_key(seed, "synthesis", name, "second solution", draft.key) % 2**31
    return Request((("user", prompt),), model, replace(sampling, seed=chosen))


def compared(draft: Draft, answer: Answer) -> tuple[str, str] | None:
    """Return reason and detail where a second solution does not come to the draft's answer."""
    first = checkable_answer(draft)
    assert first is not None
    if answer.finish == "refused":
        return DISAGREE, "no second solution was given"
    second = final_answer(answer.text)
    if second is None:
        return DISAGREE, "the second has no final answer"
    return None if agrees(first, second) else (DISAGREE, f"{first[:80]} | {second[:80]}")
