"""Checkpoints: whole or not there, written beside the training, checked before they are used."""

import errno
import json
import logging
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from gapless.errors import RunError
from gapless.recipe.methods import ExponentialAverage
from gapless.recipe.training import Checkpoints as Settings
from gapless.recipe.training import Training
from gapless.training import checkpoints
from gapless.training.average import Average
from gapless.training.checkpoints import Checkpoints, RunState
from gapless.training.optimizer import make_optimizer
from gapless.training.processes import ALONE
from gapless.training.tensor_files import digest, write_tensors
from gapless.training.tensors import own_part
from tests.training.two_processes import stop_after
from tests.training.world import run_tiny, tiny_model


def training(**settings: Any) -> Training:
    return Training(batch_tokens=64, learning_rate=1e-2, checkpoints=Settings(**settings))


def last_of(folder: Path) -> Path:
    return max((folder / "checkpoints").glob("step-????????"))


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def weights_equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    states = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in states)


def test_state_tells_the_digest_of_every_other_file(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run", hooks=[Average(ExponentialAverage(decay=0.9))])
    folder = last_of(tmp_path / "run")
    told = json.loads((folder / "state.json").read_text())["files"]
    assert told.keys() == {p.name for p in folder.iterdir()} - {"state.json"}
    assert {"config.json", "model.safetensors", "optimizer.safetensors"} < told.keys()
    assert "hooks.safetensors" in told
    assert all(digest(folder / name) == value for name, value in told.items())


def test_a_checkpoint_holds_what_is_needed_by_name(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run")
    names = {name for name, _ in tiny_model().named_parameters()}
    assert load_file(last_of(tmp_path / "run") / "model.safetensors").keys() == names
    moments = load_file(last_of(tmp_path / "run") / "optimizer.safetensors").keys()
    assert moments == {f"{n}/{key}" for n in names for key in ("step", "exp_avg", "exp_avg_sq")}


def test_frozen_weights_are_kept_and_have_no_moments(tmp_path: Path) -> None:
    def frozen() -> Any:
        model = tiny_model()
        model.model.layers[0].requires_grad_(requires_grad=False)
        return model

    _, whole, _ = run_tiny(tmp_path / "whole", model=frozen())
    run_tiny(tmp_path / "cut", model=frozen(), stop=stop_after(7))
    moments = load_file(last_of(tmp_path / "cut") / "optimizer.safetensors")
    assert moments
    assert not [name for name in moments if ".layers.0." in name]
    _, resumed, _ = run_tiny(tmp_path / "cut", model=frozen())
    assert weights_equal(whole, resumed)


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "config.json"])
def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, whole, _ = run_tiny(tmp_path / "whole")
    run_tiny(tmp_path / "cut", training=training(keep_last=2), stop=stop_after(12))
    damaged = last_of(tmp_path / "cut")
    assert damaged.name == "step-00000012"
    flip_a_byte(damaged / name)
    with caplog.at_level(logging.WARNING):
        ended, resumed, watcher = run_tiny(tmp_path / "cut", training=training(keep_last=2))
    assert ended
    assert f"{name} is not what was written" in caplog.text
    assert damaged.with_suffix(".damaged").is_dir()
    assert len(watcher.losses) == 10, "it went on from step 10"
    assert weights_equal(whole, resumed)


def test_with_no_checkpoint_before_it_a_damaged_one_stops_the_run(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run", stop=stop_after(3))
    flip_a_byte(last_of(tmp_path / "run") / "model.safetensors")
    with pytest.raises(RunError, match=r"step-00000003.*model\.safetensors is not what") as caught:
        run_tiny(tmp_path / "run")
    assert "delete this folder" in str(caught.value)
    assert last_of(tmp_path / "run").is_dir(), "nothing is touched"


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda folder: (folder / "optimizer.safetensors").unlink(), "is missing"),
        (lambda folder: (folder / "state.json").write_text("{"), "state.json cannot be read"),
        (lambda folder: (folder / "state.json").unlink(), "state.json cannot be read"),
    ],
)
def test_a_checkpoint_with_a_part_missing_is_damaged(tmp_path: Path, spoil: Any, what: str) -> None:
    run_tiny(tmp_path / "run", stop=stop_after(3))
    spoil(last_of(tmp_path / "run"))
    with pytest.raises(RunError, match=what):
        run_tiny(tmp_path / "run")


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    from gapless.modeling import new_model
    from tests.training.world import TINY, VOCABULARY

    run_tiny(tmp_path / "run", stop=stop_after(3))
    for change in ({"intermediate_size": 48}, {"num_hidden_layers": 3}):
        other = new_model("llama", TINY | change, vocabulary_size=VOCABULARY, seed=0)
        with pytest.raises(RunError, match="does not fit the model"):
            run_tiny(tmp_path / "run", model=other)


def test_what_a_kill_left_half_written_is_swept_up(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run", stop=stop_after(3))
    left = tmp_path / "run/checkpoints/step-00000099.partial"
    left.mkdir()
    run_tiny(tmp_path / "run")
    assert not left.exists()


def test_a_disk_that_gives_back_other_bytes_is_noticed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def badly(tensors: dict[str, torch.Tensor], path: Path, **options: Any) -> None:
        save_file(tensors, path, **options)
        flip_a_byte(path)

    run_tiny(tmp_path / "run", stop=stop_after(6))
    monkeypatch.setattr("safetensors.torch.save_file", badly)
    with pytest.raises(OSError, match="other bytes") as caught:
        run_tiny(tmp_path / "run")
    assert caught.value.errno == errno.EIO
    assert last_of(tmp_path / "run").name == "step-00000006", "the one before is still there"


def test_bytes_are_compared_not_numbers(tmp_path: Path) -> None:
    tensors = {
        "nan": torch.tensor([float("nan"), -0.0]),
        "whole": torch.tensor(3),
        "none": torch.empty(0, 4),
        "small": torch.ones(3, dtype=torch.bfloat16),
    }
    write_tensors(tensors, tmp_path / "some.safetensors")
    assert load_file(tmp_path / "some.safetensors").keys() == tensors.keys()


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    model = tiny_model()
    optimizer = make_optimizer(model, training())
    kept = Checkpoints(tmp_path, keep_last=1)
    kept.save(model, optimizer, RunState(step=1))
    with torch.no_grad():
        model.lm_head.weight[3, 5] = float("inf")
    with pytest.raises(RunError, match=r"1 of its tensors are not finite.*lm_head\.weight"):
        kept.save(model, optimizer, RunState(step=2))
    latest = kept.latest()
    assert latest is not None
    assert latest[1].step == 1


def test_a_copy_for_the_writer_does_not_follow_the_training(tmp_path: Path) -> None:
    model = tiny_model()
    optimizer = make_optimizer(model, training())
    part = own_part(model, optimizer, {}, ALONE, copy=True)
    before = {name: tensor.clone() for name, tensor in part["model"].items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in part["model"].items())


def test_written_beside_the_training_is_the_same_as_in_it(tmp_path: Path) -> None:
    _, whole, _ = run_tiny(tmp_path / "whole", training=training(keep_last=4))
    _, model, _ = run_tiny(tmp_path / "beside", training=training(keep_last=4, asynchronous=True))
    assert weights_equal(whole, model)
    ours, theirs = (sorted((tmp_path / f / "checkpoints").rglob("*")) for f in ("beside", "whole"))
    assert len(ours) > 12
    assert [p.name for p in ours] == [p.name for p in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.is_dir() or one.read_bytes() == other.read_bytes(), one.name
    run_tiny(
        tmp_path / "cut", training=training(keep_last=4, asynchronous=True), stop=stop_after(7)
    )
    _, resumed, _ = run_tiny(tmp_path / "cut", training=training(keep_last=4, asynchronous=True))
    assert weights_equal(whole, resumed)


def test_training_goes_on_while_a_checkpoint_is_written_and_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step_done, writing, most = threading.Event(), [0], [0]
    write = checkpoints.write_tensors

    def slowly(tensors: Any, path: Path) -> None:
        assert threading.current_thread() is not threading.main_thread()
        writing[0] += 1
        most[0] = max(most[0], writing[0])
        step_done.clear()
        if "step-00000020" not in str(path):
            assert step_done.wait(60), "no step was done meanwhile"
        write(tensors, path)
        writing[0] -= 1

    def stop() -> bool:
        step_done.set()
        return False

    monkeypatch.setattr(checkpoints, "write_tensors", slowly)
    ended, _, _ = run_tiny(
        tmp_path / "run",
        training=training(asynchronous=True),
        checkpoint_steps=frozenset({10, 20}),
        stop=stop,
    )
    assert ended
    assert most == [1]
    assert last_of(tmp_path / "run").name == "step-00000020", "the end waits for the last write"


def fail_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    write = checkpoints.write_tensors

    def full(tensors: Any, path: Path) -> None:
        if f"step-{step:08d}" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(tensors, path)

    monkeypatch.setattr(checkpoints, "write_tensors", full)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("step", [10, 20])
def test_a_failed_write_is_an_error_of_the_run_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asynchronous: bool, step: int
) -> None:
    _, whole, _ = run_tiny(tmp_path / "whole")
    fail_at(monkeypatch, step)
    with pytest.raises(OSError, match="No space left"):
        run_tiny(tmp_path / "run", training=training(asynchronous=asynchronous))
    monkeypatch.undo()
    assert last_of(tmp_path / "run").name == f"step-{step - 5:08d}"
    _, resumed, _ = run_tiny(tmp_path / "run", training=training(asynchronous=asynchronous))
    assert weights_equal(whole, resumed)


def test_an_error_of_the_training_goes_before_one_of_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fail_at(monkeypatch, 5)

    def stop_once_saved() -> bool:
        if (tmp_path / "run/checkpoints/step-00000005.partial").is_dir():
            raise KeyError("the training")
        return False

    with caplog.at_level(logging.WARNING), pytest.raises(KeyError, match="the training"):
        run_tiny(tmp_path / "run", training=training(asynchronous=True), stop=stop_once_saved)
    assert "could not be written: [Errno 28]" in caplog.text


KILLED = """
import sys, time
from pathlib import Path
from gapless.training import checkpoints
from tests.training.test_checkpoints import training
from tests.training.world import run_tiny

write = checkpoints.write_tensors

def slowly(tensors, path):
    write(tensors, path)
    if "step-00000010" in str(path):
        (Path(sys.argv[1]) / "written").touch()
        time.sleep(60)

checkpoints.write_tensors = slowly
run_tiny(Path(sys.argv[1]), training=training(asynchronous=True))
"""


def test_a_kill_while_one_is_written_leaves_the_one_before(tmp_path: Path) -> None:
    _, whole, _ = run_tiny(tmp_path / "whole")
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "run")])
    while not (tmp_path / "run/written").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert (tmp_path / "run/checkpoints/step-00000010.partial").is_dir()
    assert last_of(tmp_path / "run").name == "step-00000005"
    _, resumed, _ = run_tiny(tmp_path / "run", training=training(asynchronous=True))
    assert weights_equal(whole, resumed)
    assert last_of(tmp_path / "run").name == "step-00000020"
