"""Where and in what precision the arithmetic happens, and one accumulated gradient."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.nn import functional

from gapless.errors import RecipeError
from gapless.packing import IGNORED, PackedRows


@dataclass(frozen=True)
class Compute:
    """A device and a precision."""

    device: torch.device
    bf16: bool

    @classmethod
    def choose(
        cls,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        precision: Literal["auto", "fp32", "bf16"] = "auto",
    ) -> "Compute":
        """Settle ``auto``: a GPU where there is one; bf16 where the processor multiplies it."""
        if device == "cuda" and not torch.cuda.is_available():
            raise RecipeError(
                "no CUDA device is available",
                where="training.device",
                mend="Use auto or cpu, or install a CUDA build of torch.",
            )
        on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
        fast_bf16 = torch.cuda.is_bf16_supported() if on_gpu else _cpu_multiplies_bf16()
        return cls(
            torch.device("cuda" if on_gpu else "cpu"),
            bf16=precision == "bf16" or (precision == "auto" and fast_bf16),
        )

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of a forward pass."""
        if not self.bf16:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def describe(self) -> str:
        """Return the device and precision in words."""
        return f"{self.device.type}, {'bf16' if self.bf16 else 'fp32'}"


@contextmanager
def subnormals_flushed() -> Iterator[None]:
    """Take the smallest numbers for 0 meanwhile: on a CPU they are a hundred times slower."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _cpu_multiplies_bf16() -> bool:
    """Without such units, bf16 is three times slower than fp32 on a CPU."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(supported())


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
    total = torch.zeros((), device=compute.device)
    for ids, positions, targets in _micro_batches(packed, micro_batch_rows, compute.device):
        with compute.autocast():
            # No attention mask and no cache: only then does `transformers` read document borders
            # from the positions (tests/training/test_borders.py).
            logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits
        loss = functional.cross_entropy(
            logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        (loss / num_targets).backward()  # type: ignore[no-untyped-call]  # torch's own
        total += loss.detach()
    return total / num_targets


def _micro_batches(
    packed: PackedRows, rows: int, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    for start in range(0, len(packed.ids), rows):
        part = slice(start, start + rows)
        yield (
            torch.from_numpy(packed.ids[part]).to(device),
            torch.from_numpy(packed.positions[part]).to(device),
            torch.from_numpy(packed.targets[part]).to(device),
        )
