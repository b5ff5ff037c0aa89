"""Daft, loaded late and kept quiet."""

import os
from collections.abc import Callable
from typing import Any

_QUIET = {
    "DO_NOT_TRACK": "1",
    "DAFT_PROGRESS_BAR": "0",
    "DAFT_ANALYTICS_ENABLED": "0",
}


def load_daft() -> Any:
    """Import Daft with its analytics and its progress bars off, unless the user set them."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    import daft

    return daft


def batch_column(function: Callable[[Any], Any], kind: str, column: str) -> Any:
    """Return the expression of ``function`` (a Daft series in, values out) over a column.

    ``kind`` names a Daft type. The function runs on Daft's threads, never in a process of its own.
    """
    daft = load_daft()
    return_dtype = getattr(daft.DataType, kind)()
    call = daft.func.batch(return_dtype=return_dtype, use_process=False)(function)
    return call(daft.col(column))
