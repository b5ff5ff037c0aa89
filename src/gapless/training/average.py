"""An exponential moving average of the weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from gapless.recipe.methods import ExponentialAverage
from gapless.training.hooks import Hook, Moment, learning_weights


class Average(Hook):
    """Averages the weights that learn: a <- d a + (1 - d) w after each step, from the base on.

    With ``every`` = n, each n-th step has d^n instead of d (Polyak and Juditsky 1992; Tarvainen and
    Valpola 2017). It starts at the base without correction: the average is to remember the base.
    Adapters are averaged as they are, not their products.

    The average is a second copy of what learns, where the model is.
    """

    name = "average"

    def __init__(self, settings: ExponentialAverage) -> None:
        self._every = settings.every
        self._share = 1 - settings.decay**settings.every
        self._average: dict[str, torch.Tensor] = {}

    def begin(self, model: Any) -> None:
        """Start from the base."""
        self._average = {name: weights.clone() for name, weights in learning_weights(model).items()}

    @torch.no_grad()
    def after_step(self, moment: Moment) -> None:
        """Move the average towards the weights."""
        if moment.step % self._every == 0:
            for name, weights in learning_weights(moment.model).items():
                self._average[name].lerp_(weights, self._share)

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """Return the average by parameter name."""
        return self._average

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on from a saved average."""
        for name, average in self._average.items():
            average.copy_(tensors[name])

    @contextmanager
    def in_place(self, model: Any) -> Iterator[None]:
        """Let the model have the averaged weights meanwhile."""
        self._exchange(model)
        try:
            yield
        finally:
            self._exchange(model)

    def _exchange(self, model: Any) -> None:
        for name, weights in learning_weights(model).items():
            kept = weights.clone()
            weights.copy_(self._average[name])
            self._average[name].copy_(kept)
