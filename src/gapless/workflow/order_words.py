"""A phase in words, for the plan and the report."""

from collections.abc import Callable
from typing import Any

from gapless.recipe.curricula import Curriculum
from gapless.recipe.mixtures import Mixture, PretrainingLike
from gapless.recipe.schema import Phase
from gapless.units import format_tokens


def budget_words(phase: Phase) -> str:
    """Return what a phase's budget is: ``"4 epochs"``."""
    if phase.epochs is None:
        return f"{format_tokens(phase.tokens or 0)} tokens"
    return "1 epoch" if phase.epochs == 1 else f"{phase.epochs:g} epochs"


def mixture_words(mixture: Mixture) -> str:
    """Return what a mixture is: ``"replay of 18 % general text"``."""
    return _MIXTURES[mixture.type](mixture)


def curriculum_words(curriculum: Curriculum | None) -> str:
    """Return in which sequence documents come: ``"shuffled"``."""
    if curriculum is None:
        return "shuffled"
    what = {
        "score": "by {column}, {direction}",
        "buckets": "by {column} in {buckets} buckets, {direction}",
        "interleaved": "by {column} in {cycles} cycles, {direction}",
        "labels": "by {column}, one label after another",
    }[curriculum.type].format(**curriculum.model_dump())
    sources = f" ({', '.join(curriculum.sources)})" if curriculum.sources else ""
    return f"{what}{', across sources' if curriculum.across else ''}{sources}"


def phase_words(phase: Phase) -> str:
    """Return a phase in a line."""
    words = [budget_words(phase), mixture_words(phase.mixture)]
    if phase.curriculum is not None:
        words.append(curriculum_words(phase.curriculum))
    if phase.reuse:
        words.append("drawing from all documents again")
    return ", ".join(words)


def _pretraining(mixture: PretrainingLike) -> str:
    name = mixture.pretraining if isinstance(mixture.pretraining, str) else "a given table"
    draw = "drawn anew every epoch" if mixture.draw == "every_epoch" else "drawn once"
    return f"like {name}, the domain for its web, {draw}"


def _feedback(rule: str) -> Callable[[Any], str]:
    def words(mixture: Any) -> str:
        return (
            f"{rule} every {format_tokens(mixture.interval)} tokens on "
            f"{', '.join(mixture.sources)}, from {mixture_words(mixture.start)}"
        )

    return words


_MIXTURES: dict[str, Callable[[Any], str]] = {
    "shares": lambda _: "given shares",
    "domain_only": lambda _: "domain text only",
    "replay": lambda mixture: f"replay of {100 * mixture.general:.3g} % general text",
    "groups": lambda mixture: " : ".join(
        f"{group.weight:g} {name}" for name, group in mixture.groups.items()
    ),
    "pretraining_like": _pretraining,
    "law": lambda mixture: f"shares proposed in {mixture.path}",
    "topic_feedback": _feedback("topic feedback"),
    "target_feedback": _feedback("target feedback"),
    "own_rule": lambda mixture: _feedback(f"the rule {mixture.name!r}")(mixture),
}
