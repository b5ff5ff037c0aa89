"""What a recipe's syntheses would cost, by a pilot of their first requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gapless.records.synthesis_views import PlanSynthesis

if TYPE_CHECKING:
    from gapless.workflow.run_folder import RunFolder
    from gapless.workflow.synthesis import Writing
    from gapless.workflow.tree import Tree

PILOTS, PILOT_FACTS = "pilots", "facts.json"


def plan_syntheses(tree: Tree, folder: RunFolder) -> Iterator[PlanSynthesis]:
    """Give what each synthesis costs; without a pilot, the most that it can."""
    for name, writing in tree.syntheses.items():
        yield _row(name, writing, folder)


def _row(name: str, writing: Writing, folder: RunFolder) -> PlanSynthesis:
    spec, stage = writing.spec, writing.stage
    pilot = _pilot(folder, name, stage.fingerprint)
    answered = spec.requests if stage.is_done() else _answered(writing)
    left = spec.requests - (answered or 0)
    price, asked = spec.endpoint.price, pilot["requests"] if pilot else 0
    tokens, cost, hours = spec.requests * spec.sampling.max_tokens, None, None
    if asked:
        prompt, completion = (pilot[f"{kind}_tokens"] / asked for kind in ("prompt", "completion"))
        tokens = round(spec.requests * (prompt + completion))
        pace = pilot["seconds_per_request"]
        hours = None if pace is None else left * pace / 3600
        if price is not None:
            cost = left * (prompt * price.prompt + completion * price.completion) / 1e6
    return PlanSynthesis(
        name=name,
        model=spec.endpoint.model,
        requests=spec.requests,
        answered=answered,
        pilot=asked,
        kept=pilot["documents"] / asked if asked else None,
        tokens=tokens,
        cost=cost,
        currency=price.currency if price else "",
        hours=hours,
        done=stage.is_done(),
    )


def _pilot(folder: RunFolder, name: str, fingerprint: str) -> dict[str, Any]:
    """Return the facts of a pilot of the very same synthesis, or nothing."""
    place = folder.path / PILOTS / name / PILOT_FACTS
    found: dict[str, Any] = json.loads(place.read_text()) if place.is_file() else {}
    return found if found.get("fingerprint") == fingerprint else {}


def _answered(writing: Writing) -> int | None:
    """Return how many requests have an answer, if the seeds are there to tell."""
    from gapless.endpoints import Answers

    if not all(stage.is_done() for stage in writing.stage.inputs.values()):
        return None
    if not writing.place.answers.is_file():
        return 0
    with Answers(writing.place.answers, read_only=True) as answers:
        job = writing.job(answers, lambda _: None)
        keys = [request.key for request, _ in job.requests()]
        return len(answers.known(keys))
