"""Encoder folders (BERT and its kin): how they are opened, and how much of a text they can read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from gapless.errors import ModelError, RecipeError
from gapless.modeling.folder import weight_files
from gapless.modeling.save import without_bars

Device = Literal["auto", "cpu", "cuda"]

_COUNT_FROM_PADDING = {"roberta", "xlm-roberta", "camembert"}


def load_encoder(folder: Path, auto_class: Any, **settings: Any) -> Any:
    """Open a folder with one of `transformers`' ``AutoModel...`` classes: fp32, from files alone.

    Raises:
        ModelError: the folder holds no such model.

    """
    import torch

    weight_files(folder)
    try:
        with without_bars(), _without_warnings():
            return auto_class.from_pretrained(
                folder,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                **settings,
            )
    except (ValueError, OSError, RuntimeError, KeyError) as error:
        what = f"`transformers` cannot load the encoder: {error}"
        raise ModelError(what, where=str(folder)) from error


def settle(device: Device) -> str:
    """Return the device itself; ``auto`` is a GPU where there is one."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        mend = "Use auto or cpu, or install a CUDA build of torch."
        raise RecipeError("no CUDA device is available", where="device", mend=mend)
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def longest_input(config: Any, tokenizer: Any, most: int) -> int:
    """Return how many tokens of a text are read: ``most``, or fewer when the model takes fewer."""
    places = getattr(config, "max_position_embeddings", None) or most
    if config.model_type in _COUNT_FROM_PADDING:
        places -= config.pad_token_id + 1
    return int(min(most, places, tokenizer.model_max_length))


def by_length(texts: list[str], size: int) -> Iterator[list[int]]:
    """Yield batches of indices of texts of like length, so that little is padded."""
    order = sorted(range(len(texts)), key=lambda index: (len(texts[index]), index))
    for begin in range(0, len(order), size):
        yield order[begin : begin + size]


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep off the terminal that a layer is new or unused: it is meant to be."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
