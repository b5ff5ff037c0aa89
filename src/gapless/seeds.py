"""Named random streams: a draw depends on the seed and its own name, and on nothing else.

Adding a source, a phase or a probe never changes what another one draws.
"""

import hashlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator of the stream called ``names`` under the recipe's ``seed``."""
    return np.random.Generator(np.random.Philox(key=stream_key(seed, *names)))


def stream_key(seed: int, *names: str | int) -> int:
    """Return the 128-bit key of a stream (BLAKE2b of the seed and the names)."""
    label = "\x1f".join([str(seed), *(f"{type(name).__name__}:{name}" for name in names)])
    return int.from_bytes(hashlib.blake2b(label.encode(), digest_size=16).digest(), "little")
