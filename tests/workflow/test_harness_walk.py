"""Tasks of lm-evaluation-harness in a whole run, from plan to report."""

import json
from pathlib import Path

import pytest

from gapless.errors import DataError, RecipeError, RunError
from gapless.evaluation.harness import read_harness
from gapless.records.documents import read_columns
from gapless.records.measurements import items_path, read_items, read_measurements
from gapless.records.removals import Removals
from gapless.workflow import verbs
from tests.workflow.world import documents, make_world, write_source

pytest.importorskip("lm_eval")

ROOM = ["arms={main: {}}"]
PROBES = (
    "probing.probes=[{type: bits_per_byte}, {type: harness, role: general, paths: [mine], "
    "tasks: [{task: parts, shots: 1, role: domain}, {task: second, limit: 7}]}]"
)
TASK = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{train: "{data}", test: "{data}"}}}}
fewshot_split: train
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: answer
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 2.0}}
"""
GROUP = """
group: parts
task: [first]
aggregate_metric_list: [{metric: acc, weight_by_size: true}]
"""


def write_tasks(folder: Path) -> None:
    """A group of one task, and a task apart, of ten questions each."""
    mine = folder / "mine"
    mine.mkdir()
    for name in ("first", "second"):
        rows = [
            {
                "question": f"{name} " + " ".join(f"q{name}{n}w{k}" for k in range(12)),
                "choices": [f"yes {n}", f"no {n}"],
                "answer": n % 2,
            }
            for n in range(10)
        ]
        (mine / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (mine / f"{name}.yaml").write_text(TASK.format(name=name, data=mine / f"{name}.jsonl"))
    (mine / "parts.yaml").write_text(GROUP)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """What `datasets` makes of files goes away with the tests."""
    import datasets

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("datasets")
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", folder)
        patch.setenv("HF_DATASETS_CACHE", str(folder))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("harness")
    recipe = make_world(folder)
    write_tasks(folder)
    row = json.loads((folder / "mine" / "second.jsonl").read_text().splitlines()[3])
    leaked = [{"id": f"leaked {n}", "text": f"in {n}: {row['question']}, {n}"} for n in range(3)]
    write_source(folder / "prose.jsonl", [*documents(60, first=70), *leaked])
    verbs.run(recipe, overrides=[*ROOM, PROBES])
    return recipe


def artifact(recipe: Path, label: str) -> Path:
    (folder,) = (recipe.parent / "runs" / "tiny" / "artifacts").glob(f"{label}-????????????")
    return folder


def test_tasks_are_measured_at_every_point_the_base_first(finished):
    arm = artifact(finished, "training.main")
    rows = read_measurements(arm / "measurements.jsonl")
    points = sorted({row.tokens_seen for row in rows})
    assert points[0] == 0
    assert len(points) > 3
    for name, role, num_items in [("parts", "domain", 10), ("second", "general", 7)]:
        own = [row for row in rows if row.probe == name]
        assert [row.tokens_seen for row in own] == points
        assert {(row.role, row.metric, row.num_items) for row in own} == {(role, "acc", num_items)}
    assert not [row for row in rows if row.probe == "first"]
    for point in points:
        items = read_items(items_path(arm, point))
        assert len(items["parts/acc"].numerators) == 10


def test_what_was_asked_is_kept(finished):
    kept = {task.probe: task for task in read_harness(artifact(finished, "probes"))}
    assert set(kept) == {"parts/first", "second"}
    assert (kept["parts/first"].shots, kept["parts/first"].version) == (1, "2.0")
    assert kept["second"].items[1][1] == "no 1"


def test_training_text_that_holds_an_item_is_left_out(finished):
    removals = Removals.read(artifact(finished, "contamination"), "prose")
    works = read_columns(artifact(finished, "documents.prose"), "work")["work"]
    pairs = zip(removals.documents.tolist(), removals.by, strict=True)
    found = {works[document]: by for document, by in pairs}
    assert set(found.values()) == {"second:3"}
    assert {"leaked 0", "leaked 1"} <= set(found) <= {f"leaked {n}" for n in range(3)}


def test_a_second_run_has_nothing_to_do_until_a_task_changes(finished):
    assert verbs.run(finished, overrides=[*ROOM, PROBES]).did == ()
    file = finished.parent / "mine" / "second.yaml"
    before = file.read_text()
    file.write_text(before.replace("version: 2.0", "version: 2.1"))
    try:
        done = {
            stage.name: stage.done
            for stage in verbs.plan(finished, overrides=[*ROOM, PROBES]).stages
        }
    finally:
        file.write_text(before)
    assert not done["probes"]
    assert not done["training.main"]
    assert done["documents.prose"]


def test_a_task_that_asks_something_else_than_of_the_base_is_refused(finished, monkeypatch):
    from gapless.evaluation.harness.tasks import LoadedTask
    from gapless.recipe.decode import load
    from gapless.workflow.harness import harness_measurer

    class Probes:
        path = artifact(finished, "probes")

    recipe = load(finished, [*ROOM, PROBES])
    ask = harness_measurer(recipe, finished.parent, Probes)
    monkeypatch.setattr(LoadedTask, "digest", lambda _: "another")
    with pytest.raises(RunError, match="asks something else"):
        ask(None, None)


def test_plan_counts_what_tasks_cost_once_they_are_known(finished, monkeypatch):
    from gapless.workflow import probe_costs

    [counted] = verbs.plan(finished, overrides=[*ROOM, PROBES]).arms
    monkeypatch.setattr(probe_costs, "harness_sizes", lambda *_: ())
    [without] = verbs.plan(finished, overrides=[*ROOM, PROBES]).arms
    assert counted.flops > without.flops


def test_data_that_is_not_here_is_told_by_plan_and_refused_by_run(tmp_path):
    recipe = make_world(tmp_path)
    overrides = [*ROOM, "probing.probes=[{type: harness, role: general, tasks: [arc_easy]}]"]
    [warning] = [
        text for text in verbs.plan(recipe, overrides=overrides).warnings if "arc_easy" in text
    ]
    assert "allenai/ai2_arc" in warning
    assert "TaskManager().load(['arc_easy'])" in warning
    with pytest.raises(DataError, match="cannot be loaded") as caught:
        verbs.run(recipe, overrides=overrides)
    assert "TaskManager().load(['arc_easy'])" in str(caught.value.mend)
    assert not list((tmp_path / "runs" / "tiny" / "artifacts").glob("training*"))


def test_data_of_several_tasks_is_told_once_with_one_command(tmp_path):
    recipe = make_world(tmp_path)
    probe = "{type: harness, role: general, tasks: [arc_easy, arc_challenge, piqa]}"
    plan = verbs.plan(recipe, overrides=[*ROOM, f"probing.probes=[{probe}]"])
    [warning] = [text for text in plan.warnings if "hub" in text]
    assert "arc_easy (allenai/ai2_arc), arc_challenge (allenai/ai2_arc)" in warning
    assert "TaskManager().load(['arc_easy', 'arc_challenge', 'piqa'])" in warning


@pytest.mark.parametrize(
    ("probe", "what"),
    [
        ("{type: harness, role: general}", "no task is named"),
        ("{type: harness, tasks: [arc_easy]}", "has no role"),
        ("{type: harness, tasks: [{task: arc_easy}]}", "has no role"),
        ("{type: harness, suite: of_nobody}", "suite"),
    ],
)
def test_mistakes_of_the_recipe(tmp_path, probe, what):
    recipe = make_world(tmp_path)
    with pytest.raises(RecipeError, match=what):
        verbs.plan(recipe, overrides=[*ROOM, f"probing.probes=[{probe}]"])


def test_the_names_of_suites_in_recipes_are_those_of_the_tables():
    from typing import get_args

    from gapless.evaluation.harness import SUITES
    from gapless.recipe.probes import Suite

    assert set(get_args(Suite)) == set(SUITES)


RARE = (
    "probing.probes=[{type: bits_per_byte}, {type: harness, role: general, paths: [mine], "
    "tasks: [{task: parts, shots: 1, role: domain}]}, {type: harness, role: general, "
    "paths: [mine], every: 2k, tasks: [{task: second, limit: 7}]}]"
)


def test_probes_of_the_harness_are_asked_by_themselves_each_as_often_as_it_says(finished):
    verbs.run(finished, overrides=[*ROOM, RARE], run_dir=finished.parent / "rare")
    (arm,) = (finished.parent / "rare" / "artifacts").glob("training.main-*")
    (probes,) = (finished.parent / "rare" / "artifacts").glob("probes-*")
    found, both = (
        {
            (row.probe, row.tokens_seen): row.value
            for row in read_measurements(folder / "measurements.jsonl")
        }
        for folder in (arm, artifact(finished, "training.main"))
    )
    points = {
        name: sorted(t for probe, t in found if probe == name) for name in ("parts", "second")
    }
    assert {0, max(points["parts"])} < set(points["second"]) < set(points["parts"])
    shared = found.keys() & both.keys()
    assert len(shared) > 10
    assert {key: found[key] for key in shared} == pytest.approx({key: both[key] for key in shared})
    speed = [json.loads(line) for line in (arm / "speed.jsonl").read_text().splitlines()]
    timed = [set(row["parts"]) for row in speed if row.get("what") == "measuring"]
    assert timed[0] == {"bits_per_byte", "parts"}
    assert timed[-1] == {"bits_per_byte", "parts", "second"}
    assert [task.asked for task in read_harness(probes)] == [0, 1]
    facts = json.loads((probes / "manifest.json").read_text())["facts"]
    assert {name: facts[name]["asked"] for name in ("parts/first", "second")} == {
        "parts/first": 0,
        "second": 1,
    }
    assert facts["second"]["tokens_written"] == 0
