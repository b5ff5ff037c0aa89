"""A random permutation of any size that is never held in memory.

A Feistel network (Luby and Rackoff 1988) over the smallest even power of two that holds the size;
what falls outside is sent through again until it falls inside (cycle walking: Black and Rogaway
2002). Both directions cost the same, for any single place.
"""

import numpy as np

from gapless.seeds import stream
from gapless.words.compiled import compiled

_ROUNDS = 4
_SMALLEST_HALF = 6
"""Bits; a network of a few bits has too few permutations to be called random."""


def permutation_keys(seed: int, *names: str | int) -> np.ndarray:
    """Return the keys of the permutation called ``names``: uint64, shape (rounds,)."""
    return stream(seed, *names).integers(0, 2**64, size=_ROUNDS, dtype=np.uint64)


def permuted(first: int, last: int, size: int, keys: np.ndarray) -> np.ndarray:
    """Return what stands at places ``first..last`` of a permutation of ``size``: int64."""
    assert 0 <= first <= last <= size
    return _forward(np.arange(first, last, dtype=np.int64), size, _half_bits(size), keys)


def places(members: np.ndarray, size: int, keys: np.ndarray) -> np.ndarray:
    """Return the place of each member: the inverse of `permuted`, int64."""
    return _backward(members.astype(np.int64), size, _half_bits(size), keys)


def _half_bits(size: int) -> int:
    return max(_SMALLEST_HALF, (max(1, size - 1).bit_length() + 1) // 2)


@compiled
def _mixed(value: np.uint64, key: np.uint64) -> np.uint64:
    """Finish of MurmurHash3: every bit of the answer depends on every bit of the value."""
    value ^= key
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    value ^= value >> np.uint64(33)
    return value


@compiled
def _forward(inputs: np.ndarray, size: int, half: int, keys: np.ndarray) -> np.ndarray:
    outputs = np.empty(len(inputs), np.int64)
    bits, mask = np.uint64(half), np.uint64((1 << half) - 1)
    limit = np.uint64(size)
    for i in range(len(inputs)):
        value = np.uint64(inputs[i])
        while True:
            left, right = value >> bits, value & mask
            for j in range(len(keys)):
                left, right = right, left ^ (_mixed(right, keys[j]) & mask)
            value = (left << bits) | right
            if value < limit:
                break
        outputs[i] = np.int64(value)
    return outputs


@compiled
def _backward(inputs: np.ndarray, size: int, half: int, keys: np.ndarray) -> np.ndarray:
    outputs = np.empty(len(inputs), np.int64)
    bits, mask = np.uint64(half), np.uint64((1 << half) - 1)
    limit = np.uint64(size)
    for i in range(len(inputs)):
        value = np.uint64(inputs[i])
        while True:
            left, right = value >> bits, value & mask
            for j in range(len(keys) - 1, -1, -1):
                left, right = right ^ (_mixed(left, keys[j]) & mask), left
            value = (left << bits) | right
            if value < limit:
                break
        outputs[i] = np.int64(value)
    return outputs
