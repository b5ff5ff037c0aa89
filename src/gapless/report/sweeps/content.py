"""What the report of a sweep is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from gapless.records.sweep_views import FittedLaw, ProposedSettings, Ranked, TrialRow
from gapless.report.numbers import percent, short

_SHARE = "share of "


@dataclass(frozen=True, kw_only=True)
class SweepContent:
    """A sweep, as its report shows it."""

    name: str
    created: str = ""
    goal: Literal["gain", "balance"] = "balance"
    """What settings are ranked by: see `gapless.recipe.sweeps.Goal`."""
    general_loss: float | None = None
    """The most that general text may lose."""
    halved: bool = False
    trials: tuple[TrialRow, ...]
    ranking: tuple[Ranked, ...]
    laws: tuple[FittedLaw, ...] = ()
    proposal: ProposedSettings | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @cached_property
    def done(self) -> tuple[TrialRow, ...]:
        """The trials that came to their end."""
        return tuple(trial for trial in self.trials if trial.state == "done")

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """What differs between the trials' settings."""
        names = dict.fromkeys(name for trial in self.trials for name in trial.settings)
        return tuple(
            name
            for name in names
            if len({value_text(name, trial.settings.get(name)) for trial in self.trials}) > 1
        )

    @cached_property
    def settings(self) -> Mapping[int, tuple[TrialRow, ...]]:
        """Setting to its trials, one per seed."""
        of: dict[int, list[TrialRow]] = {}
        for trial in self.trials:
            of.setdefault(trial.setting, []).append(trial)
        return {setting: tuple(trials) for setting, trials in of.items()}


def setting_name(setting: int) -> str:
    """Return what a setting is called: its trials' names begin with it."""
    return f"t{setting:03d}"


def axis_label(name: str) -> str:
    """Return a setting's name as a head of a column: ``learning rate``."""
    if name.startswith(_SHARE):
        return name
    return name.rpartition(".")[2].replace("_", " ")


def is_share(name: str) -> bool:
    """Whether a setting is a source's share."""
    return name.startswith(_SHARE)


def value_text(name: str, value: Any) -> str:
    """Write the value of a setting."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return percent(value) if is_share(name) else short(value)
