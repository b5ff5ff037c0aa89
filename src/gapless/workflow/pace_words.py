"""How often an arm is measured, and what that takes, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gapless.recipe import Recipe
from gapless.units import format_tokens
from gapless.workflow.pace import Pace, ProbePace
from gapless.workflow.probe_names import probe_names


def measuring_share(pace: Pace, costs: Sequence[float], trained_tokens: int) -> float:
    """Return the share of measuring, the base included, in an arm's operations.

    ``costs`` are those of asking each probe once, in tokens of training.
    """
    from gapless.evaluation.cadence import share_of_measuring

    steps = [
        [step for step, asked in pace.asked.items() if number in asked]
        for number in range(len(costs))
    ]
    return share_of_measuring(trained_tokens, costs, steps)


def measuring_words(
    arm: Recipe,
    pace: Pace,
    costs: Sequence[float],
    trained_tokens: int,
    *,
    exact: bool = True,
) -> str:
    """Say what measuring takes, which probes are asked less often for it, and if it is too much."""
    share, budget = measuring_share(pace, costs, trained_tokens), arm.probing.budget
    about = "" if exact else "about "
    said = f"measuring: {about}{share:.1%} of the run's FLOPs"
    if budget is None:
        return said
    kept = f"the budget of {100 * budget:.3g}%"
    stretched = "; ".join(_stretched(arm, pace))
    if share > budget:
        said += f", more than {kept}: {stretched}" if stretched else f", more than {kept}"
        return f"{said}; fewer items would take less"
    return f"{said}; {stretched}, to stay in {kept}" if stretched else f"{said}, in {kept}"


def _stretched(arm: Recipe, pace: Pace) -> Iterator[str]:
    for name, own in zip(probe_names(arm), pace.probes, strict=True):
        if not own.is_as_wanted:
            yield f"`{name}` {_how_often(own)}"


def _how_often(own: ProbePace) -> str:
    if own.points == 1:
        return "on the base and at the end only"
    if own.distance is None or own.wanted is None:
        return f"at {own.points} points only"
    if own.distance == own.wanted:
        return f"every {format_tokens(own.distance)} tokens, not whenever the state is saved"
    return f"every {format_tokens(own.distance)} tokens instead of {format_tokens(own.wanted)}"
