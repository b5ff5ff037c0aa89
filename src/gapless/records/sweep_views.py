"""What the verbs ``sweep``, ``fit`` and ``propose`` answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

TrialState = Literal["done", "stopped early", "failed", "not started"]


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """What one trial came to; bits per byte are means over a role's sources."""

    name: str
    setting: int
    seed: int
    settings: Mapping[str, Any]
    """Path of the recipe to value; of a mixture, ``share of SOURCE`` to its share."""
    state: TrialState
    tokens_seen: int
    gain: float | None
    """How much lower the domain's bits per byte are than the base's."""
    forgetting: float | None
    """How much higher general text's bits per byte are than the base's."""
    values: Mapping[str, float]
    """Probe to its bits per byte where the trial ended."""
    base: Mapping[str, float]
    """The same of the base model."""
    why: str = ""
    """Of a trial that failed."""


Ranked = tuple[int, float | None, float | None, float]
"""Setting, mean gain, mean forgetting, and what it is ranked by; of settings that are done."""


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """A sweep, best settings first."""

    run_dir: Path
    trials: tuple[TrialRow, ...]
    """In the order of their names."""
    ranking: tuple[Ranked, ...]
    file: Path
    """``trials.jsonl``: a row per trial."""
    report: Path | None = None


Bounds = tuple[float, float, float]
"""A value, and the ends of its 95 % interval."""


@dataclass(frozen=True, kw_only=True)
class FittedLaw:
    """A law fitted to one metric of a sweep's trials."""

    law: str
    metric: str
    """``domain`` or ``general``: the mean over a role's sources, in bits per byte; or a probe."""
    parameters: Mapping[str, float]
    scale: float
    """Robust standard deviation of the residuals."""
    agreeing: str
    """How many of how many starts ended alike."""
    unread: tuple[str, ...]
    """Settings that differ between trials and that the law does not read."""
    at_bounds: tuple[str, ...]
    """Parameters that the trials do not determine."""
    num_settings: int
    rank_correlation: Bounds
    """Spearman's, of held-out settings."""
    error: Bounds
    """Mean absolute, of held-out settings."""
    against_mean: Bounds
    """The error over that of predicting the mean: below 1 is better."""
    against_regression: Bounds | None
    passes: bool
    """Whether it ranks well enough to propose by."""
    bar: str
    settings: tuple[int, ...] = ()
    """The settings held out, in turn; what each came to, and what the law said without it:"""
    observed: tuple[float, ...] = ()
    predicted: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProposedSettings:
    """What laws propose, and what they expect of one run with it."""

    settings: Mapping[str, float | str]
    gain: Bounds
    forgetting: Bounds
    kept: float
    """Part of the replicates in which the bound on forgetting holds."""
    extrapolated: tuple[str, ...]
    outside_hull: bool
    unread: tuple[str, ...]
    file: Path | None
    law: str = ""
    general_loss: float = 0.0
    """The most that general text was allowed to lose."""
    tokens: float | None = None
    """Of the big run; None for as many as the trials'."""
