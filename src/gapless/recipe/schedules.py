"""Learning-rate schedules: a factor of the peak rate from (tokens seen, total tokens)."""

import math
from typing import Annotated, Literal

from pydantic import Field

from gapless.recipe.fields import Fraction, Part

_FIRST_FACTOR = 1e-3
"""The rate of the very first step; at zero it would be lost."""


class _WithWarmup(Part):
    warmup: Fraction = 0.1
    """Fraction of the tokens over which the rate climbs linearly to its peak."""

    def factor(self, tokens_seen: int, total_tokens: int) -> float:
        """Return the rate of the step that starts at ``tokens_seen``, as a fraction of the peak."""
        progress = tokens_seen / total_tokens
        if progress < self.warmup:
            return _FIRST_FACTOR + (1 - _FIRST_FACTOR) * progress / self.warmup
        return self._after_warmup((progress - self.warmup) / max(1e-12, 1 - self.warmup))

    def _after_warmup(self, progress: float) -> float:
        raise NotImplementedError


class Constant(_WithWarmup):
    """Warm up, then stay at the peak."""

    type: Literal["constant"] = "constant"

    def _after_warmup(self, progress: float) -> float:  # noqa: ARG002 - one shape for all
        return 1.0


class Cosine(_WithWarmup):
    """Re-warm, then re-decay along half a cosine (Ibrahim et al. 2024; paper 1's schedule)."""

    type: Literal["cosine"] = "cosine"
    final: Fraction = 0.1
    """The last rate, as a fraction of the peak."""

    def _after_warmup(self, progress: float) -> float:
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress))


class Linear(_WithWarmup):
    """Re-warm, then re-decay along a straight line."""

    type: Literal["linear"] = "linear"
    final: Fraction = 0.0
    """The last rate, as a fraction of the peak."""

    def _after_warmup(self, progress: float) -> float:
        return 1 - (1 - self.final) * progress


class WarmupStableDecay(_WithWarmup):
    """Warm up, stay at the peak, decay linearly over the last stretch."""

    type: Literal["wsd"] = "wsd"
    decay: Fraction = 0.2
    """Fraction of the tokens, at the end, over which the rate falls."""
    final: Fraction = 0.0
    """The last rate, as a fraction of the peak."""

    def _after_warmup(self, progress: float) -> float:
        stretch = self.decay / max(1e-12, 1 - self.warmup)
        if progress <= 1 - stretch:
            return 1.0
        return 1 - (1 - self.final) * (progress - (1 - stretch)) / stretch


Schedule = Annotated[Constant | Cosine | Linear | WarmupStableDecay, Field(discriminator="type")]
