"""Trackio."""

from collections.abc import Mapping

from gapless.recipe.trackers import Trackio
from gapless.tracking.tracker import TrackedArm


class TrackioRun:
    """A run of Trackio, found again by its name."""

    def __init__(self, spec: Trackio, arm: TrackedArm) -> None:
        import trackio

        self.identity = arm.identity or arm.name
        self._run = trackio.init(
            project=spec.project,
            name=self.identity,
            group=arm.run,
            space_id=spec.space,
            config=dict(arm.settings),
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def log(self, tokens_seen: int, values: Mapping[str, float]) -> None:
        """Add a point to each line."""
        self._run.log(dict(values), step=tokens_seen)

    def close(self) -> None:
        """Write what is left."""
        self._run.finish()
