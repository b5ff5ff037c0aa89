"""Daft, loaded late and kept quiet."""

import os
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
