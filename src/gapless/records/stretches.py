"""Stretches: consecutive rows of a run under one mixture. Mixing makes them, ordering places them.

A phase is one stretch; where its mixture is drawn anew every epoch, moves with measurements or is
changed on the way, it is several.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Draw = Literal["fresh", "again"]
"""``fresh``: from the next epoch that nothing has touched. ``again``: the rows of the last fresh
draw, shuffled otherwise or in a curriculum's sequence. Without one it goes on where it stopped."""


@dataclass(frozen=True)
class Stretch:
    """Consecutive rows of the run under one mixture."""

    phase: int
    rows: Mapping[str, int]
    """Stratum to rows, in the order in which equal places are filled."""
    length: int
    """How many of these rows are taken; fewer than there are where the mixture is changed."""
    draws: Mapping[str, Draw] = field(default_factory=dict)
    """Stratum to where its rows come from."""

    @classmethod
    def whole(
        cls, phase: int, rows: Mapping[str, int], draws: Mapping[str, Draw] | None = None
    ) -> "Stretch":
        """Return a stretch that takes all of its rows."""
        return cls(phase, dict(rows), sum(rows.values()), dict(draws or {}))

    def facts(self) -> dict[str, Any]:
        """Return the stretch as a JSON object."""
        return asdict(self)
