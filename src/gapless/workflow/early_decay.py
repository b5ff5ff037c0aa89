"""Runs that decay early and end with it (`training.decay_from`): where they decay and stop.

Such a run is the whole one, row by row and step by step, until its decay begins. Then the clock of
its schedule jumps to where the decay of the whole run would begin (Hu et al. 2024, MiniCPM,
section 4; Haegele et al. 2024, section 3).
"""

from collections.abc import Callable

from gapless.errors import RecipeError
from gapless.recipe import Recipe
from gapless.recipe.schedules import (
    Decaying,
    Infinite,
    WarmupStableDecay,
    decay_begins,
    misplaced_decay,
    tokens_of,
)


def check_early_decay(arm: Recipe, total_tokens: int, *, where: str = "") -> None:
    """Refuse a decay for which an order of ``total_tokens`` has no place.

    Args:
        arm: the arm.
        total_tokens: of its whole order.
        where: the place of the arm in the recipe, with its dot; empty for the recipe itself.

    Raises:
        RecipeError: the rate is not constant at ``training.decay_from``, or the decay has no room.

    """
    training = arm.training
    if training.decay_from is None:
        return
    what = misplaced_decay(
        training.schedule,
        training.decay_from,
        total_tokens,
        step=training.batch_tokens,
        # Budgets are rounded down to whole rows, stretches are not.
        slack=arm.order.context * len(arm.order.phases),
    )
    if what is not None:
        raise RecipeError(what, where=f"{where}training.decay_from")


def decay_token(arm: Recipe, total_tokens: int) -> int:
    """Return the token after which an arm with such a schedule is no more at its constant rate."""
    usual, asked = int(decay_begins(_schedule(arm), total_tokens)), arm.training.decay_from
    return usual if asked is None else min(asked, usual)


def end_token(arm: Recipe, total_tokens: int) -> int:
    """Return the tokens of an arm's run: whole rows of its order, which has ``total_tokens``."""
    if arm.training.decay_from is None:
        return total_tokens
    decay = tokens_of(_schedule(arm).decay, total_tokens)
    end = round(decay_token(arm, total_tokens) + decay)
    return min(end // arm.order.context * arm.order.context, total_tokens)


def clock_of(arm: Recipe, total_tokens: int) -> Callable[[int], float]:
    """Return tokens seen to those that the arm's schedule takes for seen."""
    if arm.training.decay_from is None:
        return float
    begins, usual = decay_token(arm, total_tokens), decay_begins(_schedule(arm), total_tokens)

    def clock(tokens_seen: int) -> float:
        return tokens_seen if tokens_seen <= begins else usual + (tokens_seen - begins)

    return clock


def _schedule(arm: Recipe) -> Decaying:
    schedule = arm.training.schedule
    assert isinstance(schedule, WarmupStableDecay | Infinite)  # the recipe is checked
    return schedule
