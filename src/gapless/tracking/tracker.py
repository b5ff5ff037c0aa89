"""What a tracker is, and what it gets to know of an arm."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class TrackedArm:
    """One arm of a run, as a tracker calls it."""

    run: str
    """The recipe's name."""
    arm: str
    folder: Path
    """The run's."""
    settings: Mapping[str, Any]
    """The recipe as this arm has it."""
    identity: str
    """What the tracker called this arm's run when it was begun; empty when it begins now."""
    from_tokens: int
    """Tokens seen at the last point that the tracker was told; -1 when it begins now."""

    @property
    def name(self) -> str:
        """What people read."""
        return f"{self.run}/{self.arm}"


class Tracker(Protocol):
    """One arm's place in somebody's dashboard."""

    identity: str
    """By which it is found again."""

    def log(self, tokens_seen: int, values: Mapping[str, float]) -> None:
        """Add a point to each of some lines; tokens seen only ever rise, or stay."""

    def close(self) -> None:
        """Return when all of it is written or sent."""
