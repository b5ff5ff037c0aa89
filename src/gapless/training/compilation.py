"""Decoder layers compiled by `torch.compile`, each by itself.

All layers of a model have the same code, so what is compiled for the first serves the others.
Parameters keep their names, and what stands around a layer (FSDP2, checkpointing of activations)
takes no notice.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from gapless.errors import RecipeError
from gapless.modeling.layers import decoder_layers


@contextmanager
def layers_compiled(model: Any, device: torch.device) -> Iterator[None]:
    """Let every decoder layer run compiled meanwhile, whenever the model trains.

    A model that is measured runs as written: batches of probes have many shapes, each of which
    would be compiled, and the base was measured so too. Every shape is compiled for itself: whether
    torch met another before (a run that was resumed may not have) must not change what it does.

    Raises:
        RecipeError: nothing can be compiled here.

    """
    _try_out(device)
    layers = list(decoder_layers(model)[1])
    recomputed = [bool(getattr(layer, "gradient_checkpointing", False)) for layer in layers]
    for layer, recompute in zip(layers, recomputed, strict=True):
        layer.forward = _forward(layer, recompute=recompute)
    try:
        yield
    finally:
        for layer, recompute in zip(layers, recomputed, strict=True):
            del layer.forward
            if recompute:
                layer.gradient_checkpointing = True
        torch.compiler.reset()  # the next arm begins as this one did


def _forward(layer: Any, *, recompute: bool) -> Callable[..., Any]:
    """Return a layer's forward, compiled while it trains.

    Not `layer.compile()`: that would trace through the hooks of FSDP2. Checkpointing of activations
    goes around what is compiled, where attention by documents may break it into parts.
    """
    written = layer.forward
    compiled = _compiled(written)
    if recompute:
        layer.gradient_checkpointing = False

    def forward(*args: Any, **inputs: Any) -> Any:
        if not layer.training:
            return written(*args, **inputs)
        if recompute:
            return layer._gradient_checkpointing_func(partial(compiled, **inputs), *args)  # noqa: SLF001
        return compiled(*args, **inputs)

    return forward


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return it compiled; kernels are not chosen by timing them, which could end otherwise."""
    return torch.compile(function, dynamic=False, options={"deterministic": True})


def _try_out(device: torch.device) -> None:
    try:
        _compiled(lambda numbers: numbers * 2 + 1)(torch.ones(8, device=device))
    except RuntimeError as error:
        told = str(error).strip().splitlines()[0]
        raise RecipeError(
            f"torch.compile does not work here: {told}",
            where="training.compile",
            mend="Install a C++ compiler (g++ or clang; with CUDA the package triton too), or "
            "leave the setting out.",
        ) from error
