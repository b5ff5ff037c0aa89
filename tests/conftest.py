"""What every test stands on."""

import os
import signal

import pytest
from hypothesis import settings

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # processes that tests start, as below

# Begun in the background, we may have been told to ignore Ctrl-C, and so would what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The first call of a compiled loop takes long; a time is nothing that a test may assert.
# What lands is decided by the same draws each time; new ones are for people's own runs.
settings.register_profile("gapless", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("gapless")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny models are faster on one thread, and their sums do not depend on the machine's cores."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def subnormals() -> None:
    """Begin with the smallest numbers: models have them flushed, and hypothesis draws them."""
    import torch

    torch.set_flush_denormal(False)
