"""Loops over arrays, compiled."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., object])


def compiled(function: _Function) -> _Function:
    """Compile a function of arrays and numbers with Numba, once per machine; it runs unlocked.

    Machine code is kept beside the source (or in Numba's own cache), so that only the first call
    after an installation waits for it.
    """
    return cast("_Function", numba.njit(cache=True, nogil=True)(function))
