"""Two processes observe what one observes, each with its slices of the weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.two_watchers import train

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]


def flat(value: object) -> list[float]:
    if isinstance(value, dict):
        return [number for part in value.values() for number in flat(part)]
    assert isinstance(value, int | float)
    return [value]


def test_two_processes_observe_what_one_observes(tmp_path: Path) -> None:
    subprocess.run(
        [*TORCHRUN, "--nproc-per-node", "2", "-m", "tests.training.two_watchers", str(tmp_path)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
        timeout=300,
    )
    train(tmp_path / "one" / "watched")
    together, alone = (
        [json.loads(line) for line in (tmp_path / way / "watched/observations.jsonl").open()]
        for way in (".", "one")
    )
    assert len(together) == len(alone) == 5
    for ours, theirs in zip(together, alone, strict=True):
        assert ours.keys() == theirs.keys()
        assert flat(ours) == pytest.approx(flat(theirs), rel=1e-3, abs=1e-4)
        assert len(flat(ours)) == 1 + 5 + 5 + 3 + 2 + 2
