"""The corpus benchmark runs on a little shipped text; what it measures is not looked at."""

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PEERS = {
    "near_copies": "rensa",
    "ngram_score": "kenlm",
    "ngram_train": "lmplz",
    "tokenise": "tokenizers",
}
"""Comparisons and what they need; datatrove cannot live in our environment."""


def is_here(peer: str) -> bool:
    return shutil.which(peer) is not None or find_spec(peer) is not None


def printed(*arguments: str) -> list[list[str]]:
    """Return the cells of the table's rows, without its heads."""
    command = [sys.executable, str(BENCHMARKS / "corpus.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "load average" in done.stdout
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    return [row.strip("| ").split(" | ") for row in rows[2:]]


@pytest.mark.parametrize("name", PEERS)
def test_a_comparison_prints_both_sides_and_their_ratio(name: str) -> None:
    if not is_here(PEERS[name]):
        pytest.skip(f"{PEERS[name]} is not here")
    [row] = printed("--only", name, "--mb", "0.05", "--datatrove-mb", "0.01")
    assert row[1:3] == [PEERS[name], "0.1"]
    assert all(re.fullmatch(r"[\d.]+", cell) for cell in row[3:6])
    assert "NOT" not in row[-1]


def test_a_peer_that_is_not_here_leaves_our_own_side() -> None:
    [row] = printed("--only", "cleaners", "--mb", "0.01", "--datatrove-mb", "0.05")
    assert row[1] == "datatrove"
    assert float(row[3]) > 0
    assert row[4] == "not here"


def test_scale_prints_seconds_and_memory_and_leaves_nothing_behind(tmp_path: Path) -> None:
    text, room = tmp_path / "text.jsonl", tmp_path / "room"
    rows = [{"text": f"{n} words in a row " * 20} for n in range(9)]
    text.write_text("".join(json.dumps(row) + "\n" for row in rows))
    scale = ["--scale", str(room), "--sizes", "0.00002", "--only", "near_dedup"]
    [row] = printed(str(text), *scale)
    assert re.fullmatch(r"[\d.]+, \d+ \(\d+\)", row[1])
    assert list(room.iterdir()) == []


def test_the_exponent_is_the_slope_of_the_logarithms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    from corpus import exponent

    assert exponent([(size, 3 * size) for size in (0.1, 1, 5)]) == pytest.approx(1)
    assert exponent([(size, size**2) for size in (0.1, 1, 5)]) == pytest.approx(2)


def test_made_text_has_a_near_copy_of_every_tenth_one_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    from corpus_ours import near_copies
    from corpus_text import perturbed, shipped, write

    made = write(perturbed(shipped()[:1]), tmp_path / "text", 2.5)
    copies = near_copies(list(made.files), tmp_path, {})()["removed"]
    assert made.megabytes == pytest.approx(2.5, rel=0.01)
    assert copies == pytest.approx(made.documents / 11, rel=0.1)


@pytest.mark.parametrize(
    ("part", "options", "says"),
    [
        ("scale", ["--documents", "4e4", "--small-documents", "4e4", "--seeks", "3"], "| warm |"),
        ("loader", ["--tokens", "1e6", "--rows", "2000", "--contexts", "256"], "| in sequence |"),
    ],
)
def test_the_order_is_measured_and_nothing_is_left_behind(
    tmp_path: Path, part: str, options: list[str], says: str
) -> None:
    command = [sys.executable, str(BENCHMARKS / "order.py"), part, "--scratch", str(tmp_path)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert says in done.stdout
    assert "NO" not in re.findall(r"\w+", done.stdout)
    assert not list(tmp_path.iterdir())


def test_training_is_measured_on_the_same_rows(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "training.py"), "--device", "cpu"]
    command += ["--shape", "1.6M", "--precision", "fp32", "--scratch", str(tmp_path)]
    command += ["--steps", "1", "--warm", "1", "--rounds", "1", "--rows", "2"]
    ways = ["--way", "gapless", "bare loop, borders", "matrix products"]
    done = subprocess.run([*command, *ways], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if "| " in line]
    ours, bare = (row for row in rows if row[0] in {"gapless", "bare loop, borders"})
    assert float(ours[5]) == pytest.approx(float(bare[5]), abs=2e-3), "the same rows, the same loss"
    assert not list(tmp_path.iterdir())
