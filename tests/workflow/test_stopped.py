"""A run that a cluster or a full disk stops: what is said, what is kept, and that it goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gapless.errors import Terminated
from gapless.training.checkpoints import Checkpoints
from gapless.workflow import verbs
from gapless.workflow.run import StopRequest
from tests.workflow.kills import differences, results, start
from tests.workflow.world import make_world

ALONE = ["arms={alone: {}}"]
TOLD = "stopped by SIGTERM; the same command goes on from the last checkpoint"


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    recipe = make_world(tmp_path_factory.mktemp("whole"))
    verbs.run(recipe, overrides=ALONE)
    return results(recipe)


def wait_for(recipe: Path, pattern: str, process: "subprocess.Popen[str]") -> Path:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        for path in (recipe.parent / "runs/tiny/artifacts").glob(pattern):
            return path
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    raise AssertionError(pattern)


def latest_step(recipe: Path) -> int:
    (folder,) = (recipe.parent / "runs/tiny/artifacts").glob("training.alone-*.partial")
    latest = Checkpoints(folder / "checkpoints", keep_last=1).latest()
    return latest[1].step if latest else 0


def steps_done(recipe: Path) -> int:
    (journal,) = (recipe.parent / "runs/tiny/artifacts").glob("training.*.partial/steps.jsonl")
    return journal.read_bytes().count(b"\n")


def test_sigterm_saves_says_so_and_the_same_command_goes_on(
    expected: dict[str, bytes], tmp_path: Path
) -> None:
    recipe = make_world(tmp_path)
    process = start(recipe, ALONE)
    wait_for(recipe, "training.alone-*.partial/steps.jsonl", process)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)  # as launchers do: once to the group, once to the process
    _, told = process.communicate(timeout=120)
    assert (process.returncode, told.strip().splitlines()[-1]) == (143, TOLD)
    assert 0 < latest_step(recipe) == steps_done(recipe), "it must have saved where it stopped"
    verbs.run(recipe, overrides=ALONE)
    assert differences(expected, results(recipe)) == []


def test_sigterm_before_training_stops_at_the_next_stage(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    process = start(recipe, ALONE)
    wait_for(recipe, "documents.*", process)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert (process.returncode, told.strip().splitlines()[-1]) == (143, TOLD)
    assert not list((recipe.parent / "runs/tiny/artifacts").glob("training.*"))


FILLING = """
import resource, sys
from gapless.cli.failures import explained
from gapless.workflow import verbs

class Filling:
    def stage(self, *_): pass
    def done(self, *_): pass
    def note(self, *_): pass
    def training(self, arm, tokens_seen, *_):
        if tokens_seen >= int(sys.argv[2]):  # from here on, no file finds more room than this
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)

with explained():
    verbs.run(sys.argv[1], overrides=sys.argv[4:], progress=Filling())
"""
CHECKPOINT_BYTES, JOURNAL_BYTES = 20_000, 2_000


@pytest.mark.parametrize("room", [CHECKPOINT_BYTES, JOURNAL_BYTES])
def test_a_disk_that_fills_up_keeps_the_last_checkpoint_and_the_run_goes_on(
    expected: dict[str, bytes], tmp_path: Path, room: int
) -> None:
    recipe = make_world(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", FILLING, str(recipe), "1920", str(room), *ALONE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert done.stderr.startswith("error: the disk is full")
    assert done.stderr.endswith("the same command goes on from there.\n")
    # Step 12 is the last that was saved: 1,536 tokens. Filled up at step 15, or saving step 16.
    assert latest_step(recipe) == 12
    assert steps_done(recipe) == (16 if room == CHECKPOINT_BYTES else 15)
    verbs.run(recipe, overrides=ALONE)
    assert differences(expected, results(recipe)) == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [100.0]
    monkeypatch.setattr("gapless.workflow.run.time.monotonic", lambda: now[0])
    both = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in both]
    yield now
    assert [signal.getsignal(number) for number in both] == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_stops_at_once_unless_it_is_the_same_wish(
    clock: list[float], number: signal.Signals
) -> None:
    stop, heard = StopRequest(), []
    kind = Terminated if number == signal.SIGTERM else KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt) as caught, stop.listening():
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()
        clock[0] += 0.5
        os.kill(os.getpid(), number)
        heard.append("the second is the first, told again")
        clock[0] += 2
        os.kill(os.getpid(), number)
        heard.append("never")
    assert len(heard) == 1
    assert type(caught.value) is kind


def test_stages_that_stop_for_sigterm_end_otherwise_than_for_ctrl_c(clock: list[float]) -> None:
    stop = StopRequest()
    with pytest.raises(Terminated), stop.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        raise KeyboardInterrupt  # what a stage raises that was asked to stop
