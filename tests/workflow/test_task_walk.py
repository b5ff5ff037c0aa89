"""Tasks of local folders in a whole run: the page's own example, from plan to report."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from gapless.analysis import read_analysis
from gapless.errors import DataError
from gapless.evaluation import read_probes
from gapless.records.documents import read_columns
from gapless.records.measurements import items_path, read_items, read_measurements
from gapless.records.removals import Removals
from gapless.workflow import verbs
from tests.workflow.world import documents, make_world, write_source

PAGE = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text()
ATTACK = "<script>alert(1)</script>\u001b[31m\u202e"
ROOM = ["order.context=320", "training.batch_tokens=320", "arms={main: {}}"]


def write_page(folder: Path) -> list[str]:
    """Write the files of the page's example; return the overrides that its recipe stands for."""
    config = folder / "base" / "config.json"
    longer = json.loads(config.read_text()) | {"max_position_embeddings": 320}
    config.write_text(json.dumps(longer))  # positions are rotary: the weights stay as they are
    for name, text in re.findall(r"`(tasks/\S+)`[^`]*```\w+\n(.*?)```", PAGE, re.DOTALL):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    probes = re.findall(r"^    - (\{type.*\})$", PAGE, re.MULTILINE)
    return [*ROOM, f"probing.probes=[{', '.join(probes)}]"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    recipe = make_world(folder)
    overrides = write_page(folder)
    effects = folder / "tasks" / "drug_effects"
    rows = (effects / "items.jsonl").read_text().splitlines()
    question = " ".join(f"z{one}q{two}" for one in "aeiou" for two in "bcdf")
    rows += [
        json.dumps({"question": ATTACK, "abstract": "{question}", "answer": "no"}),
        json.dumps({"question": question, "abstract": "-", "answer": "yes"}),
    ]
    (effects / "items.jsonl").write_text("\n".join(rows))
    leaked = [
        {"id": f"leaked {n}", "text": f"in {n} words: {question}, {n} times"} for n in range(4)
    ]
    write_source(folder / "prose.jsonl", [*documents(60, first=70), *leaked])
    verbs.run(recipe, overrides=overrides)
    return recipe


def artifact(recipe: Path, label: str) -> Path:
    (folder,) = (recipe.parent / "runs" / "tiny" / "artifacts").glob(f"{label}-????????????")
    return folder


METRICS = {
    "drug_effects": {"accuracy", "accuracy_per_byte", "gold_bits_per_byte", "macro_f1"},
    "drug_classes": {"exact_match", "micro_f1", "macro_f1"},
}


def test_every_metric_is_measured_at_every_point_the_base_first(finished):
    arm = artifact(finished, "training.main")
    rows = read_measurements(arm / "measurements.jsonl")
    points = sorted({row.tokens_seen for row in rows})
    assert points[0] == 0
    assert len(points) > 3
    for name, metrics in METRICS.items():
        for point in points:
            own = [row for row in rows if row.probe == name and row.tokens_seen == point]
            assert {row.metric for row in own} == metrics
            assert {row.num_items for row in own} == {5 if name == "drug_effects" else 2}
            assert {row.role for row in own} == {"domain"}
    items = read_items(items_path(arm, points[-1]))
    assert items["drug_effects/macro_f1"].numerators.shape == (5, 3)
    assert np.isfinite([row.value for row in rows]).all()


def test_what_was_asked_is_kept(finished):
    probes = {probe.name: probe for probe in read_probes(artifact(finished, "probes"))}
    effects = probes["drug_effects"]
    assert effects.task.shots.startswith("Abstract: No harm was seen in nine patients.\nQuestion:")
    assert effects.task.shots.count("Answer: ") == 2
    prompts = [item.prompt for item in effects.task_items]
    assert prompts[3] == f"Abstract: {{question}}\nQuestion: {ATTACK}\nAnswer:"
    assert probes["drug_classes"].task_items[0].answers == ("opioid", "sedative")


def test_training_text_that_holds_an_item_of_a_task_is_left_out(finished):
    removals = Removals.read(artifact(finished, "contamination"), "prose")
    columns = read_columns(artifact(finished, "documents.prose"), "work", "held_out")
    pairs = zip(removals.documents.tolist(), removals.by, strict=True)
    found = {columns["work"][document] for document, by in pairs if by == "drug_effects:4"}
    leaks = {
        work
        for work, out in zip(columns["work"], columns["held_out"], strict=True)
        if work.startswith("leaked") and not out
    }
    assert len(leaks) > 1
    assert found >= leaks
    assert all(work.startswith("leaked") for work in found)


def test_each_metric_has_a_curve_with_an_interval_and_a_place_in_the_report(finished):
    rows = read_analysis(artifact(finished, "analysis")).rows
    f1 = [row for row in rows if row["metric"] == "macro_f1"]
    assert {(row["kind"], row["name"]) for row in f1} == {
        ("role", "domain"),
        ("probe", "drug_effects"),
        ("probe", "drug_classes"),
    }
    assert all(row["change_is_real"] is not None for row in f1)
    page = (finished.parent / "runs" / "tiny" / "report.html").read_text()
    assert "macro-F1" in page
    assert "drug_classes" in page
    assert "alert(1)" not in page
    assert "\u001b" not in page


def test_a_remark_measures_nothing_anew_and_another_item_does(finished):
    place = finished.parent / "tasks" / "drug_effects"
    overrides = write_page_overrides()
    before = verbs.plan(finished, overrides=overrides)
    assert all(stage.done for stage in before.stages)
    description = place / "task.yaml"
    description.write_text(description.read_text() + "\n# a remark\n")
    assert verbs.plan(finished, overrides=overrides).stages == before.stages
    items = place / "items.jsonl"
    kept = items.read_text()
    items.write_text(kept + '\n{"question": "x", "abstract": "y", "answer": "no"}')
    after = verbs.plan(finished, overrides=overrides)
    items.write_text(kept)
    assert {s.name for s in after.stages if not s.done} >= {"probes", "base", "training.main"}
    assert {s.name for s in after.stages if s.done} >= {"documents.prose", "tokens.prose"}


def write_page_overrides() -> list[str]:
    probes = re.findall(r"^    - (\{type.*\})$", PAGE, re.MULTILINE)
    return [*ROOM, f"probing.probes=[{', '.join(probes)}]"]


@pytest.fixture
def world(tmp_path):
    recipe = make_world(tmp_path)
    return recipe, write_page(tmp_path)


def planned(world):
    recipe, overrides = world
    return verbs.plan(recipe, overrides=overrides)


def test_a_plan_counts_what_tasks_cost(world):
    (alone,) = planned((world[0], [*ROOM, "probing.probes=[{type: bits_per_byte}]"])).arms
    (both,) = planned(world).arms
    assert both.flops > alone.flops


@pytest.mark.parametrize(
    ("name", "text", "where", "what"),
    [
        ("drug_classes/items.jsonl", '{"text": "x"}', "items.jsonl:1", "'answer' is missing"),
        ("drug_classes/items.jsonl", "", "items.jsonl", "holds no item"),
        ("drug_effects/dev.jsonl", "{}", "dev.jsonl:1", "'abstract' is missing"),
        (
            "drug_classes/items.jsonl",
            '{"text": "x", "answer": "poison"}',
            "items.jsonl:1",
            "none of the labels",
        ),
    ],
)
def test_a_plan_tells_of_a_mistake_with_its_line(world, name, text, where, what):
    (world[0].parent / "tasks" / name).write_text(text)
    with pytest.raises(DataError, match=what) as caught:
        planned(world)
    assert caught.value.where.startswith("probing.probes[")
    assert where in caught.value.where


@pytest.mark.parametrize(
    ("name", "what"),
    [("drug_effects", "two probes are called"), ("prose", "is a source's name already")],
)
def test_a_name_that_is_taken_is_refused(world, name, what):
    path = world[0].parent / "tasks" / "drug_classes" / "task.yaml"
    path.write_text(path.read_text().replace("drug_classes", name))
    with pytest.raises(DataError, match=what):
        planned(world)


def test_a_folder_that_is_not_there_or_no_folder_is_refused(world):
    recipe, _ = world
    for path, what in {"nowhere": "no such folder", "exam.jsonl": "a file, not"}.items():
        with pytest.raises(DataError, match=what):
            planned((recipe, [*ROOM, f"probing.probes=[{{type: task, path: {path}}}]"]))


def test_a_prompt_that_does_not_fit_stops_the_run_before_training(world):
    recipe, overrides = world
    with pytest.raises(DataError, match="the context is 32") as caught:
        verbs.run(recipe, overrides=[*overrides, "order.context=32"])
    assert "drug_" in caught.value.where
    names = [path.name for path in (recipe.parent / "runs" / "tiny" / "artifacts").iterdir()]
    assert any(name.startswith("probes-") for name in names)
    assert not any(name.startswith("training.") for name in names)
