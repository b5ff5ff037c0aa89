"""Learning-rate schedules: a factor of the peak rate from (tokens seen, total tokens)."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from gapless.recipe.fields import Fraction, Part
from gapless.units import parse_tokens

_STEEPNESS = 10.0
"""How fast an inverse-square-root cooldown falls at first (Ibrahim et al. 2024, section 7)."""


def _stretch(value: Any) -> Any:
    """Tell a fraction from an amount of tokens: by its percent sign, or by being at most 1."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    number, percent = _number(value)
    if 0 <= number <= 1:
        return number
    try:
        if not percent:
            return parse_tokens(value)
    except ValueError:
        pass
    raise ValueError(
        f"{value!r} is neither a fraction nor an amount of tokens; write a fraction of the whole "
        "like 0.1 or 10%, or whole tokens above 1 like 5000, 500k or 10B"
    )


def _number(value: str | float) -> tuple[float, bool]:
    """Return a plain number, and whether it was written in percent; infinity for other text."""
    text = str(value).strip()
    try:
        if text.endswith("%"):
            return float(text.removesuffix("%")) / 100, True
        return float(text), False
    except ValueError:
        return math.inf, False


Stretch = Annotated[
    int | float,
    BeforeValidator(_stretch),
    WithJsonSchema({"type": ["number", "string"], "examples": [0.1, "10%", "10B"]}),
]
"""A part of a run: up to 1 or with % a fraction of its tokens, above 1 an amount of tokens."""


def tokens_of(stretch: float, total_tokens: int) -> float:
    """Return the tokens of a stretch of a run of ``total_tokens``."""
    return stretch if isinstance(stretch, int) else stretch * total_tokens


def overlong(stretches: Mapping[str, Stretch], total_tokens: int | None) -> str | None:
    """Say so if a schedule's stretches take more than the whole (of unknown length: None)."""
    shown = [f"{name} ({length:,})" for name, length in stretches.items()]
    together = " and ".join([", ".join(shown[:-1]), shown[-1]] if shown[1:] else shown)
    take = f"{together} {'together are' if shown[1:] else 'is'} more than"
    fractions = sum(length for length in stretches.values() if isinstance(length, float))
    if fractions > 1 + 1e-9:
        return f"{take} 1"
    tokens = sum(length for length in stretches.values() if isinstance(length, int))
    if total_tokens is None or tokens + fractions * total_tokens <= total_tokens * (1 + 1e-9):
        return None
    return f"{take} the {total_tokens:,} tokens of the whole"


Shape = Literal["linear", "1-sqrt", "cosine"]
"""How a rate decays: ``1-sqrt`` falls fast at first (Haegele et al. 2024, section 3)."""


def fallen(shape: Shape, progress: float, *, final: float) -> float:
    """Return the factor at ``progress`` (0 to 1) of a decay from 1 to ``final``."""
    if shape == "linear":
        return 1 - (1 - final) * progress
    if shape == "1-sqrt":
        return 1 - (1 - final) * math.sqrt(progress)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))


class _WithWarmup(Part):
    warmup: Stretch = 0.1
    """Over which the rate climbs linearly to its peak: a fraction of the whole, or tokens."""
    warmup_from: Fraction = 1e-3
    """Where the climb begins, as a fraction of the peak: 1% for 1e-7 up to 1e-5.

    At 0 the first step would be lost.
    """

    def factor(self, tokens_seen: float, total_tokens: int) -> float:
        """Return the rate of the step that starts at ``tokens_seen``, as a fraction of the peak."""
        warmup = tokens_of(self.warmup, total_tokens)
        if tokens_seen < warmup:
            return self.warmup_from + (1 - self.warmup_from) * (tokens_seen / warmup)
        return self._after_warmup(tokens_seen, warmup, total_tokens)

    def stretches(self) -> dict[str, Stretch]:
        """Return the name of each stretch to its length; together they fit into the run."""
        return {"warmup": self.warmup}

    def _after_warmup(self, tokens_seen: float, warmup: float, total_tokens: int, /) -> float:
        raise NotImplementedError


def _progress(tokens_seen: float, begin: float, end: float) -> float:
    """Return how much of the way from ``begin`` to ``end`` is done, from 0 to 1."""
    if end <= begin:
        return 1.0
    return min(1.0, max(0.0, (tokens_seen - begin) / (end - begin)))


class Constant(_WithWarmup):
    """Warm up, then stay at the peak."""

    type: Literal["constant"] = "constant"

    def _after_warmup(self, *_: float) -> float:
        return 1.0


class Cosine(_WithWarmup):
    """Re-warm, then re-decay along half a cosine (Ibrahim et al. 2024; paper 1's schedule)."""

    type: Literal["cosine"] = "cosine"
    final: Fraction = 0.1
    """The last rate, as a fraction of the peak."""

    def _after_warmup(self, tokens_seen: float, warmup: float, total_tokens: int) -> float:
        return fallen("cosine", _progress(tokens_seen, warmup, total_tokens), final=self.final)


class Linear(_WithWarmup):
    """Re-warm, then re-decay along a straight line."""

    type: Literal["linear"] = "linear"
    final: Fraction = 0.0
    """The last rate, as a fraction of the peak."""

    def _after_warmup(self, tokens_seen: float, warmup: float, total_tokens: int) -> float:
        return fallen("linear", _progress(tokens_seen, warmup, total_tokens), final=self.final)


class InverseSquareRoot(_WithWarmup):
    """Warm up, then sqrt(t0 / (t0 + t)), t tokens after the warm-up (Vaswani et al. 2017, 5.3)."""

    type: Literal["inverse_square_root"] = "inverse_square_root"
    timescale: Stretch | None = None
    """t0: after three times as much, the rate is half the peak. The warm-up's when left out."""

    def _after_warmup(self, tokens_seen: float, warmup: float, total_tokens: int) -> float:
        timescale = warmup if self.timescale is None else tokens_of(self.timescale, total_tokens)
        return (
            1.0 if timescale <= 0 else math.sqrt(timescale / (timescale + (tokens_seen - warmup)))
        )


class WarmupStableDecay(_WithWarmup):
    """Warm up, stay at the peak, decay over the last stretch (Hu et al. 2024, MiniCPM, 4.1)."""

    type: Literal["wsd"] = "wsd"
    decay: Stretch = 0.2
    """The end, over which the rate falls: a fraction of the whole, or tokens."""
    shape: Shape = "linear"
    """How it falls."""
    final: Fraction = 0.0
    """The last rate, as a fraction of the peak."""

    def stretches(self) -> dict[str, Stretch]:
        """Return warm-up and decay."""
        return super().stretches() | {"decay": self.decay}

    def _after_warmup(self, tokens_seen: float, warmup: float, total_tokens: int) -> float:
        begin = max(warmup, total_tokens - tokens_of(self.decay, total_tokens))
        if tokens_seen <= begin:
            return 1.0
        return fallen(self.shape, _progress(tokens_seen, begin, total_tokens), final=self.final)


class Infinite(_WithWarmup):
    """Warm up, cool down to a constant, stay, anneal: the "infinite" schedule.

    Ibrahim et al. 2024, section 7. With peak 1 and constant c, the cooldown at progress x is
    c + (1 - c) (1 + cos(pi x)) / 2, or 1 + (c - 1) h(x) / h(1) with h(x) = 1 / sqrt(1 + 10 x) - 1;
    the anneal is c (final / c)^x. With stretches in tokens, all before the anneal is the same
    however long the run: a later corpus goes on from there without another warm-up.
    """

    type: Literal["infinite"] = "infinite"
    cooldown: Stretch = 0.5
    """After the warm-up, over which the rate falls to the constant."""
    cooldown_shape: Literal["cosine", "inverse_square_root"] = "cosine"
    constant: Annotated[Fraction, Field(gt=0)] = 0.5
    """The constant rate, as a fraction of the peak."""
    decay: Stretch = 0.1
    """The final anneal; 0 leaves it out."""
    final: Annotated[Fraction, Field(gt=0)] = 0.01
    """The last rate, as a fraction of the peak."""

    def stretches(self) -> dict[str, Stretch]:
        """Return warm-up, cooldown and anneal."""
        return super().stretches() | {"cooldown": self.cooldown, "decay": self.decay}

    def _after_warmup(self, tokens_seen: float, warmup: float, total_tokens: int) -> float:
        decay_begin = total_tokens - tokens_of(self.decay, total_tokens)
        if tokens_seen > decay_begin:
            ratio = self.final / self.constant
            return float(self.constant * ratio ** _progress(tokens_seen, decay_begin, total_tokens))
        constant_begin = warmup + tokens_of(self.cooldown, total_tokens)
        return self._cooled(_progress(tokens_seen, warmup, constant_begin))

    def _cooled(self, progress: float) -> float:
        if self.cooldown_shape == "cosine":
            return fallen("cosine", progress, final=self.constant)
        part = (1 / math.sqrt(1 + _STEEPNESS * progress) - 1) / (1 / math.sqrt(1 + _STEEPNESS) - 1)
        return 1 - (1 - self.constant) * part


Decaying = WarmupStableDecay | Infinite
"""The schedules that decay after a constant stretch: wherever it ends, the decay is the same."""


def constant_from(schedule: Decaying, total_tokens: int) -> float:
    """Return the token from which the rate is constant, until the decay."""
    before = [length for name, length in schedule.stretches().items() if name != "decay"]
    return sum(tokens_of(length, total_tokens) for length in before)


def decay_begins(schedule: Decaying, total_tokens: int) -> float:
    """Return the token from which the rate decays to its final one."""
    decay = tokens_of(schedule.decay, total_tokens)
    return max(constant_from(schedule, total_tokens), total_tokens - decay)


def misplaced_decay(
    schedule: "Schedule", begin: int, total_tokens: int | None, *, step: int, slack: int = 0
) -> str | None:
    """Say so if the decay of a run of ``total_tokens`` (None: unknown) cannot begin at a token.

    Args:
        schedule: of the run.
        begin: the token.
        total_tokens: of the whole run.
        step: tokens of an optimizer step.
        slack: tokens by which the decay may end too late.

    """
    if not isinstance(schedule, WarmupStableDecay | Infinite):
        return f"the schedule {schedule.type!r} has no decay that could begin elsewhere"
    known = total_tokens or 0  # of a run of unknown length, fractions are nothing
    first, decay = constant_from(schedule, known), tokens_of(schedule.decay, known)
    if begin < first:
        return f"the rate is constant only from token {math.ceil(first):,} on"
    if decay < step and (total_tokens is not None or isinstance(schedule.decay, int)):
        return f"the decay ({decay:,.0f} tokens) is shorter than a step ({step:,})"
    if total_tokens is not None and begin + decay > total_tokens + slack:
        return f"the decay would end at token {begin + decay:,.0f}, the run at {total_tokens:,}"
    return None


Schedule = Annotated[
    Constant | Cosine | Linear | InverseSquareRoot | WarmupStableDecay | Infinite,
    Field(discriminator="type"),
]
