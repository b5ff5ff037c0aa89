"""Trackers: what they hear, and that a training never hears of them."""

import json
import struct
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from gapless.errors import RecipeError
from gapless.recipe import decode
from gapless.recipe.trackers import MLflow, TensorBoard, Trackio, WeightsAndBiases
from gapless.records.measurements import Measurement
from gapless.records.observer import StepDone
from gapless.tracking import Tracking, check_installed, open_tracker, sender

RECIPE = {
    "name": "tiny",
    "model": {"type": "pretrained", "path": "base"},
    "sources": {"medicine": {"role": "domain", "path": "medicine.jsonl"}},
}
PROBE = "news/Stocks & <b>shares</b>"


class Watcher:
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def step(self, done: StepDone) -> None:
        self.heard.append(asdict(done))

    def measured(self, measurements: Any) -> None:
        self.heard.append(len(measurements))

    def left_out(self, what: str) -> None:
        self.heard.append(what)

    def noted(self, what: str) -> None: ...


class Kept:
    """A tracker that keeps what it hears."""

    def __init__(self) -> None:
        self.identity = "abc"
        self.points: list[tuple[int, dict[str, float]]] = []
        self.closed = False

    def log(self, tokens_seen: int, values: Any) -> None:
        self.points.append((tokens_seen, dict(values)))

    def close(self) -> None:
        self.closed = True


def measurement(tokens_seen: int, value: float = 1.5) -> Measurement:
    return Measurement(
        arm="main",
        tokens_seen=tokens_seen,
        probe=PROBE,
        role="domain",
        metric="bits_per_byte",
        value=value,
        higher_is_better=False,
        num_items=3,
        standard_error=None,
    )


def train(recipe: Any, folder: Path, *, steps: range, arm: str = "main") -> tuple[Watcher, list]:
    """Tell of a training; return who watched it and what was noted."""
    notes: list[str] = []
    watcher = Watcher()
    with Tracking(recipe, folder, note=notes.append) as tracking:
        told = tracking.of_arm(arm, {"seed": 0, "name": "tiny"}, watcher)
        told.measured([measurement(0)])
        for step in steps:
            done = StepDone(
                tokens_seen=step * 10,
                loss=4.0 - step / 10,
                learning_rate=1e-3,
                gradient_norm=0.5,
                tokens_per_second=1000.0,
            )
            told.step(done)
            if step % 4 == 0:
                told.measured([measurement(step * 10, 1.5 - step / 100)])
        told.left_out("a batch")
    return watcher, notes


def with_logging(*entries: dict[str, Any]) -> Any:
    return decode(RECIPE | {"logging": list(entries)})


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Kept]:
    """Trackers that keep what they hear, in place of all real ones."""
    opened: list[Kept] = []

    def opens(*_: object) -> Kept:
        opened.append(Kept())
        return opened[-1]

    monkeypatch.setattr(sender, "open_tracker", opens)
    return opened


def test_a_tracker_hears_of_steps_and_measurements_over_tokens(kept: list, tmp_path: Path) -> None:
    watcher, notes = train(with_logging({"type": "tensorboard"}), tmp_path, steps=range(1, 5))
    (tracker,) = kept
    assert notes == []
    assert [seen for seen, _ in tracker.points] == [0, 10, 20, 30, 40, 40]
    assert tracker.points[0][1] == {f"measured/{PROBE}/bits_per_byte": 1.5}
    assert tracker.points[1][1] == {
        "train/loss": 3.9,
        "train/learning_rate": 1e-3,
        "train/gradient_norm": 0.5,
        "train/tokens_per_second": 1000.0,
    }
    assert tracker.closed
    assert len(watcher.heard) == 7
    assert watcher.heard[-1] == "a batch"


def test_a_resumed_run_goes_on_and_says_nothing_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    arms: list[Any] = []
    trackers: list[Kept] = []

    def opens(_: object, arm: Any) -> Kept:
        arms.append(arm)
        trackers.append(Kept())
        return trackers[-1]

    monkeypatch.setattr(sender, "open_tracker", opens)
    recipe = with_logging({"type": "tensorboard"})
    train(recipe, tmp_path, steps=range(1, 7))
    train(recipe, tmp_path, steps=range(5, 9))  # from the checkpoint at step 4
    train(recipe, tmp_path, steps=range(1, 2), arm="other")
    assert [(arm.identity, arm.from_tokens) for arm in arms] == [("", -1), ("abc", 60), ("", -1)]
    assert [seen for seen, _ in trackers[1].points] == [60, 70, 80, 80]


def test_a_tracker_that_fails_is_noted_once_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Breaks(Kept):
        def log(self, tokens_seen: int, values: Any) -> None:
            raise ConnectionError("no network\nand more")

    monkeypatch.setattr(sender, "open_tracker", lambda *_: Breaks())
    recipe = with_logging({"type": "tensorboard"})
    watcher, notes = train(recipe, tmp_path, steps=range(1, 50))
    assert len(watcher.heard) == 49 + 12 + 2
    (note,) = notes
    assert note == (
        "tensorboard hears no more of main (ConnectionError: no network); training goes on, and "
        "everything is in the run's folder"
    )


def test_a_tracker_that_hangs_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    released = threading.Event()

    class Hangs(Kept):
        def log(self, tokens_seen: int, values: Any) -> None:
            released.wait(60)

    monkeypatch.setattr(sender, "open_tracker", lambda *_: Hangs())
    monkeypatch.setattr(sender, "_SECONDS_AT_END", 0.05)
    _, notes = train(with_logging({"type": "tensorboard"}), tmp_path, steps=range(1, 50))
    released.set()
    assert len(notes) == 1
    assert "it does not end" in notes[0]


def test_numbers_that_are_none_are_not_sent(kept: list, tmp_path: Path) -> None:
    notes: list[str] = []
    with Tracking(with_logging({"type": "tensorboard"}), tmp_path, note=notes.append) as tracking:
        tracking.of_arm("main", {}, Watcher()).measured([measurement(0, float("nan"))])
    assert kept[0].points == []
    assert notes == []


def test_a_missing_package_is_said_before_anything_is_spent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_tracker, "find_spec", lambda _: None)
    with pytest.raises(RecipeError, match=r'gapless\[wandb\]"') as caught:
        check_installed([WeightsAndBiases(project="p")])
    assert caught.value.where == "logging[0]"


def test_logging_is_in_no_fingerprint() -> None:
    from gapless.workflow.run_folder import _changes_no_result

    assert _changes_no_result("logging")
    assert not _changes_no_result("name")


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Read event files without TensorFlow: records of length, data, and two checksums."""
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[tuple[int, float]]] = {}
    for file in sorted(folder.glob("events*")):
        data = file.read_bytes()
        place = 0
        while place < len(data):
            (length,) = struct.unpack("<Q", data[place : place + 8])
            event = Event.FromString(data[place + 12 : place + 12 + length])
            place += 16 + length
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_tensorboard_gets_event_files_that_a_resumed_run_goes_on_in(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    recipe = decode(RECIPE | {"logging": [TensorBoard().model_dump()]})
    _, notes = train(recipe, tmp_path, steps=range(1, 5))
    assert notes == []
    train(recipe, tmp_path, steps=range(3, 9))
    lines = scalars(tmp_path / "tensorboard" / "main")
    steps = [step for step, _ in lines["train/loss"]]
    assert sorted(set(steps)) == [10, 20, 30, 40, 50, 60, 70, 80]
    assert len(steps) <= 9  # the last point of a sitting may come twice
    assert lines["train/loss"][0] == (10, pytest.approx(3.9))
    assert any(name.startswith("measured/") for name in lines)


def test_wandb_writes_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    spec = WeightsAndBiases(project="gapless", mode="offline")
    recipe = decode(RECIPE | {"logging": [spec.model_dump()]})
    _, notes = train(recipe, tmp_path, steps=range(1, 5))
    assert notes == []
    identity = json.loads((tmp_path / "trackers" / "main.wandb.json").read_text())["id"]
    train(recipe, tmp_path, steps=range(3, 9))
    runs = list((tmp_path / "wandb").glob("offline-run-*"))
    assert len(runs) == 2
    assert all(run.name.endswith(identity) for run in runs)
    assert all(next(iter(run.glob("*.wandb"))).stat().st_size > 100 for run in runs)


def test_trackio_keeps_a_run_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    pytest.importorskip("trackio")
    from trackio.sqlite_storage import SQLiteStorage

    recipe = decode(RECIPE | {"logging": [Trackio(project="gapless-test").model_dump()]})
    _, notes = train(recipe, tmp_path, steps=range(1, 5))
    assert notes == []
    train(recipe, tmp_path, steps=range(3, 9))
    assert SQLiteStorage.get_runs("gapless-test") == ["tiny/main"]
    rows = SQLiteStorage.get_logs("gapless-test", "tiny/main")
    losses = {row["step"]: row["train/loss"] for row in rows if "train/loss" in row}
    assert losses[10] == pytest.approx(3.9)
    assert sorted(losses) == [10, 20, 30, 40, 50, 60, 70, 80]


def test_mlflow_writes_to_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow import MlflowClient

    spec = MLflow(uri=(tmp_path / "mlruns").as_uri())
    recipe = decode(RECIPE | {"logging": [spec.model_dump()]})
    _, notes = train(recipe, tmp_path, steps=range(1, 5))
    assert notes == []
    train(recipe, tmp_path, steps=range(3, 9))
    client = MlflowClient(tracking_uri=spec.uri)
    (run,) = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    points = client.get_metric_history(run.info.run_id, "train/loss")
    assert sorted({point.step for point in points}) == [10, 20, 30, 40, 50, 60, 70, 80]
    assert run.info.status == "FINISHED"
    assert any("_b_shares" in name for name in run.data.metrics)


def test_a_tracker_stands_once_in_a_recipe() -> None:
    with pytest.raises(RecipeError, match="'tensorboard' stands twice"):
        with_logging({"type": "tensorboard"}, {"type": "tensorboard", "path": "elsewhere"})
