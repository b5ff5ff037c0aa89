"""Moments of the optimizer in 8 bits (Dettmers et al. 2022).

A tensor becomes one byte per number, its code, and one scale per block: the largest magnitude in
it. A code stands for one of 256 numbers from -1 to 1, or from 0 to 1, which lie closer together
the smaller they are. Blocks end with their row (a row is what lies behind one index of the first
dimension), so what a number becomes does not depend on how rows are divided over processes.
"""

import math
from functools import cache

import torch
from torch.nn import functional

BLOCK = 256
_SMALLEST_SCALE = 1e-12
_EXPONENTS = 7


def encode(values: torch.Tensor, *, signed: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return codes (uint8, shaped as ``values``) and scales (fp32, rows by blocks)."""
    blocks = _blocks(values)
    scales = blocks.abs().amax(-1).clamp(min=_SMALLEST_SCALE)
    borders = _borders(signed).to(values.device)
    codes = torch.bucketize(blocks / scales[..., None], borders, out_int32=True, right=True)
    width = math.prod(values.shape[1:])
    return codes.to(torch.uint8).flatten(1)[:, :width].reshape(values.shape), scales


def decode(codes: torch.Tensor, scales: torch.Tensor, *, signed: bool) -> torch.Tensor:
    """Return what codes and scales stand for, in fp32."""
    numbers = _numbers(signed).to(codes.device)
    blocks = numbers[_blocks(codes).int()] * scales[..., None]
    return blocks.flatten(1)[:, : math.prod(codes.shape[1:])].reshape(codes.shape)


def _blocks(values: torch.Tensor) -> torch.Tensor:
    """Return (rows, blocks, `BLOCK`); the last of a row is filled up with zeros."""
    width = math.prod(values.shape[1:])
    count = -(-width // BLOCK)
    flat = values.reshape(len(values), width)
    return functional.pad(flat, (0, count * BLOCK - width)).view(len(values), count, BLOCK)


@cache
def _numbers(signed: bool) -> torch.Tensor:  # noqa: FBT001 - a key of the cache
    """Return the 256 numbers, rising (Dettmers 2016, the dynamic tree data type).

    Of each power of ten from 1e-6 to 1, a number of means between equal steps from 0.1 to 1, twice
    as many for each power more; and 0 and 1.
    """
    found = [0.0, 1.0]
    for exponent in range(_EXPONENTS):
        steps = torch.linspace(0.1, 1, 2 ** (exponent if signed else exponent + 1) + 1)
        means = (10.0 ** (exponent - _EXPONENTS + 1) * (steps[:-1] + steps[1:]) / 2).tolist()
        found += [*means, *(-mean for mean in means)] if signed else means
    return torch.tensor(sorted(found))


@cache
def _borders(signed: bool) -> torch.Tensor:  # noqa: FBT001 - a key of the cache
    numbers = _numbers(signed)
    return (numbers[:-1] + numbers[1:]) / 2
