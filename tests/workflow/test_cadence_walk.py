"""Probes of several distances in a whole run: planned, measured, killed, told, in a budget."""

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gapless.analysis import read_analysis
from gapless.records.measurements import items_path, read_measurements
from gapless.workflow import verbs
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.time_spent import measuring_so_far
from tests.workflow import test_order_walk as order_walk
from tests.workflow.kills import PACED, STRETCHED, differences, results
from tests.workflow.test_order_walk import artifact, kill_after, rows_of

BATCH, STEPS, READINGS = 128, 48, {8, 16, 24}
FREE = STRETCHED[:-1]


def steps_by_probe(folder: Path) -> dict[str, list[int]]:
    """Return measured probe to the steps after which it was measured."""
    found: dict[str, list[int]] = {}
    for m in read_measurements(folder / "measurements.jsonl"):
        steps = found.setdefault(m.probe, [])
        if m.tokens_seen // BATCH not in steps:
            steps.append(m.tokens_seen // BATCH)
    return found


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = order_walk.world(tmp_path_factory.mktemp("free"))
    verbs.run(recipe, overrides=FREE)
    return recipe


@pytest.fixture(scope="module")
def stretched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = order_walk.world(tmp_path_factory.mktemp("stretched"))
    verbs.run(recipe, overrides=STRETCHED)
    return recipe


def test_each_probe_is_measured_at_its_own_points(free: Path) -> None:
    found = steps_by_probe(artifact(free, "training.main"))
    dense = found["prose"]
    assert dense[:5] == [0, 1, 3, 4, 5]
    assert dense[-1] == STEPS
    assert set(range(0, STEPS + 1, 4)) < set(dense), "wherever the state is saved"
    assert found["exam"] == [0, 16, 32, STEPS]
    topics = [name for name in found if name.startswith("prose/")]
    assert len(topics) == 3
    for name in topics:
        assert found[name] == sorted({0, *READINGS, 32, STEPS})
    assert set(dense) > READINGS


def test_a_point_has_the_items_of_what_was_measured_there(free: Path) -> None:
    folder = artifact(free, "training.main")
    for step, there in ((3, False), (32, True)):
        with np.load(items_path(folder, step * BATCH)) as items:
            assert ("exam/accuracy/numerators" in items) is there
            assert "prose/bits_per_byte/numerators" in items


def test_the_seconds_of_each_probe_are_written_down_and_told(free: Path) -> None:
    rows = rows_of(artifact(free, "training.main") / "speed.jsonl")
    measured = {r["tokens_seen"] // BATCH: r for r in rows if r.get("what") == "measuring"}
    assert measured.keys() == set(steps_by_probe(artifact(free, "training.main"))["prose"]) - {0}
    assert measured[3]["parts"].keys() == {"bits_per_byte"}
    assert measured[8]["parts"].keys() == {"bits_per_byte", "perplexity by kind"}
    assert measured[48]["parts"].keys() == {"bits_per_byte", "perplexity by kind", "exam"}
    for row in measured.values():
        assert 0 < sum(row["parts"].values()) <= row["seconds"]
    [base] = rows_of(artifact(free, "base") / "speed.jsonl")
    assert base["parts"].keys() == {"bits_per_byte", "perplexity by kind", "exam"}
    training = RunFolder(free.parent / "runs" / "tiny").stages()["training.main"]
    assert measuring_so_far(training).startswith("measuring took ")
    assert "perplexity by kind" in measuring_so_far(training)
    [arm] = verbs.watch(free.parent / "runs" / "tiny")().arms
    assert arm.measuring is not None
    assert 0 < arm.measuring < 1
    assert {name for name, _ in arm.costs} == measured[48]["parts"].keys()
    assert {value.tokens_seen for value in arm.values} == {STEPS * BATCH}
    report = html.unescape((free.parent / "runs" / "tiny" / "report.html").read_text())
    assert "time measuring the base" in report
    assert "perplexity by kind" in report


def test_curves_stand_at_their_own_points(free: Path) -> None:
    rows = read_analysis(artifact(free, "analysis")).rows
    points = {row["name"]: [t // BATCH for t in row["curve"]["tokens"]] for row in rows}
    assert points["exam"] == [0, 16, 32, STEPS]
    assert len(points["prose"]) > 20
    tasks = next(r for r in rows if r["kind"] == "role" and r["metric"] == "accuracy")
    assert [t // BATCH for t in tasks["curve"]["tokens"]] == points["exam"]


def losses(recipe: Path) -> list[float]:
    return [row["loss"] for row in rows_of(artifact(recipe, "training.main") / "steps.jsonl")]


def test_measuring_less_changes_no_loss(free: Path, stretched: Path) -> None:
    assert losses(free) == losses(stretched)
    whole, kept = (steps_by_probe(artifact(each, "training.main")) for each in (free, stretched))
    assert whole.keys() == kept.keys()
    for name, steps in kept.items():
        assert {0, STEPS} <= set(steps) <= set(whole[name])
        if name.startswith("prose/"):
            assert set(steps) >= READINGS
    assert sum(map(len, kept.values())) < sum(map(len, whole.values()))


def test_the_plan_says_before_what_the_run_then_does(stretched: Path, tmp_path: Path) -> None:
    recipe = order_walk.world(tmp_path)
    [rough] = verbs.plan(recipe, overrides=STRETCHED).arms
    assert rough.measuring.startswith("measuring: about ")
    [exact] = verbs.plan(recipe, overrides=STRETCHED, exact=True).arms
    assert "about" not in exact.measuring
    assert "`bits_per_byte`" in exact.measuring
    assert exact.measuring.endswith("to stay in the budget of 55%")
    steps = {
        s for own in steps_by_probe(artifact(stretched, "training.main")).values() for s in own
    }
    assert exact.probes == len(steps - {0})
    manifest = json.loads((artifact(stretched, "training.main") / "manifest.json").read_text())
    assert manifest["facts"]["measuring"] == [exact.measuring]
    report = (stretched.parent / "runs" / "tiny" / "report.html").read_text()
    assert f"The arm main: {exact.measuring}." in html.unescape(report)


class Notes:
    """Progress that keeps its notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def stage(self, *_: object) -> None: ...
    def done(self, *_: object) -> None: ...
    def training(self, *_: object) -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_killed_in_the_middle_it_measures_what_is_missing_and_nothing_twice(
    stretched: Path, tmp_path: Path
) -> None:
    recipe, notes = order_walk.world(tmp_path), Notes()
    for steps in (9, 30):
        assert kill_after(recipe, STRETCHED, steps) < STEPS
    verbs.run(recipe, overrides=STRETCHED, progress=notes)
    assert differences(results(stretched), results(recipe)) == []
    assert any(note.startswith("training main: measuring: ") for note in notes.notes)
    rows = rows_of(artifact(recipe, "training.main") / "measurements.jsonl")
    keys = [(row["tokens_seen"], row["probe"], row["metric"]) for row in rows]
    assert len(set(keys)) == len(keys)


def test_what_is_measured_often_or_rarely_is_asked_alike(free: Path, stretched: Path) -> None:
    """A value at a point does not depend on what else is asked there."""

    def values(recipe: Path) -> Mapping[tuple[Any, ...], float]:
        folder = artifact(recipe, "training.main")
        rows: Sequence[Any] = read_measurements(folder / "measurements.jsonl")
        return {(m.tokens_seen, m.probe, m.metric): m.value for m in rows}

    whole, kept = values(free), values(stretched)
    assert kept.items() < whole.items()


def test_the_recipes_probes_have_three_distances() -> None:
    """Guard: the walks above rest on it."""
    assert [probe.get("every") for probe in PACED] == [None, 4096, 2048]
