"""Learning-rate schedules of `transformers`, as schedules of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gapless.interchange.foreign import Config

if TYPE_CHECKING:
    from gapless.interchange.trainer_keys import Names

_UNKNOWN = "gapless has no such schedule; a cosine down to zero stands for it: look at it again"
_ROOT_STEPS = 10_000
"""Timescale of ``inverse_sqrt`` without a warm-up."""
_SHAPES = {"cosine": "cosine", "linear": "linear", "1-sqrt": "1-sqrt"}


def schedule_of(
    config: Config, names: Names, *, rate: float, steps: int, batch: int
) -> tuple[dict[str, Any], str]:
    """Return the schedule, and the keys that it comes from.

    Args:
        config: the tool's.
        names: of the tool's keys.
        rate: the peak.
        steps: of the whole run; 0 where an epoch's are not known.
        batch: tokens of a step.

    """
    key, usual = names.scheduler
    kind = str(config.take(key, usual))
    settings = dict(config.take("lr_scheduler_kwargs", {}))
    warmup, said = _warmup(config, names, steps=steps, batch=batch)
    ends = _End(config, settings, rate=rate)
    schedule: dict[str, Any] = {"type": kind, "warmup": warmup}
    if kind == "constant":
        schedule["warmup"] = 0
    elif kind == "constant_with_warmup":
        schedule["type"] = "constant"
    elif kind in {"cosine", "cosine_with_min_lr", "cosine_with_restarts"}:
        usual_cycles = 1 if kind == "cosine_with_restarts" else 0.5
        if settings.get("num_cycles", usual_cycles) == usual_cycles:
            settings.pop("num_cycles", None)  # one fall to the end, as here
        schedule |= {"type": "cosine", "final": ends.cosine()}
    elif kind in {"linear", "polynomial"} and settings.get("power", 1.0) == 1.0:
        schedule |= {"type": "linear", "final": ends.polynomial() if kind != "linear" else 0.0}
    elif kind == "inverse_sqrt":
        schedule["type"] = "inverse_square_root"
        if not warmup or "timescale" in settings:
            schedule["timescale"] = int(settings.pop("timescale", _ROOT_STEPS)) * batch
    elif kind == "warmup_stable_decay" and "num_decay_steps" in settings:
        schedule |= {"type": "wsd", "decay": int(settings.pop("num_decay_steps")) * batch}
        schedule |= ends.stable()
    else:
        config.leave(key, _UNKNOWN)
        schedule |= {"type": "cosine", "final": 0.0}
    if settings:
        config.leave("lr_scheduler_kwargs", f"not known of them: {', '.join(settings)}")
    return schedule, ", ".join([config.said(key), *said, *ends.said])


def _warmup(
    config: Config, names: Names, *, steps: int, batch: int
) -> tuple[float | int, list[str]]:
    """Return the warm-up, as a fraction or in tokens, and where it comes from."""
    given = config.number("warmup_steps", 0.0) or 0.0
    ratio = config.number("warmup_ratio")
    if given >= 1:
        config.leave("warmup_ratio", "warmup_steps goes before it, there as here")
        longest = steps or given
        tokens = int(min(given, longest)) * batch
        return (1.0 if tokens == 1 else tokens), [config.said("warmup_steps")]
    if given > 0:  # newer versions of the trainer take a fraction there
        return given, [config.said("warmup_steps")]
    if ratio is not None:
        return ratio, [config.said("warmup_ratio")]
    if not names.warmup:
        return 0, []
    default = "its default warm-up: 3 % of the steps, at most 100"
    return (min(int(names.warmup * steps), 100) * batch if steps else names.warmup), [default]


class _End:
    """The last rate of a schedule, as a fraction of the peak."""

    def __init__(self, config: Config, settings: dict[str, Any], *, rate: float) -> None:
        self._config, self._settings, self._rate = config, settings, rate
        self.said: list[str] = []

    def cosine(self) -> float:
        """Return that of a cosine."""
        self._config.leave("cosine_constant_lr_ratio", "the rate falls to the end here")
        final = self._config.number("cosine_min_lr_ratio")
        if final is not None:
            self.said.append(self._config.said("cosine_min_lr_ratio"))
            return final
        self._note("min_lr_rate", "min_lr")
        if "min_lr_rate" in self._settings:
            return float(self._settings.pop("min_lr_rate"))
        return min(1.0, float(self._settings.pop("min_lr", 0.0)) / self._rate)

    def polynomial(self) -> float:
        """Return that of a straight line."""
        self._settings.pop("power", None)
        self._note("lr_end")
        return min(1.0, float(self._settings.pop("lr_end", 1e-7)) / self._rate)

    def stable(self) -> dict[str, Any]:
        """Return the shape and the end of a decay after a constant stretch."""
        self._note("decay_type", "min_lr_ratio")
        self._settings.pop("num_stable_steps", None)  # what is left of the run
        shape = str(self._settings.pop("decay_type", "cosine"))
        final = float(self._settings.pop("min_lr_ratio", 0.0))
        return {"shape": _SHAPES.get(shape, "cosine"), "final": final}

    def _note(self, *keys: str) -> None:
        shown = [f"{key}: {self._settings[key]}" for key in keys if key in self._settings]
        if shown:
            self.said.append(f"lr_scheduler_kwargs: {', '.join(shown)}")
