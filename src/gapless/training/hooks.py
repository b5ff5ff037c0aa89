"""Hooks: what watches the training, or bends it, at fixed points of the loop.

To add one: a class here or in its own file, its setting in `recipe/training.py`, one line in the
table of `workflow/hooks.py`, one test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Moment:
    """A point between two steps."""

    model: Any
    step: int
    """Steps done."""
    tokens_seen: int
    rate: float
    """The learning rate of the step just done."""


def learning_weights(model: Any) -> dict[str, torch.Tensor]:
    """Return the weights that learn, by name: the model's own, without a history."""
    return {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}


class Hook:
    """Does nothing; a hook overrides what it needs."""

    name: str
    """What its tensors are called in a checkpoint."""

    def begin(self, model: Any) -> None:
        """Hear of the base model, before anything of it changes or is restored."""

    def after_step(self, moment: Moment) -> None:
        """Hear that the weights have moved."""

    def at_probe(self, moment: Moment) -> Mapping[str, Any]:  # noqa: ARG002 - one shape for all
        """Return what it observes whenever the model is measured: names and numbers."""
        return {}

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """Return what must be known to go on."""
        return {}

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on from what `tensors` returned."""
