"""Daft, loaded late and kept quiet."""

from __future__ import annotations

import logging
import os
from typing import Any

_QUIET = {"DO_NOT_TRACK": "1", "DAFT_PROGRESS_BAR": "0", "DAFT_ANALYTICS_ENABLED": "0"}
_SILENT = logging.NullHandler()


def load_daft() -> Any:
    """Import Daft with its analytics, bars and logs off, unless the user set the first two."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    import daft

    # It logs what it raises, too.
    logging.getLogger("daft_local_execution").addHandler(_SILENT)
    return daft
