"""A sweep in several processes: the same as in one, whatever becomes of them."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
import torch

from gapless.records.views import Silent
from gapless.workflow import sweep as sweeps
from gapless.workflow import sweep_attempts, sweep_crew
from gapless.workflow.full_disk import disk_is_full
from gapless.workflow.stage import Stage
from tests.workflow.world import make_world

SWEEP = """
name: small
recipe: recipe.yaml
arm: alone
changes: {"order.phases": [{tokens: 1024}], "probing.every": 256, "probing.first": 128}
axes:
  - {path: training.learning_rate, type: values, values: [1.0e-2, 3.0e-3]}
  - {type: mixtures, shares: {medicine: [50%, 100%], prose: [0, 50%]}, points: 2}
"""
LONG = {"tokens: 1024": "tokens: 8k", '"probing.every": 256': '"probing.every": 4096'}
"""Trials that are long enough to be cut off."""
LONGEST_SECONDS = 300
"""On a busy machine; a quiet one takes a few."""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    make_world(tmp_path)
    file = tmp_path / "sweep.yaml"
    file.write_text(textwrap.dedent(SWEEP))
    return file


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every process has one thread: as many as there are may change the last bits."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def rows(run_dir: Path) -> list[dict]:
    return [json.loads(line) for line in (run_dir / "trials.jsonl").read_text().splitlines()]


class Heard(Silent):
    """Writes down what a sweep tells."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[tuple[str, str]] = []
        self.seen: list[tuple[int, int]] = []

    def stage(self, name: str, detail: str) -> None:
        self.begun.append(f"{name} {detail}".strip())

    def done(self, name: str, detail: str) -> None:
        self.ended.append((name, detail))

    def training(self, *told: object) -> None:
        self.seen.append((told[1], told[2]))


def test_two_processes_come_to_the_same_as_one_with_halving_too(world: Path) -> None:
    world.write_text(world.read_text() + "halving: {rungs: [50%], keep: 50%}\n")
    one = sweeps.sweep(world, run_dir=world.parent / "one")
    heard = Heard()
    two = sweeps.sweep(world, run_dir=world.parent / "two", jobs=2, progress=heard)

    assert rows(two.run_dir) == rows(one.run_dir)
    assert [row.state for row in two.trials].count("done") == 2
    assert len([name for name in heard.begun if name.startswith("training.")]) == 4 + 2
    assert heard.seen
    assert all(seen <= total for seen, total in heard.seen)
    again = Heard()
    assert sweeps.sweep(world, run_dir=world.parent / "two", jobs=2, progress=again) == two
    assert again.begun == []


def test_a_process_that_dies_is_a_failed_try_and_the_trial_is_tried_again(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengthened(world)
    begun, ended = [], []
    started = sweep_crew._Worker.tell

    def tell(worker: sweep_crew._Worker, **order: object) -> None:
        started(worker, **order)
        begun.append(order["trial"])
        if order["trial"] == "t001-0":  # every time
            os.kill(worker._process.pid, signal.SIGKILL)
            worker.ready = True

    monkeypatch.setattr(sweep_crew._Worker, "tell", tell)

    class Ended(Silent):
        def done(self, name: str, detail: str) -> None:
            ended.append((name, detail))

    result = sweeps.sweep(world, jobs=2, progress=Ended())
    states = {row.name: (row.state, row.why) for row in result.trials}
    assert states.pop("t001-0") == ("failed", "its process was killed (SIGKILL)")
    assert {state for state, _ in states.values()} == {"done"}
    assert begun.count("t001-0") == 2  # retries: 1
    assert ("training.t001-0", "failed: its process was killed (SIGKILL)") in ended


def test_a_process_that_cannot_start_ends_the_sweep(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_crew.sys, "executable", "/bin/false")
    with pytest.raises(sweeps.RunError, match="did not start"):
        sweeps.sweep(world, jobs=2)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_when_the_sweep_ends_so_do_its_processes_and_it_goes_on(
    world: Path, number: signal.Signals
) -> None:
    lengthened(world)
    run_dir = world.parent / "runs" / "small"
    with started(world) as process:
        try:
            workers = wait_for(lambda: training(run_dir) and workers_of(process.pid), least=2)
            process.send_signal(number)
            _, told = process.communicate(timeout=LONGEST_SECONDS)
        finally:
            process.kill()
    status = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert process.returncode == status, told
    wait_for(lambda: not [pid for pid in workers if is_alive(pid)])
    assert training(run_dir)
    if number == signal.SIGTERM:
        return  # the same road as Ctrl-C

    result = sweeps.sweep(world, jobs=2)
    assert [row.state for row in result.trials] == ["done"] * 4
    for place in (run_dir / "artifacts").glob("training.*"):
        seen = [step["tokens_seen"] for step in steps(place)]
        assert seen == sorted(set(seen))  # every step once
    plain = sweeps.sweep(world, run_dir=world.parent / "plain")
    assert rows(result.run_dir) == rows(plain.run_dir)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_full_disk_ends_the_sweep_and_fails_no_trial(
    world: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    tried = []
    if jobs == 1:
        make = Stage.make

        def full(stage: Stage) -> None:
            if stage.kind != "training":
                return make(stage)
            tried.append(stage.label)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")

        monkeypatch.setattr(Stage, "make", full)
    else:
        take = sweep_crew.Crew._take

        def full_there(crew: object, worker: object, message: dict, told: object) -> object:
            if "ready" in message:
                tried.append(message)
                message = {"full": "somewhere"}
            return take(crew, worker, message, told)

        monkeypatch.setattr(sweep_crew.Crew, "_take", full_there)
    with pytest.raises(OSError, match="somewhere") as error:
        sweeps.sweep(world, jobs=jobs)
    assert disk_is_full(error.value)
    assert len(tried) == 1
    monkeypatch.undo()
    assert {row.state for row in sweeps.sweep(world).trials} == {"done"}


def test_a_full_disk_is_known_by_its_number_its_words_and_its_cause() -> None:
    full = OSError(errno.EDQUOT, "quota")
    assert disk_is_full(full)
    assert disk_is_full(RuntimeError("I/O error: No space left on device (os error 28)"))
    late = sweeps.RunError("the model could not be written")
    late.__cause__ = full
    assert disk_is_full(late)
    assert not disk_is_full(sweeps.RunError("loss is not finite"))
    assert not disk_is_full(OSError(errno.ENOENT, "no file"))


def test_the_cores_are_divided_and_fewer_can_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_crew, "_cores", lambda: 16)
    place = sweep_crew.CrewPlace(tmp_path, tmp_path, 3, 0)
    assert place.threads == 1  # OMP_NUM_THREADS
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert place.threads == 5
    assert sweep_crew.CrewPlace(tmp_path, tmp_path, 40, 0).threads == 1


def test_a_process_that_somebody_stopped_gets_no_other_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped:
        """Stops at whatever it is told, as a process does that has heard SIGTERM."""

        def __init__(self, _: object, heard: SimpleQueue) -> None:
            self.task, self.ready, self.heard = None, True, heard
            started.append(self)

        def tell(self, **_: object) -> None:
            self.heard.put((self, {"stopped": True} if self is started[0] else {"failed": ""}))

        def leave(self) -> None:
            self.heard.put((self, {"ended": 0}))

        def wait(self) -> None:
            pass

    started: list[Stopped] = []
    monkeypatch.setattr(sweep_crew, "_Worker", Stopped)
    place = sweep_crew.CrewPlace(tmp_path, tmp_path, 1, 0)
    stage = SimpleNamespace(label="training.a", fingerprint="0")
    tasks = deque(sweep_attempts.Task(name, 10) for name in "abc")
    with sweep_crew.Crew(place, lambda _: stage, Silent(), lambda: False) as crew:
        found = [(task.trial, bool(why)) for task, why in crew.work(tasks)]
    assert found == [("a", True), ("b", False), ("c", False)]
    assert len(started) == 2


def test_a_failed_try_says_why_in_a_line(world: Path) -> None:
    class Fails:
        def make(self) -> None:
            raise sweeps.RunError("it diverged", mend="Lower the rate.")

    rung = sweep_attempts.Rung(Silent(), lambda: False)
    assert sweep_attempts.attempt(Fails(), 10, rung) == "it diverged"


def lengthened(world: Path) -> None:
    text = world.read_text()
    for old, new in LONG.items():
        assert old in text
        text = text.replace(old, new)
    world.write_text(text)


def started(world: Path) -> "subprocess.Popen[str]":
    code = "from gapless.cli.main import run; run()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "sweep", str(world), "--jobs", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(look, least: int = 0):
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found and (not least or len(found) >= least):
            return found
        time.sleep(0.02)
    raise AssertionError("it never came to be")


def training(run_dir: Path) -> list[Path]:
    """Trainings under way that have taken steps."""
    return [p for p in (run_dir / "artifacts").glob("training.*.partial") if steps(p)]


def steps(place: Path) -> list[dict]:
    file = place / "steps.jsonl"
    lines = file.read_text().splitlines(keepends=True) if file.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def workers_of(parent: int) -> list[int]:
    """The processes that a process has started, by /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(entry.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
