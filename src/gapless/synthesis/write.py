"""The job: seeds to requests, requests to answers, answers to documents, each check counted.

    requests --ask--> answers --read, check, run--> drafts --compare, solve, judge--> documents
                                  `-- each refused one, with its reason --> rejected.jsonl

Documents stand in the order of their requests; ``id`` is the request's key. What waits for another
round of questions waits in a file, so memory does not grow with the texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gapless.endpoints import Answer, Answers, Request
from gapless.endpoints.request import Finish
from gapless.endpoints.request import Sampling as RequestSampling
from gapless.recipe.syntheses import Agreement, CodeQA, Judge, Synthesis
from gapless.sandbox import Sandbox
from gapless.synthesis.draft import Draft, Seed
from gapless.synthesis.kept import Kept, KeptFile
from gapless.synthesis.tally import Facts, Tally

_SANDBOX_WORKERS = 2

Ask = Callable[[Iterable[Request]], None]
"""Sees to it that each request has an answer in the store, or raises."""


@dataclass(frozen=True)
class Job:
    """What is written, from what, and who is asked."""

    name: str
    spec: Synthesis
    seed: int
    """The recipe's."""
    seeds: Sequence[Seed]
    """Code QA draws demonstrations of its own instead."""
    items: Sequence[str]
    """Texts of evaluation items, which no document may hold."""
    answers: Answers
    ask: Ask
    limit: int | None = None
    """The first so many requests, for a pilot."""

    def requests(self) -> Iterator[tuple[Request, tuple[Seed, ...]]]:
        """Give every request with what it is made from: the same ones at each call."""
        from gapless.synthesis.forms import requests_of

        return islice(requests_of(self.spec, self.seeds, self.name, self.seed), self.limit)

    def model(self, other: str | None) -> str:
        """Return who solves or judges: another model of the endpoint, or the one that writes."""
        return other or self.spec.endpoint.model


def write_documents(job: Job, folder: Path) -> Facts:
    """Ask what has no answer yet, check every answer, and write documents and rejections.

    Raises:
        DataError: the endpoint cannot be used; what it has answered is kept.
        SandboxError: code is to be run, and nothing here can hold it.

    """
    from gapless.synthesis.documents import write_all

    checks = job.spec.checks
    if isinstance(job.spec.form, CodeQA):
        Sandbox.choose()  # before anything is paid for
    with Tally(folder, job.spec) as tally:
        job.ask(request for request, _ in job.requests())
        drafts = KeptFile.write(folder / "checked.part", _checked(job, tally))
        drafts = KeptFile.write(folder / "single.part", _single(drafts, job, tally))
        if checks.agreement is not None:
            solved = _solved(drafts, checks.agreement, job, tally)
            drafts = KeptFile.write(folder / "solved.part", solved)
        if checks.judge is not None:
            judged = _judged(drafts, checks.judge, job, tally)
            drafts = KeptFile.write(folder / "judged.part", judged)
        write_all(drafts, job, folder, tally)
        for place in folder.glob("*.part"):
            place.unlink()
        return tally.facts()


def _checked(job: Job, tally: Tally) -> Iterator[Kept]:
    """Give the drafts that pass every check which needs nothing but the draft; run code."""
    from gapless.synthesis.checks import check

    passed = (
        Kept(found.draft)
        for found in check(_drafts(job, tally), job.spec.checks, job.items)
        if not tally.rejects(found.draft, found.reason, found.detail)
    )
    return _run(passed, job, tally) if isinstance(job.spec.form, CodeQA) else passed


def _drafts(job: Job, tally: Tally) -> Iterator[tuple[Draft, Finish]]:
    """Give what every answer holds, as far as it can be read."""
    from gapless.synthesis.checks import split_reason
    from gapless.synthesis.forms import draft_of

    for request, seeds in job.requests():
        answer = _answer(request, job)
        tally.asked(seeds, answer)
        if answer.finish == "refused":
            tally.reject_answer(answer, seeds, "refused by the server", answer.detail)
            continue
        draft = draft_of(request, seeds, answer)
        if isinstance(draft, Draft):
            yield draft, answer.finish
        elif answer.finish == "length":
            tally.reject_answer(answer, seeds, "cut off", draft)
        else:
            tally.reject_answer(answer, seeds, *split_reason(draft))


def _answer(request: Request, job: Job) -> Answer:
    answer = job.answers.get(request.key)
    assert answer is not None, f"{job.name}: request {request.key} has no answer"
    return answer


def _run(drafts: Iterable[Kept], job: Job, tally: Tally) -> Iterator[Kept]:
    """Give the drafts whose solutions pass their tests in the sandbox, or all, with a flag."""
    from gapless.synthesis.coding import run_code

    sandbox = Sandbox.choose()
    for found in run_code((k.draft for k in drafts), sandbox, workers=_SANDBOX_WORKERS):
        if not tally.rejects(found.draft, found.reason(job.spec.checks.code), found.detail):
            flags = {} if found.verdict == "passed" else {"code": found.verdict}
            yield Kept(found.draft, flags)


def _single(drafts: KeptFile, job: Job, tally: Tally) -> Iterator[Kept]:
    """Give the drafts that are no near copies."""
    from gapless.synthesis.copies import find_copies

    copies = find_copies((k.draft for k in drafts.rows()), job.spec.checks.near_copies)
    for position, kept in enumerate(drafts.rows()):
        reason, detail = copies.reason(position) or (None, "")
        if not tally.rejects(kept.draft, reason, detail):
            yield kept


def _solved(drafts: KeptFile, spec: Agreement, job: Job, tally: Tally) -> Iterator[Kept]:
    """Give the drafts to which a second solution agrees, and those with nothing to compare."""
    from gapless.synthesis.agreement import compared, solving

    def second(draft: Draft) -> Request | None:
        sampling = RequestSampling(**job.spec.sampling.model_dump())
        return solving(
            draft, model=job.model(spec.model), sampling=sampling, seed=job.seed, name=job.name
        )

    job.ask(request for kept in drafts.rows() if (request := second(kept.draft)) is not None)
    for kept in drafts.rows():
        request = second(kept.draft)
        if request is None:
            yield kept.flagged("solution", "nothing to compare")
            continue
        answer = _answer(request, job)
        tally.spent(answer)
        reason, detail = compared(kept.draft, answer) or (None, "")
        if not tally.rejects(kept.draft, reason, detail):
            yield kept.flagged("solution", "two agree")


def _judged(drafts: KeptFile, spec: Judge, job: Job, tally: Tally) -> Iterator[Kept]:
    """Give the drafts with a grade that is good enough."""
    from gapless.synthesis.judge import graded, judging

    def grading(draft: Draft) -> Request:
        return judging(draft, model=job.model(spec.model), seed=job.seed, name=job.name)

    job.ask(grading(kept.draft) for kept in drafts.rows())
    for kept in drafts.rows():
        answer = _answer(grading(kept.draft), job)
        tally.spent(answer)
        grade = graded(answer, spec.least)
        if not tally.rejects(kept.draft, grade.reason, grade.detail):
            yield kept.flagged("grade", str(grade.grade))
