"""What lm-evaluation-harness may not do while a run goes on: download, draw, fill the terminal."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE")


@contextmanager
def no_downloads() -> Iterator[None]:
    """Let Hugging Face's libraries read from their caches only.

    They read the environment when they are imported, which they may be by now: both are set.
    """
    import datasets
    import huggingface_hub

    before = {name: os.environ.get(name) for name in _OFFLINE}
    places = [(huggingface_hub.constants, "HF_HUB_OFFLINE"), (datasets.config, "HF_HUB_OFFLINE")]
    if "evaluate" in sys.modules:
        places.append((sys.modules["evaluate"].config, "HF_EVALUATE_OFFLINE"))
    values = [getattr(module, name) for module, name in places]
    try:
        os.environ.update(dict.fromkeys(_OFFLINE, "1"))
        for module, name in places:
            setattr(module, name, True)
        yield
    finally:
        for (module, name), value in zip(places, values, strict=True):
            setattr(module, name, value)
        for name, was in before.items():
            if was is None:
                del os.environ[name]
            else:
                os.environ[name] = was


@contextmanager
def seeds_of_the_harness() -> Iterator[None]:
    """Seed what tasks draw from as the command line does, and put all back after."""
    import random  # noqa: TID251 - tasks of the harness draw from it, we do not

    import numpy as np
    import torch

    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - see above
    with torch.random.fork_rng(devices=[]):
        random.seed(0)
        np.random.seed(1234)  # noqa: NPY002, TID251 - see above
        torch.manual_seed(1234)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002 - see above


@contextmanager
def quietly() -> Iterator[None]:
    """Keep the harness's bars and remarks off the terminal, its many warnings among them."""
    import datasets
    import lm_eval.api.task as task_module

    loggers = [logging.getLogger(name) for name in ("lm_eval", "datasets")]
    levels, was_bar = [logger.level for logger in loggers], task_module.tqdm
    bars = datasets.are_progress_bars_disabled()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    task_module.tqdm = _no_bar
    try:
        yield
    finally:
        task_module.tqdm = was_bar
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if not bars:
            datasets.enable_progress_bars()


def _no_bar(rows: Any, **_: Any) -> Any:
    return rows
