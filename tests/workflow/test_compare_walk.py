"""Several runs side by side: seeds as one, items that are shared or not, tokens or operations."""

import json
from pathlib import Path

import pytest

from gapless.analysis import read_analysis
from gapless.errors import RunError
from gapless.records.views import Comparison
from gapless.workflow import verbs
from gapless.workflow.compare import compare_runs
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.same_but_seed import compared_arms, groups_of_seeds
from tests.workflow.world import make_world

ONE_ARM = ["arms={}", "order.phases=[{epochs: 1}]"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """Two seeds of one recipe, and a third run that learns more slowly."""
    recipe = make_world(tmp_path_factory.mktemp("world"))
    settings = {
        "one": ["seed=5"],
        "two": ["seed=6", "name=other"],
        "gentle": ["seed=5", "training.learning_rate=1.0e-3"],
    }
    for name, overrides in settings.items():
        folder = recipe.parent / "runs" / name
        verbs.run(recipe, overrides=[*ONE_ARM, *overrides], run_dir=folder)
    return {name: RunFolder(recipe.parent / "runs" / name) for name in settings}


@pytest.fixture(scope="module")
def compared(runs: dict[str, RunFolder]) -> Comparison:
    return compare_runs(list(runs.values()), runs["one"].path.parent / "tokens.html")


def training_of(run: RunFolder) -> Path:
    return run.stages()["training.main"].path


def steps_of(run: RunFolder) -> list[dict]:
    return [json.loads(line) for line in (training_of(run) / "steps.jsonl").open()]


def test_training_says_what_it_took_in_all_and_for_a_token(runs: dict[str, RunFolder]) -> None:
    steps = steps_of(runs["one"])
    facts = runs["one"].stages()["training.main"].manifest().facts
    assert all(step["flops"] > 0 for step in steps)
    assert facts["flops"] == pytest.approx(sum(step["flops"] for step in steps))
    assert facts["flops_per_token"] == pytest.approx(facts["flops"] / facts["tokens"])
    config = json.loads((runs["one"].path.parents[1] / "base/config.json").read_text())
    weights = config["hidden_size"] * config["vocab_size"]
    assert 6 * weights < facts["flops_per_token"] < 60 * weights


def test_a_frozen_layer_costs_less(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    method = "training.method={type: freeze, part: bottom, layers: 1}"
    verbs.run(recipe, overrides=[*ONE_ARM, "seed=5", method])
    frozen = RunFolder(tmp_path / "runs/tiny")
    pairs = zip(steps_of(frozen), steps_of(runs["one"]), strict=True)
    assert all(0.5 * full["flops"] < part["flops"] < full["flops"] for part, full in pairs)


def test_a_run_compares_its_arms_at_equal_compute_by_itself(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    lora = "arms={full: {}, lora: {training: {method: {type: lora, rank: 2}}}}"
    verbs.run(recipe, overrides=["order.phases=[{epochs: 1}]", lora])
    folder = RunFolder(tmp_path / "runs/tiny")
    analysis = read_analysis(folder.stages()["analysis"].path)
    spent = {
        name: folder.stages()[f"training.{name}"].manifest().facts["flops"]
        for name in ("full", "lora")
    }
    assert spent["lora"] < spent["full"]
    for row in analysis.budgets:
        assert row["at_equal_flops"]["budget"] == pytest.approx(spent["lora"])
        if row["metric"] == "bits_per_byte":
            assert row["at_equal_flops"]["value"] != row["at_equal_tokens"]["value"]
    page = (folder.path / "report.html").read_text()
    assert "At FLOPs" in page
    assert "FLOPs</td>" in page


def test_runs_that_differ_in_their_seed_alone_are_one_group(
    runs: dict[str, RunFolder], compared: Comparison
) -> None:
    [seeds] = compared.seeds
    assert seeds.arms == ("tiny (one)/main", "other/main")
    rows = {(name, row.arm): row for name, row in compared.rows}
    gains = [rows[name, "main"].gain for name in ("tiny (one)", "other")]
    assert None not in gains
    assert gains[0] != gains[1]
    assert seeds.gain is not None
    assert seeds.gain.value == pytest.approx(sum(g for g in gains if g is not None) / 2)
    assert seeds.gain.low is not None
    assert seeds.gain.low < min(g for g in gains if g is not None)
    [pair] = compared.pairs
    assert (pair.arms, pair.against) == (("tiny (gentle)/main",), seeds.arms)
    assert pair.over_seeds
    assert pair.flops is None
    assert pair.domain is not None
    gentle = rows["tiny (gentle)", "main"]
    assert gentle.gain is not None
    assert pair.domain.value == pytest.approx(gentle.gain - seeds.gain.value)
    [note] = compared.notes
    assert "different items of medicine, prose" in note


def test_the_report_tells_what_the_table_does(compared: Comparison) -> None:
    assert compared.report is not None
    page = compared.report.read_text()
    for text in ("Over seeds", "Seeds against seeds", "different items of medicine, prose"):
        assert text in page
    assert "tiny (one)/main" in page


def test_the_same_bytes_come_out_again(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    pages = [tmp_path / "a.html", tmp_path / "b.html"]
    for page in pages:
        compare_runs(list(runs.values()), page)
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_runs_are_aligned_by_operations_where_that_is_asked(
    runs: dict[str, RunFolder], tmp_path: Path
) -> None:
    out = tmp_path / "flops.html"
    found = compare_runs([runs["one"], runs["gentle"]], out, align="flops")
    [pair] = found.pairs
    assert pair.tokens is None
    assert pair.flops == pytest.approx(sum(step["flops"] for step in steps_of(runs["one"])))
    assert found.notes == (), "one seed: the same items, the same base"
    assert '"along":"GFLOPs"' in out.read_text() or '"along":"MFLOPs"' in out.read_text()


def test_a_run_that_did_not_count_its_operations_is_refused_by_them_alone(
    runs: dict[str, RunFolder],
) -> None:
    journal = training_of(runs["gentle"]) / "steps.jsonl"
    now = journal.read_text()
    rows = [{k: v for k, v in step.items() if k != "flops"} for step in steps_of(runs["gentle"])]
    journal.write_text("".join(json.dumps(row) + "\n" for row in rows))
    try:
        folders = [runs["one"], runs["gentle"]]
        assert compare_runs(folders, None).pairs
        with pytest.raises(RunError, match=r"did not write down") as caught:
            compare_runs(folders, None, align="flops")
    finally:
        journal.write_text(now)
    assert caught.value.where == "tiny (gentle)/main"


def test_one_run_twice_is_no_group_of_seeds(runs: dict[str, RunFolder]) -> None:
    found = compare_runs([runs["one"], runs["one"]], None)
    assert found.seeds == ()
    assert [name for name, row in found.rows if row.arm != "base"] == ["tiny (1)", "tiny (2)"]
    [pair] = found.pairs
    assert pair.domain is not None
    assert (pair.domain.value, pair.domain.low, pair.domain.high) == (0, 0, 0)


def test_what_is_in_the_files_counts_and_not_where_they_lie(runs: dict[str, RunFolder]) -> None:
    one, two = (compared_arms(name, runs[name])[0] for name in ("one", "two"))
    gentle = compared_arms("gentle", runs["gentle"])[0]
    assert one.all_but_seed == two.all_but_seed != gentle.all_but_seed
    assert one.named.items["exam"] == two.named.items["exam"]
    assert one.named.items["prose"] != two.named.items["prose"]
    assert groups_of_seeds([one, two, gentle]) == [["one/main", "two/main"]]
    assert groups_of_seeds([one, gentle]) == []
