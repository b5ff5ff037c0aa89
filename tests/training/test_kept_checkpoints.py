"""States that a run keeps for other arms, and the taking over of one."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from gapless.recipe.training import Checkpoints as Settings
from gapless.recipe.training import Training
from gapless.training.checkpoints import Checkpoints
from tests.training.two_processes import stop_after
from tests.training.world import run_tiny


def training(**settings: Any) -> Training:
    return Training(batch_tokens=64, learning_rate=1e-2, checkpoints=Settings(**settings))


def states(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        place.name: json.loads((place / "state.json").read_text())
        for place in sorted((folder / "checkpoints").glob("step-*"))
    }


@pytest.mark.parametrize("asynchronous", [False, True])
def test_kept_states_stay_to_the_end_and_change_nothing(tmp_path: Path, asynchronous: bool) -> None:
    settings = training(asynchronous=asynchronous)
    _, _, watched = run_tiny(tmp_path / "plain", training=settings)
    _, _, keeping = run_tiny(
        tmp_path / "keeping", training=settings, kept_steps=frozenset({3, 10, 13})
    )
    kept, plain = states(tmp_path / "keeping"), states(tmp_path / "plain")
    assert kept.keys() == plain.keys() | {"step-00000003", "step-00000010", "step-00000013"}
    assert kept["step-00000010"]["domain_change"] is not None
    assert kept["step-00000003"]["domain_change"] is None, "nothing was measured there"
    assert kept["step-00000013"]["tokens_seen"] == 13 * 64
    assert keeping.losses == watched.losses
    assert keeping.measurements == watched.measurements
    for name in (
        "steps.jsonl",
        "measurements.jsonl",
        "checkpoints/step-00000020/model.safetensors",
    ):
        one, two = tmp_path / "plain" / name, tmp_path / "keeping" / name
        assert one.read_bytes() == two.read_bytes()


def test_a_run_that_goes_on_from_a_state_taken_over_ends_the_same(tmp_path: Path) -> None:
    run_tiny(tmp_path / "trunk", kept_steps=frozenset({7}))
    theirs = Checkpoints(tmp_path / "trunk/checkpoints", keep_last=1)
    newest = theirs.newest(until=9 * 64)
    assert newest is not None
    assert (newest[1].step, newest[1].tokens_seen) == (7, 7 * 64)
    (tmp_path / "other").mkdir()
    for journal in (tmp_path / "trunk").glob("*.jsonl"):
        shutil.copy2(journal, tmp_path / "other")
    Checkpoints(tmp_path / "other/checkpoints", keep_last=1).adopt(newest[0])
    _, _, watcher = run_tiny(tmp_path / "other")
    assert len(watcher.losses) == 20 - 7
    name = "checkpoints/step-00000020/model.safetensors"
    one, two = load_file(tmp_path / "trunk" / name), load_file(tmp_path / "other" / name)
    assert all(bool((one[key] == two[key]).all()) for key in one)
    assert theirs.newest(until=9 * 64) == newest, "theirs stays when ours is dropped"


def test_the_newest_state_until_a_token_is_a_sound_one(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run", training=training(keep_last=9), stop=stop_after(17))
    kept = Checkpoints(tmp_path / "run/checkpoints", keep_last=9)

    def step(until: int) -> int | None:
        newest = kept.newest(until=until)
        return None if newest is None else newest[1].step

    assert [step(steps * 64) for steps in (4, 5, 9, 10, 16, 17, 99)] == [
        None,
        5,
        5,
        10,
        15,
        17,
        17,
    ]
    (tmp_path / "run/checkpoints/step-00000015/state.json").write_text("{")
    assert step(16 * 64) == 10
    assert Checkpoints(tmp_path / "nowhere", keep_last=1).newest(until=99) is None


def test_files_taken_over_are_linked(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run")
    theirs = tmp_path / "run/checkpoints/step-00000020"
    Checkpoints(tmp_path / "other", keep_last=1).adopt(theirs)
    for file in theirs.iterdir():
        assert (tmp_path / "other" / theirs.name / file.name).samefile(file)
