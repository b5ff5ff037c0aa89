"""Weights & Biases."""

from collections.abc import Mapping

from gapless.recipe.trackers import WeightsAndBiases
from gapless.tracking.tracker import TrackedArm

_X_AXIS = "tokens_seen"


class WandbRun:
    """A run of Weights & Biases; it takes no code, no terminal output and no machine's data."""

    def __init__(self, spec: WeightsAndBiases, arm: TrackedArm) -> None:
        import wandb

        settings = wandb.Settings(
            console="off",
            silent=True,
            disable_code=True,
            disable_git=True,
            x_disable_machine_info=True,
            x_disable_stats=True,
        )
        self._run = wandb.init(
            project=spec.project,
            entity=spec.entity,
            mode=spec.mode,
            name=arm.name,
            group=arm.run,
            id=arm.identity or None,
            resume="allow",
            dir=str(arm.folder),
            config=dict(arm.settings),
            settings=settings,
        )
        self.identity = str(self._run.id)
        self._run.define_metric(_X_AXIS, hidden=True)
        self._run.define_metric("*", step_metric=_X_AXIS)

    def log(self, tokens_seen: int, values: Mapping[str, float]) -> None:
        """Add a point to each line."""
        self._run.log({_X_AXIS: tokens_seen, **values})

    def close(self) -> None:
        """Send what is left."""
        self._run.finish()
