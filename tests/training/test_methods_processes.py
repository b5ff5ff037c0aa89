"""Methods against forgetting on two processes: trainings of two_methods.py, beside one process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("peft")

from tests.training.two_methods import METHODS, train
from tests.training.world import tiny_model

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("together")
    subprocess.run(
        [*TORCHRUN, "-m", "tests.training.two_methods", str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
        timeout=300,
    )
    return folder


@pytest.mark.parametrize("name", METHODS)
def test_two_processes_learn_by_a_method_what_one_learns(
    name: str, together: Path, tmp_path: Path
) -> None:
    train(tmp_path / name, name)
    ours, theirs = (json.loads((f / f"{name}.json").read_text()) for f in (together, tmp_path))
    assert ours["ended"]
    assert ours["losses"] == pytest.approx(theirs["losses"], rel=1e-5)
    weights, expected = (load_file(f / f"{name}.safetensors") for f in (together, tmp_path))
    assert weights.keys() == expected.keys()
    for key, tensor in weights.items():
        torch.testing.assert_close(tensor, expected[key], rtol=1e-4, atol=1e-5)
    base = tiny_model().state_dict()
    moved = {
        key for key, tensor in weights.items() if not torch.equal(tensor, base.get(key, 0 * tensor))
    }
    assert moved, "something must have learnt"
    assert (len(moved) == len(base)) == (name == "pull")


@pytest.mark.parametrize("name", METHODS)
def test_a_method_stopped_and_resumed_on_two_equals_one_never_stopped(
    name: str, together: Path
) -> None:
    one, other = (load_file(together / f"{name}{s}.safetensors") for s in ("", "_cut"))
    assert one.keys() == other.keys()
    assert all(torch.equal(tensor, other[key]) for key, tensor in one.items())
