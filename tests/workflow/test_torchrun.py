"""`torchrun -m gapless run`: two processes, killed, restarted, stopped, gone on with alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from gapless.workflow import verbs
from tests.workflow.world import make_world

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
OVERRIDES = [
    "order.phases=[{epochs: 1}]",
    "probing.every=4k",
    "training.checkpoints.every=2k",
]
OF_A_TRAINING = "artifacts/training.alone-*.partial"


def start(recipe: Path, *options: str, until: str | None = None) -> subprocess.Popen[str]:
    words = [part for override in OVERRIDES for part in ("--set", override)]
    words += [] if until is None else ["--until", until]
    return subprocess.Popen(
        [*TORCHRUN, *options, "-m", "gapless", "run", str(recipe), *words],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    told, _ = process.communicate(timeout=300)
    return told


def run_dir(recipe: Path) -> Path:
    return recipe.parent / "runs" / "tiny"


def training(recipe: Path, arm: str) -> Path:
    (folder,) = run_dir(recipe).glob(f"artifacts/training.{arm}-????????????")
    return folder


def wait_for(process: subprocess.Popen[str], path: Path, pattern: str) -> None:
    while not any(path.glob(pattern)):
        assert process.poll() is None, finish(process)
        time.sleep(0.01)


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "steps.jsonl").open()]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The recipe of a run by two processes, and what they have printed."""
    recipe = make_world(tmp_path_factory.mktemp("together"))
    process = start(recipe)
    told = finish(process)
    assert process.returncode == 0, told
    return recipe, told


def test_two_processes_make_one_run(together: tuple[Path, str], tmp_path: Path) -> None:
    recipe, told = together
    assert told.count("training.alone  done") == 1
    assert told.count("report:") == 1
    alone = make_world(tmp_path)
    verbs.run(alone, overrides=OVERRIDES)
    names = sorted(p.name for p in (run_dir(alone) / "artifacts").iterdir())
    assert sorted(p.name for p in (run_dir(recipe) / "artifacts").iterdir()) == names
    for arm in ("alone", "replay"):
        ours, theirs = training(recipe, arm), training(alone, arm)
        assert len(losses(ours)) > 10
        assert losses(ours) == pytest.approx(losses(theirs), rel=1e-4)
        one, other = (load_file(folder / "model/model.safetensors") for folder in (ours, theirs))
        assert {n: t.shape for n, t in one.items()} == {n: t.shape for n, t in other.items()}
        facts = [json.loads((f / "manifest.json").read_text())["facts"] for f in (ours, theirs)]
        assert [each["processes"] for each in facts] == [2, 1]


def test_one_process_finds_nothing_missing(together: tuple[Path, str]) -> None:
    assert verbs.run(together[0], overrides=OVERRIDES).did == ()


def test_a_process_that_dies_is_started_again_and_the_end_is_the_same(
    together: tuple[Path, str], tmp_path: Path
) -> None:
    recipe = make_world(tmp_path)
    process = start(recipe, "--max-restarts", "1", until="training.alone")
    wait_for(process, run_dir(recipe), f"{OF_A_TRAINING}/checkpoints/step-00000016")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 2
    os.kill(int(children[1]), signal.SIGKILL)
    told = finish(process)
    assert process.returncode == 0, told
    assert "Sorry" not in told
    assert told.count("training.alone  done") == 1
    one, two = training(together[0], "alone"), training(recipe, "alone")
    for name in ("steps.jsonl", "measurements.jsonl", "model/model.safetensors"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_ctrl_c_saves_and_one_process_goes_on(together: tuple[Path, str], tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    process = start(recipe)
    wait_for(process, run_dir(recipe), f"{OF_A_TRAINING}/steps.jsonl")
    os.killpg(process.pid, signal.SIGINT)
    told = finish(process)
    assert process.returncode != 0
    assert "the same command goes on from the last checkpoint" in told
    (folder,) = run_dir(recipe).glob(OF_A_TRAINING)
    assert any((folder / "checkpoints").glob("step-*/optimizer-*-of-00002.safetensors"))
    done = len(losses(folder))
    verbs.run(recipe, overrides=OVERRIDES, until="training.alone")
    ours, theirs = losses(training(recipe, "alone")), losses(training(together[0], "alone"))
    assert 0 < done < len(ours)
    assert ours[:done] == theirs[:done]
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_a_mistake_is_told_once(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    (tmp_path / "medicine.jsonl").unlink()
    process = start(recipe)
    told = finish(process)
    assert process.returncode != 0
    assert told.count("there is no such file") == 1
