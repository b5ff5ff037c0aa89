"""What is watched through a whole run: resumed or not, with every method, and in the report."""

import json
from pathlib import Path

import pytest

from gapless.errors import RecipeError
from gapless.workflow import verbs
from gapless.workflow.report_content import content_of
from gapless.workflow.report_watch import run_facts
from gapless.workflow.run_folder import RunFolder
from tests.workflow.world import make_world

ONE_ARM = ["arms={}", "order.phases=[{epochs: 1}]", "training.watch.gradients=true"]
PARTS = {"embeddings", "0", "1", "final_norm", "head"}


class Stopping:
    """Progress of somebody who loses patience."""

    def __init__(self, after: int) -> None:
        self.left = after

    def stage(self, name: str, detail: str) -> None: ...
    def done(self, name: str, detail: str) -> None: ...
    def note(self, text: str) -> None: ...

    def training(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def training_of(recipe: Path) -> Path:
    (folder,) = recipe.parent.glob("runs/tiny/artifacts/training.main-????????????")
    return folder


def rows_of(folder: Path, journal: str) -> list[dict]:
    return [json.loads(line) for line in (folder / journal).open()]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of a run that was watched in every way."""
    recipe = make_world(tmp_path_factory.mktemp("watched"))
    verbs.run(recipe, overrides=ONE_ARM)
    return recipe


def test_every_measurement_has_an_observation(watched: Path) -> None:
    folder = training_of(watched)
    rows = rows_of(folder, "observations.jsonl")
    measured = {row["tokens_seen"] for row in rows_of(folder, "measurements.jsonl")}
    assert {row["tokens_seen"] for row in rows} == measured - {0}
    assert len(rows) >= 4
    for row in rows:
        assert set(row["weight_update"]) == PARTS
        assert all(update > 0 for update in row["weight_update"].values())
        assert -1 <= row["gradients"]["cosine"] <= 1
        assert set(row["gradients"]["layer_cosines"]) == {"0", "1"}
    moved = [row["weight_update"]["0"] for row in rows]
    assert moved[0] < moved[-1]


@pytest.mark.parametrize("stopped_after", [2, 7])
def test_a_run_stopped_and_resumed_observes_the_same(
    watched: Path, tmp_path: Path, stopped_after: int
) -> None:
    recipe = make_world(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        verbs.run(recipe, overrides=ONE_ARM, progress=Stopping(stopped_after))
    verbs.run(recipe, overrides=ONE_ARM)
    for name in ("observations.jsonl", "steps.jsonl", "measurements.jsonl"):
        one, other = (training_of(each) / name for each in (watched, recipe))
        assert one.read_bytes() == other.read_bytes(), name


def test_watching_changes_no_weight(watched: Path, tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    unwatched = "training.watch={layers: false, gradients: false}"
    verbs.run(recipe, overrides=[*ONE_ARM, unwatched])
    assert not (training_of(recipe) / "observations.jsonl").exists()
    for name in ("steps.jsonl", "measurements.jsonl", "model/model.safetensors"):
        one, other = (training_of(each) / name for each in (watched, recipe))
        assert one.read_bytes() == other.read_bytes(), name
    assert 'id="layers"' not in (recipe.parent / "runs/tiny/report.html").read_text()


def test_a_new_model_is_compared_with_how_it_began(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    config = json.loads((tmp_path / "base/config.json").read_text())
    sizes = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    kept = {key: config[key] for key in (*sizes, "intermediate_size", "max_position_embeddings")}
    model = {"type": "new", "architecture": "llama", "tokenizer": "base", "config": kept}
    verbs.run(recipe, overrides=[*ONE_ARM, f"model={json.dumps(model)}"])
    rows = rows_of(training_of(recipe), "observations.jsonl")
    assert set(rows[0]["weight_update"]) == PARTS
    assert 0 < rows[0]["weight_update"]["0"] < rows[-1]["weight_update"]["0"]


@pytest.mark.parametrize(
    ("method", "still", "moved"),
    [
        ("{type: freeze, part: bottom, layers: 1}", {"0"}, {"1", "head"}),
        ("{type: lora, rank: 2}", {"embeddings", "head", "final_norm"}, {"0", "1"}),
        ("{type: block_expansion, blocks: 1}", {"0", "1", "embeddings"}, {"2"}),
    ],
)
def test_what_a_method_leaves_alone_has_not_moved(
    tmp_path: Path, method: str, still: set[str], moved: set[str]
) -> None:
    recipe = make_world(tmp_path)
    verbs.run(recipe, overrides=[*ONE_ARM, f"training.method={method}"])
    updates = rows_of(training_of(recipe), "observations.jsonl")[-1]["weight_update"]
    assert {part for part in still if updates[part] == 0.0} == still
    assert {part for part in moved if updates[part] > 0} == moved


def test_the_report_shows_what_was_observed(watched: Path) -> None:
    folder = RunFolder(watched.parent / "runs/tiny")
    content = content_of(folder)
    (arm,) = content.arms
    rows = rows_of(training_of(watched), "observations.jsonl")
    assert [part.name for part in arm.parts] == ["embeddings", "0", "1", "final norm", "head"]
    lowest = arm.parts[1]
    assert lowest.update.tokens == (0, *(row["tokens_seen"] for row in rows))
    assert lowest.update.values == (0.0, *(row["weight_update"]["0"] for row in rows))
    assert lowest.cosine.values == tuple(row["gradients"]["layer_cosines"]["0"] for row in rows)
    assert arm.gradients is not None
    assert arm.gradients.cosine.values == tuple(row["gradients"]["cosine"] for row in rows)
    facts = {"time measuring", "time watching", "time saving", "peak memory"}
    assert facts <= set(content.environment)
    page = (folder.path / "report.html").read_text()
    assert page.count('<section id="layers"') == 1


def test_the_seconds_of_everything_are_written_down(watched: Path) -> None:
    folder = training_of(watched)
    rows = rows_of(folder, "speed.jsonl")
    steps = [row for row in rows if "share_of_matrix_rate" in row]
    assert len(steps) == len(rows_of(folder, "steps.jsonl"))
    assert all(row["share_of_matrix_rate"] > 0 for row in steps)
    assert rows[0]["matrix_flops_per_second"] > 1e8
    probes = len(rows_of(folder, "observations.jsonl"))
    spent = [row["what"] for row in rows if "what" in row]
    assert spent.count("measuring") == spent.count("watching") == probes
    assert spent.count("saving") >= 2
    peaks = [row["peak_memory_bytes"] for row in rows if "what" in row]
    assert peaks == sorted(peaks)
    assert peaks[0] > 50e6, "torch alone takes more"
    parts = {
        what: [row["parts"] for row in rows if row.get("what") == what]
        for what in ("measuring", "watching")
    }
    assert {name for each in parts["watching"] for name in each} == {"drift", "conflict"}
    assert all(each.keys() >= {"bits_per_byte"} for each in parts["measuring"])


def test_facts_are_shares_of_all_the_seconds(tmp_path: Path) -> None:
    rows: list[dict] = [
        {"tokens_seen": 0, "matrix_flops_per_second": 1e9},
        {"tokens_seen": 64, "seconds": 5.0, "share_of_matrix_rate": 0.25},
        {
            "tokens_seen": 64,
            "what": "measuring",
            "seconds": 2.5,
            "peak_memory_bytes": 1_500_000_000,
        },
        {"tokens_seen": 64, "what": "saving", "seconds": 0.5, "peak_memory_bytes": 2_000_000_000},
        {"tokens_seen": 96, "seconds": 2.0, "share_of_matrix_rate": 0.35},
    ]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / name / "speed.jsonl").write_text(lines)
    assert run_facts({"one": tmp_path / "one"}) == {
        "time measuring": "25.0%",
        "time saving": "5.0%",
        "share of this machine's matrix rate": "30%",
        "peak memory": "2 GB",
    }
    both = run_facts({name: tmp_path / name for name in ("one", "two")})
    assert both["time saving"] == "one 5.0%, two 5.0%"


def test_runs_from_before_have_no_facts_and_no_layers(tmp_path: Path) -> None:
    (tmp_path / "speed.jsonl").write_text('{"tokens_seen": 64, "seconds": 5.0}\n')
    assert run_facts({"main": tmp_path}) == {}
    assert run_facts({"main": tmp_path / "nowhere"}) == {}


def test_gradients_of_a_source_too_small_to_hold_any_out_are_refused(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    exam = "{type: multiple_choice, name: exam, path: exam.jsonl, role: domain}"
    overrides = [*ONE_ARM, "sources.prose.held_out=0.0001%", f"probing.probes=[{exam}]"]
    with pytest.raises(RecipeError, match="no document of a general source is held out"):
        verbs.run(recipe, overrides=overrides)
