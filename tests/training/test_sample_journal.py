"""The journal of samples: every point once, whenever a run was killed."""

import json
from pathlib import Path
from typing import Any

import pytest

from gapless.records.journal import Journal
from gapless.records.samples import Sample, read_samples
from tests.training.test_loop import stop_after
from tests.training.world import measure, run_tiny

POINTS = {64, 256, 640, 1280}


class Killed(BaseException):
    """A kill, which nothing catches."""


def writing(model: Any, tokens_seen: int) -> Any:
    """Measure, and write samples that depend on the weights at some of the points."""
    found = measure(model, tokens_seen)
    if tokens_seen in POINTS:
        for prompt in ("one", "two"):
            answer = repr(found.measurements[0].value)
            found.samples.append(
                Sample(tokens_seen=tokens_seen, prompt=prompt, answer=f"{prompt} {answer}")
            )
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The journal of a run that nobody killed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run_tiny(folder, probe=writing)
    rows = [json.loads(line) for line in (folder / "samples.jsonl").open()]
    assert [row["tokens_seen"] for row in rows] == sorted([*POINTS, *POINTS])
    assert len({row["answer"] for row in rows}) == 8
    return (folder / "samples.jsonl").read_bytes()


@pytest.mark.parametrize("before", [POINTS, {640, 1280}, {1280}])
@pytest.mark.parametrize("stopped_after", [1, 4, 10, 20])
def test_a_kill_between_samples_and_measurements_writes_nothing_twice(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: bytes,
    before: set[int],
    stopped_after: int,
) -> None:
    folder, append, killed = tmp_path / "run", Journal.append, []

    def dying(self: Journal, *rows: dict[str, Any]) -> None:
        seen = rows[0]["tokens_seen"]
        if self.path.name == "measurements.jsonl" and seen in before and not killed:
            killed.append(seen)
            raise Killed
        append(self, *rows)

    ended, _, _ = run_tiny(folder, probe=writing, stop=stop_after(stopped_after))
    monkeypatch.setattr(Journal, "append", dying)
    if not ended or stopped_after == 20:
        try:
            run_tiny(folder, probe=writing)
        except Killed:
            assert read_points(folder)[-1] == killed[0], "the samples were there first"
    monkeypatch.setattr(Journal, "append", append)
    run_tiny(folder, probe=writing)
    assert (folder / "samples.jsonl").read_bytes() == whole


def read_points(folder: Path) -> list[int]:
    return [sample.tokens_seen for sample in read_samples(folder / "samples.jsonl")]


def test_half_a_row_is_dropped(tmp_path: Path, whole: bytes) -> None:
    folder = tmp_path / "run"
    run_tiny(folder, probe=writing, stop=stop_after(7))
    with (folder / "samples.jsonl").open("ab") as file:
        file.write(b'{"tokens_seen": 640, "prom')
    assert read_points(folder) == [64, 64, 256, 256]
    run_tiny(folder, probe=writing)
    assert (folder / "samples.jsonl").read_bytes() == whole


def test_without_samples_there_is_no_journal(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run")
    assert not (tmp_path / "run/samples.jsonl").exists()
    assert read_points(tmp_path / "run") == []
