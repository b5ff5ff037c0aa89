"""AdamW that holds fewer bytes per parameter: weights in bf16, moments in 8 bits, or both.

A step is worked out in fp32, for some rows of a tensor after another. Weights in bf16 have no copy
in fp32: bf16 has 8 significant bits, and most steps are smaller than half of the last one, so that
rounding to the nearest number would lose them. They are rounded stochastically instead: up or down
by chance, on average to where they should be (Gupta et al. 2015; for bf16 training Zamirai et al.
2020).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.distributed.tensor import DTensor

from gapless.seeds import stream_key
from gapless.training.eight_bit import decode, encode
from gapless.training.sharding import divided_like, own_rows

_AT_ONCE = 1 << 22
"""Numbers of a tensor that are worked on at once, about 30 bytes for each."""
_FEWEST = 4096
"""Smaller tensors, and those with one dimension (norms), keep moments in fp32."""
_SIGNED = {"exp_avg": True, "exp_avg_sq": False}


class LowBitAdamW(torch.optim.Optimizer):
    """AdamW (Loshchilov and Hutter 2019) over named parameters.

    Of each parameter, ``state`` has ``step``, and ``exp_avg`` and ``exp_avg_sq`` or, in 8 bits,
    their ``_codes`` and ``_scales``: plain tensors, divided over processes as the parameter is.
    """

    def __init__(
        self, groups: Sequence[dict[str, Any]], *, eight_bit: bool, seed: int, **settings: Any
    ) -> None:
        """Take groups of ``params`` and ``names``; settings: ``lr``, ``betas`` and ``eps``."""
        self._eight_bit, self._seed = eight_bit, seed
        super().__init__(groups, settings)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step for all that have a gradient."""
        assert closure is None
        for group in self.param_groups:
            for name, parameter in zip(group["names"], group["params"], strict=True):
                if parameter.grad is not None:
                    self._update(name, parameter, group)

    def _update(self, name: str, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter] or self._first(parameter)
        state["step"] += 1
        step, first = int(state["step"]), own_rows(parameter).start or 0
        # A process draws for the rows that it has.
        draws = torch.Generator(_local(parameter).device).manual_seed(
            stream_key(self._seed, "rounding", step, name, first) % 2**63
        )
        tensors = {key: _rows(_local(value)) for key, value in state.items() if key != "step"}
        weights, gradient = _rows(_local(parameter)), _rows(_local(parameter.grad))
        size = max(1, _AT_ONCE // max(1, math.prod(weights.shape[1:])))
        for start in range(0, len(weights), size):
            part = slice(start, start + size)
            own = {key: value[part] for key, value in tensors.items()}
            new = _stepped(weights[part].float(), gradient[part].float(), own, step, group)
            rounds = weights.dtype == torch.bfloat16
            weights[part] = rounded_stochastically(new, draws) if rounds else new

    def _first(self, parameter: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return moments of 0. Whether they have 8 bits does not depend on how rows are divided."""
        state: dict[str, torch.Tensor] = self.state[parameter]
        state["step"] = torch.tensor(0.0)
        small = parameter.ndim < 2 or parameter.numel() < _FEWEST
        rows = _local(parameter)
        for key, signed in _SIGNED.items():
            if small or not self._eight_bit:
                state[key] = torch.zeros_like(parameter, dtype=torch.float32)
            else:
                codes, scales = encode(torch.zeros_like(rows, dtype=torch.float32), signed=signed)
                state[f"{key}_codes"] = divided_like(codes, parameter)
                state[f"{key}_scales"] = divided_like(scales, parameter)
        return state


def rounded_stochastically(values: torch.Tensor, draws: torch.Generator) -> torch.Tensor:
    """Return fp32 values in bf16: each becomes a neighbour, the nearer the more probable.

    bf16 is the upper half of fp32's bits. 16 random bits added to the lower half carry into the
    upper one with the probability lower / 2^16; then the lower half is cut off.
    """
    bits = torch.randint(
        0, 1 << 16, values.shape, dtype=torch.int32, device=values.device, generator=draws
    )
    cut = bits.add_(values.view(torch.int32)).bitwise_and_(-(1 << 16)).view(torch.float32)
    return torch.where(values.isfinite(), cut, values).bfloat16()  # a nan must stay one


def _stepped(
    weights: torch.Tensor,
    gradient: torch.Tensor,
    state: dict[str, torch.Tensor],
    step: int,
    group: dict[str, Any],
) -> torch.Tensor:
    """Return the weights after a step; the moments in ``state`` go on in place."""
    (beta1, beta2), rate = group["betas"], group["lr"]
    mean = _read(state, "exp_avg").lerp_(gradient, 1 - beta1)
    square = _read(state, "exp_avg_sq").mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    denominator = (square.sqrt() / math.sqrt(1 - beta2**step)).add_(group["eps"])
    weights = weights * (1 - rate * group["weight_decay"])
    weights.addcdiv_(mean, denominator, value=-rate / (1 - beta1**step))
    _write(state, "exp_avg", mean)
    _write(state, "exp_avg_sq", square)
    return weights


def _read(state: dict[str, torch.Tensor], key: str) -> torch.Tensor:
    if key in state:
        return state[key]
    return decode(state[f"{key}_codes"], state[f"{key}_scales"], signed=_SIGNED[key])


def _write(state: dict[str, torch.Tensor], key: str, values: torch.Tensor) -> None:
    if key not in state:
        codes, scales = encode(values, signed=_SIGNED[key])
        state[f"{key}_codes"].copy_(codes)
        state[f"{key}_scales"].copy_(scales)


def _local(tensor: Any) -> torch.Tensor:
    """Return what this process has of a tensor, sharing its memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _rows(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.ndim else tensor[None]
