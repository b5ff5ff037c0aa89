"""Write a model folder."""

from pathlib import Path
from typing import Any

import torch


def save_model(model: Any, folder: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Write config and safetensors into an existing folder, weights rounded to ``dtype``.

    The model in memory stays as it is.
    """
    state = {name: tensor.to(dtype) for name, tensor in model.state_dict().items()}
    original = model.config.dtype
    model.config.dtype = dtype
    try:
        model.save_pretrained(folder, state_dict=state)
    finally:
        model.config.dtype = original
