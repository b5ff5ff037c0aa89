"""The ranking: settings with what they came to, and the trials that came to nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from gapless.records.sweep_views import TrialRow
from gapless.report.numbers import MISSING, metric_named, plain_interval, signed
from gapless.report.numbers import tokens as tokens_text
from gapless.report.sweeps.content import SweepContent, axis_label, setting_name, value_text
from gapless.report.templating import Section, fill

_BITS = metric_named("bits_per_byte")


@dataclass(frozen=True)
class Line:
    """A setting in the table."""

    name: str
    values: tuple[str, ...]
    """Of the axes, in their order."""
    seeds: int
    gain: str
    gain_span: str
    """From the least to the greatest of its seeds."""
    loss: str
    loss_span: str
    balance: str
    beyond: bool
    """Whether it loses more general text than the goal allows."""


@dataclass(frozen=True)
class Left:
    """A trial without a rank."""

    name: str
    state: str
    tokens: str
    values: tuple[str, ...]
    why: str


def build(content: SweepContent) -> Section:
    """Make the table of settings."""
    ranked = {row[0] for row in content.ranking}
    left = [trial for trial in content.trials if trial.setting not in ranked]
    html = fill(
        "sweep_ranking",
        axes=[axis_label(name) for name in content.axes],
        lines=[_line(content, setting) for setting, *_ in content.ranking],
        left=[_left(content, trial) for trial in left],
        goal=content.goal,
        bound=content.general_loss,
        halved=content.halved,
        noise=_noise(content),
        environment=content.environment,
    )
    return Section("ranking", "Ranking", html)


def _line(content: SweepContent, setting: int) -> Line:
    trials = content.settings[setting]
    _, gain, loss, _ = next(row for row in content.ranking if row[0] == setting)
    bound = content.general_loss
    return Line(
        name=setting_name(setting),
        values=_values(content, trials[0]),
        seeds=len(trials),
        gain=signed(gain, _BITS),
        gain_span=_span([trial.gain for trial in trials]),
        loss=signed(loss, _BITS),
        loss_span=_span([trial.forgetting for trial in trials]),
        balance=MISSING if gain is None or loss is None else signed(gain - loss, _BITS),
        beyond=bound is not None and loss is not None and loss > bound,
    )


def _left(content: SweepContent, trial: TrialRow) -> Left:
    seen = tokens_text(trial.tokens_seen) if trial.tokens_seen else MISSING
    return Left(trial.name, trial.state, seen, _values(content, trial), trial.why)


def _values(content: SweepContent, trial: TrialRow) -> tuple[str, ...]:
    return tuple(value_text(name, trial.settings.get(name, "")) for name in content.axes)


def _span(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return plain_interval(min(known), max(known), _BITS) if len(known) > 1 else ""


def _noise(content: SweepContent) -> tuple[str, str] | None:
    """Return the standard deviations of balance: between seeds of a setting, between settings.

    The first is pooled over settings with several seeds; None when there are none.
    """
    groups: dict[int, list[float]] = {}
    for trial in content.done:
        if trial.gain is not None and trial.forgetting is not None:
            groups.setdefault(trial.setting, []).append(trial.gain - trial.forgetting)
    several = [values for values in groups.values() if len(values) > 1]
    if not several or len(groups) < 2:
        return None
    freedom = sum(len(values) - 1 for values in several)
    within = sum(variance(values) * (len(values) - 1) for values in several) / freedom
    between = variance([fmean(values) for values in groups.values()])
    return f"{within**0.5:.4f}", f"{between**0.5:.4f}"
