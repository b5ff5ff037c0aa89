"""Two processes do what one does: trainings of two_processes.py, beside the same in one process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gapless.errors import RunError
from gapless.packing import IGNORED, PackedRows
from gapless.recipe.training import Sharding
from gapless.training.compute import Compute
from gapless.training.processes import Processes
from gapless.training.sharding import divide
from gapless.training.tensors import _dealt
from tests.training.two_processes import CUT, SCENARIOS, stop_after, train
from tests.training.world import tiny_model

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
ROUNDED = ("bf16", "eight_bit", "low_bit")
EXACT = sorted(SCENARIOS.keys() - {*ROUNDED})


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes have made."""
    folder = tmp_path_factory.mktemp("together")
    for scenario in CUT:
        train(folder / f"{scenario}_one_to_two", scenario, stop=stop_after(7))
    subprocess.run(
        [*TORCHRUN, "--nproc-per-node", "2", "-m", "tests.training.two_processes", str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
        timeout=300,
    )
    for scenario in CUT:
        train(folder / f"{scenario}_two_to_one", scenario)
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process has made."""
    folder = tmp_path_factory.mktemp("alone")
    for scenario in SCENARIOS:
        train(folder / scenario, scenario)
    return folder


def losses(folder: Path, name: str) -> list[float]:
    told = json.loads((folder / f"{name}.json").read_text())
    assert told["ended"]
    return told["losses"]


def rows(folder: Path, journal: str) -> list[dict]:
    return [json.loads(line) for line in (folder / journal).open()]


def assert_same_weights(one: Path, other: Path, *, atol: float = 1e-5) -> None:
    ours, theirs = load_file(one), load_file(other)
    assert ours.keys() == theirs.keys()
    assert len(ours) >= 20
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-4, atol=atol)


@pytest.mark.parametrize("scenario", EXACT)
def test_two_processes_learn_what_one_learns(alone: Path, together: Path, scenario: str) -> None:
    expected = losses(alone, scenario)
    assert len(expected) == (14 if scenario == "uneven" else 20)
    assert losses(together, scenario) == pytest.approx(expected, rel=1e-5)
    assert_same_weights(alone / f"{scenario}.safetensors", together / f"{scenario}.safetensors")
    for ours, theirs in zip(
        rows(alone / scenario, "steps.jsonl"), rows(together / scenario, "steps.jsonl"), strict=True
    ):
        assert theirs.pop("gradient_norm") == pytest.approx(ours.pop("gradient_norm"), rel=1e-4)
        assert theirs.pop("loss") == pytest.approx(ours.pop("loss"), rel=1e-5)
        assert theirs == ours


def test_scenarios_differ_from_one_another(together: Path) -> None:
    assert losses(together, "plain")[5:] != losses(together, "tied")[5:]
    plain, averaged = (load_file(together / f"{s}.safetensors") for s in ("plain", "averaged"))
    assert not torch.equal(*(w["model.embed_tokens.weight"] for w in (plain, averaged)))


def test_bf16_over_slices_of_fp32_learns_the_same(alone: Path, together: Path) -> None:
    ours, theirs = losses(together, "bf16"), losses(alone, "bf16")
    assert ours == pytest.approx(theirs, rel=0.02)
    assert ours != pytest.approx(losses(together, "plain"), rel=1e-6), "bf16 must have been used"
    checkpoint = together / "bf16/checkpoints/step-00000020"
    saved = [load_file(path) for path in checkpoint.glob("model-*.safetensors")]
    assert {t.dtype for tensors in saved for t in tensors.values()} == {torch.float32}


def test_measurements_of_a_divided_model_are_those_of_a_whole_one(
    alone: Path, together: Path
) -> None:
    ours, theirs = (rows(place / "plain", "measurements.jsonl") for place in (together, alone))
    assert [row["tokens_seen"] for row in ours] == [0, 64, 128, 256, 640, 1280]
    assert [row["value"] for row in ours] == pytest.approx([row["value"] for row in theirs])


@pytest.mark.parametrize("scenario", ["eight_bit", "low_bit"])
def test_low_bit_slices_learn_the_same(alone: Path, together: Path, scenario: str) -> None:
    ours, theirs = losses(together, scenario), losses(alone, scenario)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-3)
    assert ours == pytest.approx(theirs, rel=0.03)
    weights = load_file(together / f"{scenario}.safetensors")
    kept = torch.bfloat16 if scenario == "low_bit" else torch.float32
    assert {tensor.dtype for tensor in weights.values()} == {kept}
    checkpoint = together / scenario / "checkpoints/step-00000020"
    moments = {n: t for p in checkpoint.glob("optimizer-*") for n, t in load_file(p).items()}
    codes = {n: t for n, t in moments.items() if n.endswith("_codes")}
    assert len(codes) >= 8
    assert {tensor.dtype for tensor in codes.values()} == {torch.uint8}
    shapes = {name: tensor.shape for name, tensor in weights.items()}
    assert all(tensor.shape == shapes[name.split("/")[0]] for name, tensor in codes.items())


@pytest.mark.parametrize("change", ["one_to_two", "two_to_one"])
def test_another_number_of_processes_goes_on_with_a_low_bit_run(
    together: Path, change: str
) -> None:
    rest = losses(together, f"low_bit_{change}")
    assert rest == pytest.approx(losses(together, "low_bit")[7:], rel=0.03)


@pytest.mark.parametrize("scenario", CUT)
def test_stopped_and_resumed_on_two_equals_never_stopped(together: Path, scenario: str) -> None:
    one, other = (load_file(together / f"{scenario}{s}.safetensors") for s in ("", "_cut"))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    for journal in ("steps.jsonl", "measurements.jsonl"):
        ours, theirs = (together / f"{scenario}{s}" / journal for s in ("", "_cut"))
        assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("change", ["one_to_two", "two_to_one"])
@pytest.mark.parametrize("scenario", ["plain", "averaged"])
def test_another_number_of_processes_goes_on_with_a_run(
    together: Path, scenario: str, change: str
) -> None:
    name = f"{scenario}_{change}"
    assert len(losses(together, name)) == 13, "seven steps were done before"
    assert_same_weights(together / f"{scenario}.safetensors", together / f"{name}.safetensors")
    one, other = (
        [row["loss"] for row in rows(together / each, "steps.jsonl")] for each in (scenario, name)
    )
    assert other == pytest.approx(one, rel=1e-5)


def test_a_checkpoint_of_two_processes_loads_in_transformers(together: Path) -> None:
    from transformers import AutoModelForCausalLM

    for scenario in ("plain", "asynchronous", "tied", "machines"):
        folder = together / scenario / "checkpoints/step-00000020"
        assert len(list(folder.glob("model-*-of-00002.safetensors"))) == 2
        loaded = AutoModelForCausalLM.from_pretrained(folder)
        assert loaded.config.architectures == ["LlamaForCausalLM"]
        trained = load_file(together / f"{scenario}.safetensors")
        for name, tensor in loaded.state_dict().items():
            assert torch.equal(tensor, trained[name])


def test_torchs_own_reader_reads_a_checkpoint(together: Path) -> None:
    from torch.distributed import checkpoint

    folder = together / "plain/checkpoints/step-00000020"
    model = tiny_model()
    state = {name: parameter.detach() for name, parameter in model.named_parameters()}
    reader = checkpoint.HuggingFaceStorageReader(str(folder))
    checkpoint.load(state, storage_reader=reader, no_dist=True)
    trained = load_file(together / "plain.safetensors")
    assert all(torch.equal(tensor, trained[name]) for name, tensor in state.items())


def test_rows_are_shared_out_whole_and_filled_up_with_nothing() -> None:
    ids = np.arange(15, dtype=np.int64).reshape(5, 3)
    packed = PackedRows(ids, ids % 3, ids + 1)
    parts = [Processes(rank, 3).share(packed) for rank in range(3)]
    assert [len(part.ids) for part in parts] == [2, 2, 2]
    assert np.array_equal(np.concatenate([part.ids for part in parts])[:5], ids)
    assert (parts[2].targets[1] == IGNORED).all()
    assert sum(part.num_targets for part in parts) == packed.num_targets


def test_a_row_of_nothing_is_one_document() -> None:
    packed = PackedRows(*(np.zeros((3, 4), dtype=np.int64) for _ in range(3)))
    share = Processes(1, 2, 2).share(packed)
    assert share.positions.tolist() == [[0, 0, 0, 0], [0, 1, 2, 3]]
    assert (share.targets[1] == IGNORED).all()


def test_tensors_are_dealt_out_evenly_by_their_bytes() -> None:
    sizes = {"a": 10, "b": 7, "c": 5, "d": 4, "e": 2, "f": 0}
    owners = _dealt(sizes, 2)
    held = [sum(sizes[name] for name in owners if owners[name] == rank) for rank in (0, 1)]
    assert held == [14, 14]
    assert set(_dealt(sizes, 1).values()) == {0}


def test_machines_with_different_numbers_of_processes_are_refused() -> None:
    with pytest.raises(RunError, match="not as many on every machine"):
        divide(
            tiny_model(),
            Compute.choose("cpu", "fp32"),
            Processes(0, 5, per_machine=2),
            Sharding(over="machine"),
        )
