"""Trackers: where what a run measures is shown besides its own journals.

To add one: a class here, a file in `tracking/`, one line in its table, one extra in pyproject.toml.
"""

from typing import Annotated, Literal

from pydantic import Field

from gapless.recipe.fields import Part


class TensorBoard(Part):
    """Event files for TensorBoard: ``tensorboard --logdir RUN/tensorboard``."""

    type: Literal["tensorboard"] = "tensorboard"
    path: str | None = None
    """Their folder; ``tensorboard`` in the run's folder when left out."""


class WeightsAndBiases(Part):
    """Weights & Biases: one run per arm, in a group of the recipe's name."""

    type: Literal["wandb"] = "wandb"
    project: str
    entity: str | None = None
    """A user or a team; your own default when left out."""
    mode: Literal["online", "offline"] = "online"
    """``offline`` writes to the run's folder, for `wandb sync`."""


class Trackio(Part):
    """Trackio: one run per arm, on this machine or in a Space."""

    type: Literal["trackio"] = "trackio"
    project: str
    space: str | None = None
    """A Hugging Face Space, ``owner/name``; on this machine when left out."""


class MLflow(Part):
    """MLflow: one run per arm, in one experiment."""

    type: Literal["mlflow"] = "mlflow"
    experiment: str | None = None
    """The recipe's name when left out."""
    uri: str | None = None
    """A tracking server; ``MLFLOW_TRACKING_URI``, or MLflow's own default, when left out."""


Tracker = Annotated[TensorBoard | WeightsAndBiases | Trackio | MLflow, Field(discriminator="type")]
