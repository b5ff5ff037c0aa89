"""What each of two processes does for test_watching_processes.py: one watched training.

torchrun --nproc-per-node 2 -m tests.training.two_watchers FOLDER
"""

import sys
from pathlib import Path

import torch

from gapless.training.compute import Compute
from gapless.training.conflict import Conflict
from gapless.training.drift import Drift
from gapless.training.processes import ALONE, Processes
from tests.training.test_conflict import batch
from tests.training.two_processes import probe
from tests.training.world import make_store, run_tiny


def train(folder: Path, processes: Processes = ALONE) -> None:
    """Train the tiny model with both hooks, one of three rows to be shared by two processes."""
    conflict = Conflict(
        batch(0),
        batch(7, step=3, rows=3),
        compute=Compute.choose("cpu", "fp32"),
        seed=5,
        processes=processes,
    )
    run_tiny(
        folder,
        hooks=[Drift(), conflict],
        probe=probe,
        checkpoint_steps=frozenset({10, 20}),
        processes=processes,
    )


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    processes = Processes.of_environment()
    with processes.joined(torch.device("cpu"), "tests"):
        if processes.is_first:
            make_store(folder / "store")
        processes.wait()
        train(folder / "watched", processes)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
