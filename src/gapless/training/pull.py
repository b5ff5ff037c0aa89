"""Decay towards the base weights."""

from typing import Any

import torch

from gapless.training.hooks import Hook, Moment, learning_weights


class Pull(Hook):
    """Takes every weight that learns some of the way back to where it began, after each step.

    p -= rate x strength x (p - p_base): L2-SP (Li et al. 2018, eq. 3), decoupled from the gradient
    as AdamW's decay is (Loshchilov and Hutter 2019), so that Adam's scaling does not undo it. Never
    more than the whole way. Adapters are pulled to where they change nothing. The optimizer's
    weight decay, towards zero, goes on beside it.

    The base is a second copy of what learns, where the model is.
    """

    name = "pull"

    def __init__(self, strength: float) -> None:
        self._strength = strength
        self._base: list[torch.Tensor] = []

    def begin(self, model: Any) -> None:
        """Keep the base weights: a resumed run loads the same ones before it goes on."""
        self._base = [weights.clone() for weights in learning_weights(model).values()]

    @torch.no_grad()
    def after_step(self, moment: Moment) -> None:
        """Pull the weights by the rate of the step just done."""
        share = min(1.0, moment.rate * self._strength)
        learning = learning_weights(moment.model).values()
        for weights, base in zip(learning, self._base, strict=True):
            weights.lerp_(base, share)
