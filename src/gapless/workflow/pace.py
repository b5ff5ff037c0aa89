"""The pace of an arm: after which steps it is measured and saved, and how fast it learns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gapless.errors import RecipeError
from gapless.mixing import Rounds
from gapless.recipe import Recipe
from gapless.recipe.probes import Perplexity
from gapless.recipe.schedules import overlong
from gapless.workflow.early_decay import check_early_decay, clock_of, end_token
from gapless.workflow.order import batch_rows

if TYPE_CHECKING:
    from gapless.evaluation.cadence import Cadence, Rung


@dataclass(frozen=True, kw_only=True)
class ProbePace:
    """How often one probe of the recipe is asked."""

    wanted: int | None
    """Tokens between two measurements, as the recipe has it."""
    distance: int | None
    """Tokens between them as it is done; None where no even part is left."""
    points: int
    """How often it is asked after the base, in the whole order."""
    is_as_wanted: bool
    """Whether a budget changes nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """After which steps an arm is measured, by which probes, and saved."""

    batch_tokens: int
    asked: Mapping[int, frozenset[int]]
    """Step to the places, in ``probing.probes``, of the probes asked after it; rising."""
    saved: Sequence[int]
    """Steps after which the state is saved."""
    probes: Sequence[ProbePace]

    @property
    def measured(self) -> list[int]:
        """The steps after which something is asked."""
        return list(self.asked)

    def due(self, tokens_seen: int) -> frozenset[int]:
        """Return the probes that are asked after some tokens, the end of a step of the pace."""
        return self.asked[math.ceil(tokens_seen / self.batch_tokens)]


def pace_of(
    arm: Recipe,
    total_tokens: int,
    readings: Sequence[int] = (),
    *,
    costs: Sequence[float] | None = None,
) -> Pace:
    """Return when an arm is measured and saved.

    One that decays early is measured as the whole run is until it ends: whoever shares its
    beginning shares its points.

    Args:
        arm: the arm.
        total_tokens: of its whole order.
        readings: the rows after which a mixture that reacts is read.
        costs: of asking each probe once, in tokens of training; needed where there is a budget.

    """
    from gapless.evaluation.cadence import within

    batch, probing = arm.training.batch_tokens, arm.probing
    end = math.ceil(end_token(arm, total_tokens) / batch)
    save_every = _steps(arm, arm.training.checkpoints.every, total_tokens // 10)
    ladders = _ladders(arm, total_tokens, save_every, {row // batch_rows(arm) for row in readings})
    places = [0] * len(ladders)
    if probing.budget is not None:
        assert costs is not None
        places = within(probing.budget, total_tokens, costs, ladders)
    rungs = [ladder.rungs[place] for ladder, place in zip(ladders, places, strict=True)]
    asked: dict[int, set[int]] = {}
    for number, rung in enumerate(rungs):
        for step in (*(step for step in rung.steps if step < end), end):
            asked.setdefault(step, set()).add(number)
    return Pace(
        batch_tokens=batch,
        asked={step: frozenset(asked[step]) for step in sorted(asked)},
        saved=sorted({*range(save_every, end, save_every), end}),
        probes=[
            ProbePace(
                wanted=_told(ladder.rungs[0], ladder, probe.every or probing.every, batch),
                distance=_told(rung, ladder, probe.every or probing.every, batch),
                points=len(rung.steps),
                is_as_wanted=place == 0,
            )
            for probe, ladder, rung, place in zip(
                probing.probes, ladders, rungs, places, strict=True
            )
        ],
    )


def _told(rung: Rung, ladder: Cadence, asked_for: int | None, batch_tokens: int) -> int | None:
    """Return a rung's distance in tokens: the recipe's own number, as often as it was doubled."""
    first = ladder.rungs[0].distance
    if rung.distance is None or first is None:
        return None
    return rung.distance // first * (asked_for or first * batch_tokens)


def _steps(arm: Recipe, tokens: int | None, default: int) -> int:
    return max(1, round((default if tokens is None else tokens) / arm.training.batch_tokens))


def _ladders(arm: Recipe, total_tokens: int, save_every: int, read: set[int]) -> list[Cadence]:
    """Return when each probe is asked in the whole run, and when it could be less often.

    Those of the usual distance or less are asked at the dense steps of the beginning, and after
    steps that are saved or ``read``; perplexities in any case after the latter.
    """
    from gapless.evaluation.cadence import frequent, probe_steps, rare

    probing, default = arm.probing, total_tokens // 20
    whole = math.ceil(total_tokens / arm.training.batch_tokens)
    usual = _steps(arm, probing.every, default)
    distances = [
        usual if probe.every is None else _steps(arm, probe.every, default)
        for probe in probing.probes
    ]
    first, finest = _steps(arm, probing.first, arm.training.batch_tokens), min(distances)
    more = {*range(save_every, whole, save_every), *read} - {0}
    grid = sorted({*probe_steps(whole, min(first, finest), finest), *more})
    ladders = []
    for probe, distance in zip(probing.probes, distances, strict=True):
        forced = read - {0} if isinstance(probe, Perplexity) else set()
        if distance > max(usual, finest):
            ladders.append(rare(whole, distance, grid=grid, forced=forced))
        else:
            start = min(first, distance)
            ladders.append(frequent(whole, start, distance, grid=grid, more=more, forced=forced))
    return ladders


def rate_of(arm: Recipe, rounds: Rounds) -> Callable[[int], float]:
    """Return tokens seen to learning rate, by the schedules of the run and of its phases.

    Raises:
        RecipeError: a schedule's stretches take more tokens than there are, or it decays early
            where it cannot.

    """
    from gapless.training.rates import Span, rate_at

    training, context = arm.training, arm.order.context
    spans: list[Span] = []
    for phase, planned in zip(arm.order.phases, rounds.phases, strict=True):
        begins = planned.start * context
        own = phase.schedule is not None
        span = Span(
            begins=begins,
            peak=phase.learning_rate or training.learning_rate,
            schedule=phase.schedule or training.schedule,
            start=begins if own else 0,
            tokens=(planned.num_rows if own else rounds.num_rows) * context,
        )
        # Budgets are rounded down to whole rows, stretches are not: a step more is no mistake.
        what = overlong(span.schedule.stretches(), span.tokens + training.batch_tokens)
        if what is not None:
            path = f"order.phases[{len(spans)}].schedule" if own else "training.schedule"
            raise RecipeError(what, where=path, mend="Shorten them, or give fractions of the run.")
        spans.append(span)
    check_early_decay(arm, rounds.num_rows * context)
    clock = clock_of(arm, rounds.num_rows * context)
    return lambda tokens_seen: rate_at(spans, tokens_seen, clock=clock)
