"""The pace of an arm: after which steps it is measured and saved, and how fast it learns."""

import math
from collections.abc import Callable, Sequence

from gapless.errors import RecipeError
from gapless.mixing import Rounds
from gapless.recipe import Recipe
from gapless.recipe.schedules import overlong
from gapless.workflow.early_decay import check_early_decay, clock_of, end_token
from gapless.workflow.order import batch_rows


def steps_to_measure(
    arm: Recipe, total_tokens: int, readings: Sequence[int] = ()
) -> tuple[list[int], list[int]]:
    """Return the steps after which an arm is measured, and those after which it is saved.

    Args:
        arm: the arm.
        total_tokens: of its whole order; one that decays early is measured as the whole run is.
        readings: the rows after which a mixture that reacts is read.

    """
    from gapless.evaluation import probe_steps

    batch, end = arm.training.batch_tokens, end_token(arm, total_tokens)
    total = math.ceil(end / batch)

    def steps(tokens: int | None, default: int) -> int:
        return max(1, round((default if tokens is None else tokens) / batch))

    save_every = steps(arm.training.checkpoints.every, total_tokens // 10)
    saved = sorted({*range(save_every, total, save_every), total})
    every = steps(arm.probing.every, total_tokens // 20)
    first = min(steps(arm.probing.first, batch), every)
    read = {row // batch_rows(arm) for row in readings if row * arm.order.context <= end} - {0}
    return sorted({*probe_steps(total, first, every), *saved, *read}), saved


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
