"""Why a draft is refused: one table of reasons, and the checks that need nothing but the draft.

    (draft, finish) --check--> Checked(draft, reason or None, detail)

The first check of the table that fails gives the reason. Reasons without a check are found
elsewhere: where sections are read, and in copies.py, coding.py, agreement.py and judge.py.

To add a check: a function of `Evidence` and `Checks` that says what is wrong, or None; a line in
`REASONS` at its place in the order; a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from gapless.endpoints.request import Finish
from gapless.recipe.syntheses import Checks
from gapless.synthesis import agreement, coding, copies, judge
from gapless.synthesis.draft import Draft
from gapless.synthesis.final_answers import final_answer
from gapless.synthesis.phrases import placeholder, refusal, talk_about_prompt
from gapless.synthesis.prose import garbling

if TYPE_CHECKING:
    from gapless.synthesis.evidence import Evidence

ANSWERED = frozenset({"mathematics", "physics", "chemistry"})
"""Disciplines whose problems have a final answer."""

_DETAIL_CHARACTERS = 200


class Checked(NamedTuple):
    """A draft, and the reason against it if there is one."""

    draft: Draft
    reason: str | None
    """A name of `REASONS`; None for a draft that passes."""
    detail: str = ""


Check = Callable[["Evidence", Checks], str | None]
"""Says what is wrong; None where nothing is."""


class Reason(NamedTuple):
    """One line of the table."""

    meaning: str
    """For the report."""
    check: Check | None = None


def _is_refused(evidence: Evidence, _: Checks) -> str | None:
    return "" if evidence.finish == "refused" else None


def _is_empty(evidence: Evidence, _: Checks) -> str | None:
    sections = evidence.draft.sections
    blank = [name for name, text in sections.items() if not text.strip()]
    return ", ".join(blank) if blank or not sections else None


def _is_cut(evidence: Evidence, _: Checks) -> str | None:
    return "" if evidence.finish == "length" else None


def _is_short(evidence: Evidence, spec: Checks) -> str | None:
    count = evidence.num_words
    return f"{count} words" if count < spec.min_words else None


def _declines(evidence: Evidence, _: Checks) -> str | None:
    return refusal(evidence.draft)


def _is_garbled(evidence: Evidence, _: Checks) -> str | None:
    return garbling(evidence.draft)


def _repeats(evidence: Evidence, spec: Checks) -> str | None:
    too_much = evidence.repeated > spec.max_repetition
    return f"{evidence.repeated:.0%} of its words" if too_much else None


def _is_foreign(evidence: Evidence, _: Checks) -> str | None:
    asked, written = evidence.draft.language, evidence.language
    return f"{written} where {asked} was asked for" if written not in (None, asked) else None


def _lacks_answer(evidence: Evidence, _: Checks) -> str | None:
    draft = evidence.draft
    if draft.form != "science_qa" or draft.label not in ANSWERED:
        return None
    return "" if final_answer(draft.sections.get("solution", "")) is None else None


def _speaks_of_prompt(evidence: Evidence, _: Checks) -> str | None:
    return talk_about_prompt(evidence.draft)


def _leaves_blanks(evidence: Evidence, _: Checks) -> str | None:
    return placeholder(evidence.draft)


def _repeats_prompt(evidence: Evidence, _: Checks) -> str | None:
    count = evidence.prompted
    return f"{count:.0f} of its word sequences" if count else None


def _copies_seed(evidence: Evidence, spec: Checks) -> str | None:
    too_much = evidence.copied > spec.max_snippet_copied
    return f"{evidence.copied:.0%} of its 8-word sequences" if too_much else None


def _holds_item(evidence: Evidence, _: Checks) -> str | None:
    share = evidence.item_share
    return f"{share:.0%} of an item's word sequences" if share > 0 else None


REASONS: dict[str, Reason] = {
    "refused by the server": Reason("the server would not answer", _is_refused),
    "no sections": Reason("the answer is not in the sections asked for"),
    "missing section": Reason("a section asked for is not there"),
    "empty section": Reason("a section has nothing in it", _is_empty),
    "cut off": Reason("the answer came to the limit of tokens", _is_cut),
    "refusal": Reason("the model declines", _declines),
    "garbled": Reason("characters or signs that are no writing", _is_garbled),
    "too short": Reason("too few words to say anything", _is_short),
    "repetition": Reason("it says the same again and again", _repeats),
    "wrong language": Reason("another language than asked for", _is_foreign),
    "no final answer": Reason("a problem of numbers without a final answer", _lacks_answer),
    "talks about the prompt": Reason("speaks of a text its reader lacks", _speaks_of_prompt),
    "copied prompt": Reason("says what it was told to do", _repeats_prompt),
    "placeholder": Reason("a blank that was never filled, such as [topic]", _leaves_blanks),
    "copied snippet": Reason("too much of it stands in its seed", _copies_seed),
    "evaluation item": Reason("words of an evaluation item stand in it", _holds_item),
    **{name: Reason(meaning) for name, meaning in coding.REASONS.items()},
    **{name: Reason(meaning) for name, meaning in copies.REASONS.items()},
    **{name: Reason(meaning) for name, meaning in agreement.REASONS.items()},
    **{name: Reason(meaning) for name, meaning in judge.REASONS.items()},
}
"""All reasons, in the order in which they are looked for."""


def check(
    drafts: Iterable[tuple[Draft, Finish]],
    spec: Checks,
    items: Sequence[str] = (),
    *,
    batch: int = 512,
) -> Iterator[Checked]:
    """Give each draft with the first reason against it, in order, ``batch`` drafts in memory.

    ``items`` are texts of evaluation items. A draft holds one when 13 of its words in a row stand
    there, or all of a shorter item's; items of fewer than 8 words are not looked for.
    """
    from gapless.synthesis.evidence import gather, index_items

    index = index_items(items)
    waiting = iter(drafts)
    while group := list(islice(waiting, batch)):
        for evidence in gather(group, index):
            yield _first_failure(evidence, spec)


def split_reason(told: str) -> tuple[str, str]:
    """Return name and detail of a reason that a reader of sections gave: ``missing section: x``."""
    name, _, detail = told.partition(": ")
    assert name in REASONS, told
    return name, detail


def _first_failure(evidence: Evidence, spec: Checks) -> Checked:
    for name, reason in REASONS.items():
        detail = None if reason.check is None else reason.check(evidence, spec)
        if detail is not None:
            shown = " ".join(detail.split())[:_DETAIL_CHARACTERS]
            return Checked(evidence.draft, name, shown)
    return Checked(evidence.draft, None)
