"""Proposing: the settings with the most domain gain that keep forgetting within a bound.

Gain and forgetting are changes over the base model, signed so that more gain is better and more
forgetting is worse. What is proposed is a convex combination of the trials' settings (numbers above
0 by their logarithm, shares as they are), so the search never leaves what was tried; only what the
goal fixes, such as the tokens of the big run, may be outside, and that is said.

Intervals are by refitting both laws with the trials' settings weighed anew (`drawn_weights`), the
same weights for both, the settings proposed staying what they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gapless.errors import DataError
from gapless.seeds import stream
from gapless.surrogate.estimates import Estimate, estimate
from gapless.surrogate.fitting import Fit
from gapless.surrogate.hull import distance_to_hull
from gapless.surrogate.replicates import drawn_weights, replicated
from gapless.surrogate.searching import Space, search, space_of
from gapless.surrogate.trials import SHARE, Columns, Setting, Trials
from gapless.surrogate.validation import Validation, refuse_below


@dataclass(frozen=True, kw_only=True)
class Side:
    """A metric, with the law that predicts it."""

    fit: Fit
    validation: Validation
    base: float
    """The base model's value of the metric."""
    higher_is_better: bool = False

    def improvement(self, values: np.ndarray) -> np.ndarray:
        """Return how much better values are than the base."""
        return values - self.base if self.higher_is_better else self.base - values


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What is asked: the most domain gain with no more forgetting than this."""

    most_forgetting: float
    """Of the general metric, in its units; below 0 asks it to get better."""
    tokens: float | None = None
    """Token budget of the big run; None leaves ``tokens`` free, if it is a setting."""
    fixed: Mapping[str, Setting] = field(default_factory=dict)
    """Other settings of the big run that are given, such as ``parameters``; no shares."""

    @property
    def given(self) -> dict[str, Setting]:
        """All that is fixed."""
        return dict(self.fixed) | ({} if self.tokens is None else {"tokens": self.tokens})


@dataclass(frozen=True, kw_only=True)
class Outside:
    """A given setting that the trials do not reach."""

    name: str
    value: Setting
    low: float | None
    """The least in the trials; None where they do not have it as a number."""
    high: float | None
    read: bool
    """Whether a law reads it. If not, the prediction is for the trials' own values of it."""

    def __str__(self) -> str:
        tried = "not tried" if self.low is None else f"tried {self.low:g} to {self.high:g}"
        return f"{self.name} {self.value} ({tried}{'' if self.read else ', read by no law'})"


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Settings, and what the laws say of them."""

    settings: dict[str, Setting]
    gain: Estimate
    """Of the domain metric."""
    forgetting: Estimate
    """Of the general metric."""
    gain_of_a_run: Estimate
    """The same with the noise of one run (a residual of the fit): what a run is compared with."""
    forgetting_of_a_run: Estimate
    kept: float
    """Part of the replicates in which the bound on forgetting holds at these settings."""
    extrapolated: tuple[Outside, ...]
    outside_hull: bool
    """Whether the settings that laws read are outside the convex hull of the trials' together."""
    unread: tuple[str, ...]
    """Settings that differ between trials and that neither law reads: nothing is said of them."""

    def row(self) -> dict[str, Any]:
        """Return the proposal as a JSON object."""
        return {
            "settings": dict(sorted(self.settings.items())),
            "gain": self.gain.row(),
            "forgetting": self.forgetting.row(),
            "gain_of_a_run": self.gain_of_a_run.row(),
            "forgetting_of_a_run": self.forgetting_of_a_run.row(),
            "kept": self.kept,
            "extrapolated": [str(each) for each in self.extrapolated],
            "outside_hull": self.outside_hull,
            "unread": list(self.unread),
        }


def propose(
    domain: Side,
    general: Side,
    trials: Trials,
    goal: Goal,
    *,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Proposal:
    """Return the settings with the most domain gain within the bound on forgetting.

    Args:
        domain: the metric to improve, its law and its validation.
        general: the metric to keep.
        trials: those that both laws were fitted to.
        goal: the bound, and what the big run has fixed.
        replicates: refits for the intervals.
        level: of the intervals.
        seed: of the streams that draw candidates and weights.

    Raises:
        DataError: a law does not reach its bar; no settings meet the goal (says the nearest); the
            goal fixes a share, or a setting that a law reads to what it cannot read.

    """
    refuse_below([domain.validation, general.validation])
    columns = trials.columns()
    reads = {*domain.fit.form.reads, *general.fit.form.reads}
    _check_given(goal.given, columns, reads)
    space = space_of(trials, reads, goal.given)

    def gain(x: Columns) -> np.ndarray:
        return domain.improvement(domain.fit.predict(x))

    def forgetting(x: Columns) -> np.ndarray:
        return -general.improvement(general.fit.predict(x))

    found = search(space, gain, forgetting, most_forgetting=goal.most_forgetting, seed=seed)
    if found.excess > 0:
        _refuse(found.point, float(forgetting(found.point)[0]), goal)
    point = found.point
    laws = (domain.fit.law, general.fit.law)
    weights = drawn_weights(trials, laws, replicates=replicates, seed=seed)
    gains = _replicates(domain, trials, point, weights, seed)
    losses = [-each for each in _replicates(general, trials, point, weights, seed)]
    value, cost = float(gain(point)[0]), float(forgetting(point)[0])
    return Proposal(
        settings=settings_of(point),
        gain=estimate(value, gains[0], level),
        forgetting=estimate(cost, losses[0], level),
        gain_of_a_run=estimate(value, gains[1], level),
        forgetting_of_a_run=estimate(cost, losses[1], level),
        kept=float((losses[0] <= goal.most_forgetting).mean()),
        extrapolated=_outside(goal.given, columns, reads),
        outside_hull=_outside_hull(space, columns, point, reads),
        unread=tuple(name for name in domain.fit.unread if name in general.fit.unread),
    )


def settings_of(point: Columns) -> dict[str, Setting]:
    """Return the only row of columns as settings."""
    return {
        name: float(values[0]) if values.dtype.kind == "f" else str(values[0])
        for name, values in point.items()
    }


def _check_given(given: Mapping[str, Setting], columns: Columns, reads: set[str]) -> None:
    for name, value in given.items():
        if name.startswith(SHARE) or name == "domain_share":
            raise DataError(f"the goal fixes {name!r}", mend="Shares are what is looked for.")
        if name not in reads:
            continue
        tried = columns[name]
        if tried.dtype.kind == "f" and (isinstance(value, str) or value <= 0 < tried.min()):
            raise DataError(f"the goal fixes {name!r} to {value!r}", mend="Give a number above 0.")
        if tried.dtype.kind != "f" and value not in tried.tolist():
            known = ", ".join(sorted(set(tried.tolist())))
            raise DataError(
                f"the goal fixes {name!r} to {value!r}, and no trial has it",
                mend=f"They have {known}.",
            )


def _refuse(point: Columns, forgetting: float, goal: Goal) -> None:
    shown = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in settings_of(point).items()
    )
    raise DataError(
        f"no settings inside what was tried keep forgetting at or below {goal.most_forgetting:g}; "
        f"the nearest are {shown}, with {forgetting:.4g}",
        mend=f"Allow more than {forgetting:.4g}, or run trials with more general text.",
    )


def _replicates(
    side: Side, trials: Trials, point: Columns, weights: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return improvements at a point by refits, and by a run of each: (replicates,) both."""
    found = side.fit
    values, wider = replicated(found, trials, point, weights)
    noise = stream(seed, "surrogate", "proposal", "noise", found.metric)
    drawn = wider * noise.choice(found.residuals, size=len(values))
    return side.improvement(values[:, 0]), side.improvement(values[:, 0] + drawn)


def _outside(
    given: Mapping[str, Setting], columns: Columns, reads: set[str]
) -> tuple[Outside, ...]:
    found = []
    for name, value in given.items():
        tried = columns.get(name)
        if tried is None or tried.dtype.kind != "f" or isinstance(value, str):
            if tried is None or value not in tried.tolist():
                found.append(Outside(name=name, value=value, low=None, high=None, read=False))
            continue
        low, high = float(tried.min()), float(tried.max())
        if not low * (1 - 1e-9) <= value <= high * (1 + 1e-9):
            found.append(Outside(name=name, value=value, low=low, high=high, read=name in reads))
    return tuple(found)


def _outside_hull(space: Space, columns: Columns, point: Columns, reads: set[str]) -> bool:
    names = [name for name in sorted(reads) if columns[name].dtype.kind == "f"]
    tried = np.stack([space.scaled(name, columns[name]) for name in names], axis=1)
    goal = np.stack([space.scaled(name, point[name]) for name in names], axis=1)
    width = np.ptp(tried, axis=0)
    width[width == 0] = 1.0
    return distance_to_hull(tried / width, goal[0] / width) > 1e-6
