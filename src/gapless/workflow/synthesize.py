"""The verb ``synthesize``: have a recipe's syntheses written, or a pilot of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.errors import RecipeError
from gapless.recipe.mistakes import nearest
from gapless.records.artifact import write_text
from gapless.records.synthesis_views import Synthesized
from gapless.records.views import Progress
from gapless.workflow.plan_synthesis import PILOT_FACTS, PILOTS
from gapless.workflow.run import StopRequest, do_missing
from gapless.workflow.synthesis import WaitingForAnswers, Writing
from gapless.workflow.tree import in_order

if TYPE_CHECKING:
    from gapless.workflow.run_folder import RunFolder
    from gapless.workflow.tree import Tree


def chosen(tree: Tree, names: Sequence[str]) -> dict[str, Writing]:
    """Return the syntheses of these names, or all; those to do can be done here.

    Raises:
        RecipeError: the recipe has none, or none of such a name.
        DataError: an endpoint's address or key is wrong.
        SandboxError: code is to be run, and nothing here can hold it.

    """
    known = tree.syntheses
    if not known:
        raise RecipeError(
            "the recipe has nothing written",
            where="synthesis",
            mend="Say what, under `synthesis` (docs/synthesis.md).",
        )
    for name in names:
        if name not in known:
            what = f"there is no synthesis {name!r}"
            raise RecipeError(what, where="--only", mend=nearest(name, known, kind="Syntheses"))
    wanted = {name: known[name] for name in known if not names or name in names}
    for writing in wanted.values():
        if not writing.stage.is_done():
            writing.check()
    return wanted


def take_in(responses: Sequence[Path], tree: Tree, progress: Progress) -> None:
    """Read the answers that somebody brought from a batch."""
    from gapless.endpoints import Answers, read_responses

    for file in responses:
        with Answers(tree.place.answers) as answers:
            read = read_responses(file, answers)
        bad = "".join(f", {count:,} bad ({why})" for why, count in read.bad.items())
        progress.note(f"{file}: {read.new:,} new answers, {read.already:,} known{bad}")


def write_all(
    wanted: Mapping[str, Writing],
    folder: RunFolder,
    *,
    progress: Progress,
    stop: StopRequest,
) -> Iterator[Synthesized]:
    """Do what is missing of each synthesis, and say what came of it."""
    for name, writing in wanted.items():
        stage = writing.stage
        try:
            do_missing(
                list(in_order([stage])),
                progress=progress,
                others=folder.artifacts_beside(),
                stop=stop,
            )
        except WaitingForAnswers as waiting:
            yield Synthesized(
                name=name,
                folder=None,
                requests=writing.spec.requests,
                documents=0,
                rejected=(),
                tokens=0,
                cost="",
                waiting=waiting.count,
                file=waiting.file,
            )
            continue
        yield _outcome(name, stage.path, stage.facts())


def pilot_all(
    wanted: Mapping[str, Writing],
    number: int,
    folder: RunFolder,
    *,
    progress: Progress,
    stop: StopRequest,
) -> Iterator[Synthesized]:
    """Do the first requests of each synthesis, beside the run; `plan` estimates the rest by them.

    What they are answered is kept, and used by the synthesis itself.
    """
    from gapless.endpoints import Answers

    for name, writing in wanted.items():
        stage = writing.stage
        do_missing(
            list(in_order(stage.inputs.values())),
            progress=progress,
            others=folder.artifacts_beside(),
            stop=stop,
        )
        place = folder.path / PILOTS / name
        place.mkdir(parents=True, exist_ok=True)
        progress.stage(stage.label, f"pilot of {number:,} requests")
        with Answers(writing.place.answers) as answers:
            known = len(answers)
            ask, begun = writing.asking(stage.label, answers), time.monotonic()
            facts = writing.write(place, answers, ask, limit=number)
            seconds, new = time.monotonic() - begun, len(answers) - known
        asked = sum(facts["models"].values())
        pace = seconds / new * asked / facts["requests"] if new else _known_pace(place)
        facts |= {"fingerprint": stage.fingerprint, "seconds_per_request": pace}
        write_text(place / PILOT_FACTS, json.dumps(facts, indent=1))
        progress.done(stage.label, f"pilot, {facts['documents']:,} documents")
        yield _outcome(name, place, facts)


def _known_pace(place: Path) -> float | None:
    file = place / PILOT_FACTS
    return json.loads(file.read_text())["seconds_per_request"] if file.is_file() else None


def _outcome(name: str, place: Path, facts: Mapping[str, Any]) -> Synthesized:
    return Synthesized(
        name=name,
        folder=place,
        requests=facts["requests"],
        documents=facts["documents"],
        rejected=tuple(facts["rejected"].items()),
        tokens=facts["prompt_tokens"] + facts["completion_tokens"],
        cost=cost_words(facts["cost"]),
    )


def cost_words(cost: Sequence[Any] | None) -> str:
    """Return an amount of money as people write it; empty where no price is known."""
    return "" if cost is None else f"{cost[0]:.2f} {cost[1]}"
