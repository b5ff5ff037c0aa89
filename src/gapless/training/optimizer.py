"""The optimizer and its parameter groups."""

from typing import Any

import torch

from gapless.recipe.training import Training
from gapless.training.low_bit import LowBitAdamW


def make_optimizer(model: Any, training: Training, *, seed: int = 0) -> torch.optim.Optimizer:
    """Return AdamW over the trainable parameters; matrices decay, norms and biases do not.

    ``seed`` is that of the run: stochastic rounding draws from it.
    """
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups = [
        _group([(name, p) for name, p in trainable if p.ndim >= 2], training.weight_decay),
        _group([(name, p) for name, p in trainable if p.ndim < 2], 0.0),
    ]
    groups = [group for group in groups if group["params"]]
    settings: dict[str, Any] = {
        "lr": training.learning_rate,
        "betas": training.betas,
        "eps": training.epsilon,
    }
    eight_bit = training.optimizer == "adamw_8bit"
    if eight_bit or training.weights == "bf16":
        return LowBitAdamW(groups, eight_bit=eight_bit, seed=seed, **settings)
    return torch.optim.AdamW(groups, **settings, fused=True)


def _group(named: list[tuple[str, Any]], decay: float) -> dict[str, Any]:
    return {"params": [p for _, p in named], "names": [n for n, _ in named], "weight_decay": decay}
