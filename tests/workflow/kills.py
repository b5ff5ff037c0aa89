"""Runs on the command line that are killed at random moments, and what must come out of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.workflow import test_order_walk as order_walk
from tests.workflow.world import make_world

COMMAND = "import torch; torch.set_num_threads(1); from gapless.cli.main import run; run()"
_LONGEST_SECONDS = 300


def _faults(action: str) -> list[str]:
    """Return settings under which the noise of a tiny run is a fault every now and then."""
    spike = {"spike": action, "spike_factor": 1.001, "most": 1000}
    return [
        "training.learning_rate=1e-6",  # the loss must not fall below what it was before
        *(f"training.faults.{name}={value}" for name, value in spike.items()),
    ]


@dataclass(frozen=True)
class Variant:
    """A kind of run."""

    make: Callable[[Path], Path]
    """Writes a world into a folder; returns the recipe's path."""
    overrides: Sequence[str] = ()


PACED = [
    {"type": "bits_per_byte", "bytes_per_source": 1000},
    {"type": "perplexity", "by": "kind", "bytes_per_label": 1000, "every": 4096},
    {"type": "multiple_choice", "name": "exam", "path": "exam.jsonl", "role": "domain"}
    | {"every": 2048},
]
"""Probes of three distances; a mixture is read by the one in the middle."""
STRETCHED = [
    *order_walk.settings({"strata": {"prose": "kind"}, "phases": order_walk.PHASES}, PACED),
    "probing.budget=55%",
]


VARIANTS = {
    "two arms": Variant(make_world),
    "rare probes in a budget": Variant(order_walk.world, STRETCHED),
    "feedback, bad batches left out": Variant(
        order_walk.world, [*order_walk.STEERED, *_faults("skip")]
    ),
    "feedback, rolled back": Variant(
        order_walk.world, [*order_walk.STEERED, *_faults("roll_back")]
    ),
}


def start(recipe: Path, overrides: Sequence[str]) -> "subprocess.Popen[str]":
    """Start the command in a process of its own."""
    settings = [part for override in overrides for part in ("--set", override)]
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "run", str(recipe), *settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed(recipe: Path, overrides: Sequence[str], moment: "Moment") -> bool:
    """Start the command and SIGKILL it at a moment.

    Returns:
        Whether it was killed; False where it reached the end.

    """
    process = start(recipe, overrides)
    deadline, changes, seen = time.monotonic() + _LONGEST_SECONDS, 0, _written(recipe)
    while process.poll() is None and changes < moment.changes and time.monotonic() < deadline:
        time.sleep(0.001)
        now = _written(recipe)
        changes, seen = changes + (now != seen), now
    time.sleep(moment.seconds)
    process.send_signal(signal.SIGKILL)
    _, told = process.communicate()
    assert process.returncode in {0, -signal.SIGKILL}, told
    return process.returncode != 0


@dataclass(frozen=True)
class Moment:
    """A moment of a run, counted in its work: a busy machine shifts it less than a clock would."""

    changes: int
    """How often what is written has been seen to change since the command was started."""
    seconds: float
    """How long after the last of them."""

    @classmethod
    def drawn(cls, draw: np.random.Generator, *, most_changes: int = 100) -> "Moment":
        """Return a random one; a whole run of two dozen steps has about a hundred changes."""
        return cls(int(draw.integers(1, most_changes)), float(draw.uniform(0, 0.02)))


def _written(recipe: Path) -> dict[Path, int]:
    """Return the files of the artifacts and when each was changed."""
    times = {}
    for folder, _, files in os.walk(_artifacts(recipe)):  # which forgives what has gone meanwhile
        for path in (Path(folder, name) for name in files):
            with suppress(FileNotFoundError):
                times[path] = path.stat().st_mtime_ns
    return times


def _artifacts(recipe: Path) -> Path:
    return recipe.parent / "runs" / "tiny" / "artifacts"


def stands_at(recipe: Path) -> str:
    """Return what a killed run was about, in words."""
    partial = sorted(_artifacts(recipe).glob("*.partial"), key=lambda path: path.stat().st_mtime_ns)
    if not partial:
        return "between two stages"
    label, journal = partial[-1].name.rpartition("-")[0], partial[-1] / "steps.jsonl"
    steps = journal.read_bytes().count(b"\n") if journal.is_file() else 0
    return f"{label}, step {steps}" if steps else label


def results(recipe: Path) -> dict[str, bytes]:
    """Return every file that the trainings of a finished run have left, but for its speed."""
    return {
        str(path.relative_to(_artifacts(recipe))): path.read_bytes()
        for path in sorted(_artifacts(recipe).glob("training.*/**/*"))
        if path.is_file() and path.name != "speed.jsonl"
    }


def differences(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Return the names of the files that differ or that only one run has."""
    return [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
