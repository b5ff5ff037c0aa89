"""What the verb ``sweep`` answers."""

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


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """A sweep, best settings first."""

    run_dir: Path
    trials: tuple[TrialRow, ...]
    """In the order of their names."""
    ranking: tuple[tuple[int, float | None, float | None, float], ...]
    """Setting, mean gain, mean forgetting, and what it is ranked by; of those that were done."""
    file: Path
    """``trials.jsonl``: a row per trial."""
