"""Where and in what precision the arithmetic happens, and one accumulated gradient."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from gapless.errors import RecipeError
from gapless.packing import PackedRows
from gapless.recipe.training import Training
from gapless.training.attention import Kind, attention_within, choose_attention
from gapless.training.fp8 import check_fp8
from gapless.training.loss_choice import choose_way
from gapless.training.losses import MicroBatch, Way, summed_nats
from gapless.training.processes import ALONE, Processes


@dataclass(frozen=True)
class Ways:
    """How loss and attention are worked out; the results are the same to float tolerance."""

    loss: Way = "whole"
    attention: Kind = "masked"


@dataclass(frozen=True)
class Compute:
    """A device and a precision, and the ways that were found to be right for a model."""

    device: torch.device
    bf16: bool
    ways: Ways = Ways()
    weights: torch.dtype = torch.float32
    fp8: bool = False

    @classmethod
    def of(cls, training: Training) -> "Compute":
        """Settle what a recipe says."""
        return cls.choose(training.device, training.precision, training.weights)

    @classmethod
    def choose(
        cls,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        precision: Literal["auto", "fp32", "bf16", "fp8"] = "auto",
        weights: Literal["fp32", "bf16"] = "fp32",
    ) -> "Compute":
        """Settle ``auto``: a GPU where there is one; bf16 where the processor multiplies it.

        Weights in bf16 are multiplied in it; where fp8 does not reach, bf16 does.

        Raises:
            RecipeError: what is asked for cannot be had here.

        """
        if device == "cuda" and not torch.cuda.is_available():
            raise RecipeError(
                "no CUDA device is available",
                where="training.device",
                mend="Use auto or cpu, or install a CUDA build of torch.",
            )
        on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
        fast_bf16 = torch.cuda.is_bf16_supported() if on_gpu else _cpu_multiplies_bf16()
        chosen = torch.device("cuda" if on_gpu else "cpu")
        if precision == "fp8":
            check_fp8(chosen)
        asked = precision in ("bf16", "fp8") or weights == "bf16"
        return cls(
            chosen,
            bf16=asked or (precision == "auto" and fast_bf16),
            weights=torch.bfloat16 if weights == "bf16" else torch.float32,
            fp8=precision == "fp8",
        )

    def keep(self, model: Any) -> None:
        """Round the parameters of a model, in place, where they are to be kept in fewer bits.

        To the nearest: what was stored in bf16 stays the same. Buffers such as rotary angles are
        left alone.
        """
        if self.weights == torch.float32:
            return
        for parameter in model.parameters():
            parameter.data = parameter.data.to(self.weights)

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of a forward pass."""
        if not self.bf16:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def describe(self) -> str:
        """Return the device and precision in words."""
        precision = "fp8" if self.fp8 else "bf16" if self.bf16 else "fp32"
        kept = ", weights in bf16" if self.weights == torch.bfloat16 else ""
        return f"{self.device.type}, {precision}{kept}"


def _cpu_multiplies_bf16() -> bool:
    """Without such units, bf16 is three times slower than fp32 on a CPU."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(supported())


def with_ways(
    compute: Compute,
    model: Any,
    training: Training,
    *,
    context: int,
    processes: Processes = ALONE,
) -> Compute:
    """Settle ``auto`` by trying out on the model, which is on its device and has no gradients.

    Raises:
        RecipeError, ModelError: what the recipe asks for cannot be done, here or with this model.

    """
    device, bf16 = compute.device, compute.bf16
    way = choose_way(model, training.loss, device=device, bf16=bf16, processes=processes)
    kind = choose_attention(model, training.attention, context=context, device=device, bf16=bf16)
    return replace(compute, ways=Ways(way, kind))


def accumulate_gradients(
    model: Any,
    packed: PackedRows,
    *,
    num_targets: int,
    micro_batch_rows: int,
    compute: Compute,
) -> torch.Tensor:
    """Add the rows' part of the step's mean loss to the gradients; return that part in nats.

    The mean is over ``num_targets``, all predicted tokens of the step, so the result does not
    depend on how the rows are divided into micro-batches or processes (to float tolerance).
    """
    num_targets = max(num_targets, 1)  # a step may hold nothing but questions
    total = torch.zeros((), device=compute.device)
    for batch in _micro_batches(packed, micro_batch_rows, compute.device):
        by_documents = compute.ways.attention == "documents"
        with attention_within(model, batch.positions) if by_documents else nullcontext():
            with compute.autocast():
                nats = summed_nats(model, batch, compute.ways.loss)
            (nats / num_targets).backward()  # type: ignore[no-untyped-call]  # torch's own
        total += nats.detach()
    return total / num_targets


def _micro_batches(packed: PackedRows, rows: int, device: torch.device) -> Iterator[MicroBatch]:
    for start in range(0, len(packed.ids), rows):
        part = slice(start, start + rows)
        yield MicroBatch(
            torch.from_numpy(packed.ids[part]).to(device),
            torch.from_numpy(packed.positions[part]).to(device),
            torch.from_numpy(packed.targets[part]).to(device),
        )
