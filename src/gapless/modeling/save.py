"""Write a model folder."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def save_model(
    model: Any,
    folder: Path,
    *,
    dtype: "torch.dtype | None" = None,
    state: "Mapping[str, torch.Tensor] | None" = None,
) -> None:
    """Write config and safetensors into an existing folder, weights rounded to ``dtype`` (fp32).

    The model in memory stays as it is. ``state`` is written instead of its own state dict.
    """
    import torch

    dtype = dtype or torch.float32
    converted: dict[int, torch.Tensor] = {}  # tied weights stay one tensor
    state = {
        name: converted.setdefault(tensor.data_ptr(), tensor.to(dtype))
        for name, tensor in (model.state_dict() if state is None else state).items()
    }
    original = model.config.dtype
    try:
        with without_bars():
            model.save_pretrained(folder, state_dict=state)
    finally:
        model.config.dtype = original
    save_config(model, folder, dtype=dtype)  # `save_pretrained` says what the memory holds


def save_config(model: Any, folder: Path, *, dtype: "torch.dtype | None" = None) -> None:
    """Write what `transformers` needs besides weights into an existing folder.

    The config says that the weights are ``dtype`` (fp32).
    """
    config = copy.deepcopy(model.config)
    config.architectures = [type(model).__name__.removeprefix("FSDP")]
    config.dtype = str(dtype or "float32").removeprefix("torch.")
    config.save_pretrained(folder)
    if model.can_generate():
        model.generation_config.save_pretrained(folder)


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep the progress bars of `transformers` off the terminal: ours is there."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
