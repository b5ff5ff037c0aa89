"""What the advisor says of an arm that is under way: preliminary, cheap, each arm by itself.

The rules read the last measurement as if it were the end. Arms are not held against each other:
they have not come equally far.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gapless.errors import RunError
from gapless.records.artifact import ArtifactFolder
from gapless.records.live_views import LiveFinding

_REPLICATES = 200
"""Of the bootstrap: a fifth of what the analysis draws."""
_FEWEST_POINTS = 2
"""The base and one more: before, nothing can have changed."""


class LiveFindings:
    """The findings of a run's arms, each worked out anew when it has a new measurement."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[Any, tuple[LiveFinding, ...]]] = {}

    def look(
        self,
        arm: str,
        training: ArtifactFolder,
        measured: Sequence[Mapping[str, Any]],
        analysis: ArtifactFolder,
        *,
        seed: int,
    ) -> tuple[LiveFinding, ...]:
        """Return what is found of an arm; ``measured`` are the rows of its measurements.

        What cannot be read, as when the run is cut back just now, has none until there is more.
        """
        points = tuple((row["tokens_seen"], row["probe"], row["metric"]) for row in measured)
        seen = (points, analysis.exists())
        if self._found.get(arm, (None, ()))[0] != seen:
            self._found[arm] = seen, ()
            if len({tokens for tokens, _, _ in points}) >= _FEWEST_POINTS:
                self._found[arm] = seen, _work_out(arm, training, analysis, seed)
        return self._found[arm][1]


def _work_out(
    arm: str, training: ArtifactFolder, analysis: ArtifactFolder, seed: int
) -> tuple[LiveFinding, ...]:
    from gapless.analysis import analyse, read_analysis

    try:
        if analysis.exists():
            rows = read_analysis(analysis.path).findings
        else:
            folder = training.path if training.exists() else training.partial_path
            rows = analyse([folder], seed=seed, replicates=_REPLICATES).findings
    except RunError:
        return ()
    return tuple(LiveFinding(rule=r["rule"], text=r["text"]) for r in rows if r["arm"] == arm)
