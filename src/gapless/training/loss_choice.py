"""Which way of working out the loss is right for a model: each is tried out before it is used."""

import importlib.util
import math
from typing import Any, Literal

import torch
from torch.nn import functional

from gapless.errors import ModelError, RecipeError
from gapless.packing import IGNORED
from gapless.training.losses import FUSED, Head, MicroBatch, Way, softcap_of, summed_nats
from gapless.training.processes import ALONE, Processes

_CHUNKED: Way = "chunked"
_SMALLEST = 1e-12
_LARGEST_DIFFERENCE = {False: 1e-4, True: 3e-2}
"""Of the loss and of the gradient, as a share, in fp32 and in bf16."""


def choose_way(
    model: Any,
    wanted: Way | Literal["auto"],
    *,
    device: torch.device,
    bf16: bool,
    processes: Processes = ALONE,
) -> Way:
    """Return the way ``wanted``, tried out on the model; ``auto`` is the best that is right.

    Every way but ``whole`` must give the loss and the gradients of ``whole`` on some tokens. The
    gradients of the model must be empty, and are again after. Every process must ask.

    Raises:
        RecipeError: the way is not to be had here.
        ModelError: the model does not come apart, or gives something else in that way.

    """

    def fault_of(way: Way) -> str | None:
        faults = processes.gathered(_fault(model, way, device, bf16=bf16))
        return next((fault for fault in faults if fault), None)

    if wanted == "auto":
        fused: list[Way] = ["liger"] if device.type == "cuda" and _has("liger_kernel") else []
        right = (way for way in (*fused, _CHUNKED) if not fault_of(way))
        return next(right, "whole")
    check_way(wanted, device)
    fault = fault_of(wanted) if wanted != "whole" else None
    if fault:
        raise ModelError(
            f"the loss of a {model.config.model_type!r} model cannot be worked out in the way "
            f"{wanted!r}: {fault}",
            where="training.loss",
            mend="Take auto or whole.",
        )
    return wanted


def check_way(wanted: Way | Literal["auto"], device: torch.device) -> None:
    """Refuse a way that is not to be had here, whatever the model.

    Raises:
        RecipeError: torch is too old, or there is no GPU or package for it.

    """
    if wanted == "torch" and not hasattr(functional, "linear_cross_entropy"):
        raise RecipeError(
            f"torch {torch.__version__} has no linear_cross_entropy",
            where="training.loss",
            mend="Take chunked, or torch 2.13 or later.",
        )
    if wanted == "liger" and not (device.type == "cuda" and _has("liger_kernel")):
        raise RecipeError(
            "the loss liger needs a CUDA device and the package liger-kernel",
            where="training.loss",
            mend="Take auto or chunked.",
        )


def _has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _fault(model: Any, way: Way, device: torch.device, *, bf16: bool) -> str | None:
    """Return what is wrong with a way, if anything."""
    was_training = model.training
    model.eval()
    model.zero_grad(set_to_none=True)
    try:
        if way in FUSED and not _head_is_linear(model, way, device):
            return "its head is not one matrix product"
        loss = _learn(model, "whole", device, bf16=bf16, sign=1.0)
        size = _gradient_norm(model)
        other = _learn(model, way, device, bf16=bf16, sign=-1.0)  # gradients add up
        differences = (
            abs(other - loss) / max(loss, _SMALLEST),
            _gradient_norm(model) / max(size, _SMALLEST),
        )
    except torch.OutOfMemoryError:
        raise
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        return str(error)
    finally:
        model.train(was_training)
        model.zero_grad(set_to_none=True)
    # A nan is wrong too.
    wrong = not all(difference <= _LARGEST_DIFFERENCE[bf16] for difference in differences)
    return f"it differs by {max(differences):.2g} of its size" if wrong else None


def _head_is_linear(model: Any, way: Way, device: torch.device) -> bool:
    """Return whether a fused way has all there is behind the decoder, for large logits too."""

    def forward(*args: Any, **inputs: Any) -> torch.Tensor:
        states = head.states(*args, **inputs)[0]
        table = model.get_output_embeddings()
        softcap = softcap_of(model) if way == "liger" else None
        states = states * (100 / functional.linear(states, table.weight).abs().max())
        logits = functional.linear(states, table.weight, table.bias)
        if softcap:
            logits = softcap * torch.tanh(logits / softcap)
        return (head.logits(states) - logits).abs().max() / logits.abs().max()

    head, ids = Head(model), torch.arange(1, 9, device=device)[None]
    with torch.no_grad(), head.takes_over(forward):
        difference = model(**MicroBatch(ids, ids - 1, ids).arguments())
    return bool(difference < _LARGEST_DIFFERENCE[model.dtype == torch.bfloat16])


def _learn(model: Any, way: Way, device: torch.device, *, bf16: bool, sign: float) -> float:
    """Add the gradient of two rows, of which some positions predict nothing; return the loss."""
    ids = torch.arange(24, device=device).reshape(2, 12) * 7 % 31 + 1
    targets = ids.roll(-1, dims=1)
    targets[0, 5:8] = targets[1, 11:] = IGNORED
    positions = torch.arange(12, device=device).expand(2, 12)
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        nats = summed_nats(model, MicroBatch(ids, positions, targets), way, positions=8)
    (sign * nats).backward()  # type: ignore[no-untyped-call]  # torch's own
    return float(nats.detach())


def _gradient_norm(model: Any) -> float:
    """Return the norm of the gradient; of one that is divided over processes, of the own part."""
    norm = 0.0
    for parameter in model.parameters():
        if parameter.grad is not None:
            own = getattr(parameter.grad, "to_local", lambda grad=parameter.grad: grad)()
            norm += float(own.square().sum())
    return math.sqrt(norm)
