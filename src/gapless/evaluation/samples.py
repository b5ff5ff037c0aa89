"""Samples: what the model writes after fixed prompts, at a few points of a run, to be read.

Points are chosen among those at which the model is measured anyway: the first one at or after each
place that is wanted. Whoever shares the beginning of a run then shares its points there, however
much earlier it ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gapless.records.samples import Sample

if TYPE_CHECKING:
    from gapless.evaluation.generation import Generator
    from gapless.recipe.probes import Samples

_PARTS = 3
"""Of the way, on a log scale, from the first measured point to the middle of the run."""


def sample_points(samples: Samples, measured: Sequence[int], total_tokens: int) -> frozenset[int]:
    """Return at which measured points, in tokens seen, a model in training writes.

    Args:
        samples: what the recipe says.
        measured: the points after the base, rising; the last one is the end and always is taken.
        total_tokens: of the whole order, which an arm may end before.

    """
    chosen = {measured[-1]}
    for wanted in _wanted(samples, measured, total_tokens):
        place = bisect_left(measured, wanted)
        if place < len(measured):
            chosen.add(measured[place])
    return frozenset(chosen)


def _wanted(samples: Samples, measured: Sequence[int], total_tokens: int) -> Sequence[int]:
    if samples.at:
        return samples.at
    if samples.every is not None:
        return range(samples.every, measured[-1], samples.every)
    first, middle = measured[0], total_tokens / 2
    growth = max(1.0, middle / first)
    early = [int(first * growth ** (part / _PARTS)) for part in range(1, _PARTS)]
    return [*early, int(middle)]


def write_samples(generator: Generator, samples: Samples, tokens_seen: int) -> list[Sample]:
    """Return what a model writes after each prompt, in the recipe's order."""
    longest = min(samples.max_new_tokens, generator.context // 2)
    answers = generator.answers(samples.prompts, max_new_tokens=longest)
    return [
        Sample(tokens_seen=tokens_seen, prompt=prompt, answer=answer)
        for prompt, answer in zip(samples.prompts, answers, strict=True)
    ]
