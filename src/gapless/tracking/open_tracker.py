"""The table of trackers: what each recipe's `logging` opens, and what must be installed for it."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from gapless.errors import RecipeError
from gapless.recipe.trackers import Tracker as Spec
from gapless.tracking.tracker import TrackedArm, Tracker

OPENERS: Mapping[str, tuple[str, str, str]] = {
    "tensorboard": ("gapless.tracking.tensorboard", "EventFiles", "tensorboardX"),
    "wandb": ("gapless.tracking.wandb", "WandbRun", "wandb"),
    "trackio": ("gapless.tracking.trackio", "TrackioRun", "trackio"),
    "mlflow": ("gapless.tracking.mlflow", "MlflowRun", "mlflow"),
}
"""Type to module, class, and the package that it needs."""


def check_installed(specs: Sequence[Spec]) -> None:
    """Refuse a tracker whose package is not here, before anything is spent.

    Raises:
        RecipeError: it is missing.

    """
    for number, spec in enumerate(specs):
        package = OPENERS[spec.type][2]
        if find_spec(package) is None:
            raise RecipeError(
                f"{spec.type!r} needs the package {package}, which is not here",
                where=f"logging[{number}]",
                mend=f'Install it: pip install "gapless[{spec.type}]"; or take the line out.',
            )


def open_tracker(spec: Spec, arm: TrackedArm) -> Tracker:
    """Open a tracker for an arm; its package is imported here."""
    module, name, _ = OPENERS[spec.type]
    opener: Callable[[Any, TrackedArm], Tracker] = getattr(import_module(module), name)
    return opener(spec, arm)
