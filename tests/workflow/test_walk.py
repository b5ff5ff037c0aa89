"""The whole walk on a tiny world: plan, run, resume after kills, run again, look inside."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gapless.errors import DataError, GaplessError, ModelError, RecipeError, RunError
from gapless.records.documents import is_held_out
from gapless.workflow import verbs
from tests.workflow.world import documents, make_world, write_source


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of a run that is done."""
    recipe = make_world(tmp_path_factory.mktemp("world"))
    verbs.run(recipe)
    return recipe


def run_dir(recipe: Path) -> Path:
    return recipe.parent / "runs" / "tiny"


def artifact(recipe: Path, label: str) -> Path:
    (folder,) = (run_dir(recipe) / "artifacts").glob(f"{label}-????????????")
    return folder


def test_the_plan_equals_what_the_run_did_to_the_token(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    plan = verbs.plan(recipe, exact=True)
    assert all(source.exact for source in plan.sources)
    verbs.run(recipe)
    for arm in plan.arms:
        folder = artifact(recipe, f"training.{arm.name}")
        steps = [json.loads(line) for line in (folder / "steps.jsonl").open()]
        assert steps[-1]["tokens_seen"] == arm.tokens
        assert len(steps) == arm.steps
        measured = {
            json.loads(line)["tokens_seen"] for line in (folder / "measurements.jsonl").open()
        }
        assert len(measured) == arm.probes + 1
        for row in (row for row in plan.mixture if row.arm == arm.name):
            assert sum(step["tokens"].get(row.source, 0) for step in steps) == row.tokens
    assert verbs.plan(recipe).mixture == plan.mixture


def test_plan_alone_writes_nothing(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    plan = verbs.plan(recipe)
    assert sorted(tmp_path.rglob("*")) == before
    assert not any(stage.done for stage in plan.stages)
    assert "estimates" in plan.warnings[0]


def test_a_second_run_does_nothing(finished: Path) -> None:
    stamps = {p: p.stat().st_mtime_ns for p in run_dir(finished).rglob("*") if p.is_file()}
    again = verbs.run(finished)
    assert again.did == ()
    assert again.summary
    changed = {p.name for p, stamp in stamps.items() if p.stat().st_mtime_ns != stamp}
    assert changed <= {".lock", "tree.json", "recipe.yaml"}


def test_the_summary_is_the_measured_values(finished: Path) -> None:
    base, alone, replay = verbs.run(finished).summary
    assert (base.arm, alone.arm, replay.arm) == ("base", "alone", "replay")
    rows = [
        json.loads(line)
        for line in (artifact(finished, "training.alone") / "measurements.jsonl").open()
    ]
    first = next(r for r in rows if r["tokens_seen"] == 0 and r["probe"] == "medicine")
    last = next(r for r in reversed(rows) if r["probe"] == "medicine")
    assert base.domain_bits_per_byte == pytest.approx(first["value"])
    assert alone.domain_bits_per_byte == pytest.approx(last["value"])
    assert alone.gain == pytest.approx(first["value"] - last["value"])
    assert alone.gain > 1, "the tiny model must have learnt"


def test_questions_are_asked_of_the_base_and_of_every_arm(finished: Path) -> None:
    for arm in ("alone", "replay"):
        folder = artifact(finished, f"training.{arm}")
        rows = [json.loads(line) for line in (folder / "measurements.jsonl").open()]
        asked = [row for row in rows if row["probe"] == "exam" and row["metric"] == "accuracy"]
        assert asked[0]["tokens_seen"] == 0
        assert len(asked) == len({row["tokens_seen"] for row in rows})
        assert {row["num_items"] for row in asked} == {2}


def test_the_best_scores_are_chosen_and_shown_as_the_reason(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    rows = [row | {"quality": i} for i, row in enumerate(documents(60, first=0))]
    write_source(tmp_path / "medicine.jsonl", rows)
    selection = "{type: score, column: quality, keep: highest, tokens: 1k}"
    overrides = ["sources.medicine.scores=[quality]", f"selection.medicine={selection}", "arms={}"]
    verbs.run(recipe, overrides=overrides, until="order")
    seen = {
        glimpse.work: glimpse.reason
        for token in range(0, 1600, 32)
        for glimpse in verbs.show(run_dir(recipe), token)
    }
    numbers = sorted(int(work.removeprefix("work-")) for work in seen)
    best = [i for i in range(60) if not is_held_out(f"work-{i}", 0.2)][-len(numbers) :]
    assert len(numbers) >= 3
    assert numbers == best, "the later a work, the higher its score"
    assert len(set(seen.values())) == 1
    assert seen.popitem()[1].startswith("the highest quality, to 1,000 tokens (")


def test_shared_stages_are_made_once(finished: Path) -> None:
    names = [p.name for p in (run_dir(finished) / "artifacts").iterdir()]
    assert sum(name.startswith("documents.") for name in names) == 2
    assert sum(name.startswith("base-") for name in names) == 1
    assert not [name for name in names if name.endswith(".partial")]


def test_the_adapted_model_loads_in_transformers(finished: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = artifact(finished, "training.replay") / "model"
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.config.vocab_size == len(tokenizer)


def test_two_folders_give_the_same_fingerprints_and_weights(finished: Path, tmp_path: Path) -> None:
    other = make_world(tmp_path / "elsewhere")
    verbs.run(other)
    ours = sorted(p.name for p in (run_dir(finished) / "artifacts").iterdir())
    assert sorted(p.name for p in (run_dir(other) / "artifacts").iterdir()) == ours
    for name in ours:
        if name.startswith("training."):
            one, two = (
                run_dir(r) / "artifacts" / name / "model/model.safetensors"
                for r in (finished, other)
            )
            assert one.read_bytes() == two.read_bytes()
    assert (run_dir(finished) / "report.html").is_file()


WORKER = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
from gapless.workflow import verbs
verbs.run(Path(sys.argv[1]))
"""


def killed_once(recipe: Path, when: str) -> bool:
    """Run in a process of its own and SIGKILL it as soon as a path that matches ``when`` exists."""
    process = subprocess.Popen([sys.executable, "-c", WORKER, str(recipe)])
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        if any(run_dir(recipe).glob(when)):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    return process.wait() == -signal.SIGKILL


MOMENTS = [
    "artifacts/tokens.prose-*.partial",
    "artifacts/base-*",
    "artifacts/training.alone-*.partial/checkpoints/step-00000004.partial",
    "artifacts/training.alone-*.partial/checkpoints/step-00000012",
    "artifacts/training.alone-*.partial/items/000000000001280.npz",
    "artifacts/training.alone-????????????",
    "artifacts/training.replay-*.partial/steps.jsonl",
]


def test_killed_at_several_moments_and_resumed_equals_never_killed(
    finished: Path, tmp_path: Path
) -> None:
    recipe = make_world(tmp_path)
    kills = sum(killed_once(recipe, moment) for moment in MOMENTS)
    assert kills >= 5, "most of the kills must have come in time"
    verbs.run(recipe)
    for arm in ("alone", "replay"):
        one, two = artifact(finished, f"training.{arm}"), artifact(recipe, f"training.{arm}")
        for name in ("steps.jsonl", "measurements.jsonl", "model/model.safetensors"):
            assert (one / name).read_bytes() == (two / name).read_bytes(), f"{arm}/{name}"


def test_ctrl_c_saves_and_the_same_command_goes_on(finished: Path, tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(recipe)], stderr=subprocess.PIPE, text=True
    )
    while not any(run_dir(recipe).glob("artifacts/training.alone-*.partial/steps.jsonl")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode != 0
    status = verbs.status(run_dir(recipe))
    assert [arm.state for arm in status.arms] == ["under way", "not started"]
    assert any(run_dir(recipe).glob("artifacts/training.alone-*.partial/checkpoints/step-*"))
    verbs.run(recipe)
    one, two = artifact(finished, "training.alone"), artifact(recipe, "training.alone")
    assert (one / "steps.jsonl").read_bytes() == (two / "steps.jsonl").read_bytes()


def test_a_second_process_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    from gapless.workflow.run_folder import RunFolder

    recipe = make_world(tmp_path)
    with RunFolder(run_dir(recipe)).locked(), pytest.raises(RunError, match="another process"):
        verbs.run(recipe)


def test_until_stops_there_and_says_what_there_is(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    assert verbs.run(recipe, until="tokens").did == (
        "documents.medicine",
        "documents.prose",
        "duplicates",
        "tokens.medicine",
        "tokens.prose",
    )
    with pytest.raises(RecipeError, match="no stage 'tokenz'"):
        verbs.run(recipe, until="tokenz")


def test_show_tells_document_and_reason(finished: Path) -> None:
    glimpses = verbs.show(run_dir(finished), 40, "replay")
    assert glimpses[0].token <= 40
    assert {g.source for g in glimpses} <= {"medicine", "prose"}
    assert all(g.text and g.origin.endswith(tuple("0123456789")) for g in glimpses)
    with pytest.raises(RunError, match=r"outside arm 'replay'.*"):
        verbs.show(run_dir(finished), 10**9, "replay")


def test_compare_sets_two_runs_side_by_side(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "comparison.html"
    comparison = verbs.compare([run_dir(finished), run_dir(finished)], out)
    assert [row.arm for _, row in comparison.rows] == ["base", "alone", "replay"] * 2
    assert out.stat().st_size > 10_000


def test_another_recipe_in_the_same_folder_is_refused_and_changes_nothing(finished: Path) -> None:
    before = sorted(p.name for p in (run_dir(finished) / "artifacts").iterdir())
    with pytest.raises(RunError, match=r"training\.learning_rate: 0\.01 there, 0\.02 here"):
        verbs.run(finished, overrides=["training.learning_rate=0.02"])
    assert sorted(p.name for p in (run_dir(finished) / "artifacts").iterdir()) == before


def test_a_mistake_mended_before_training_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    with pytest.raises(DataError):
        verbs.run(recipe, overrides=["sources.prose.text=body"])
    assert verbs.run(recipe, until="tokens").did[0] == "documents.prose"


def test_a_recipe_is_found_from_where_the_user_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_world(tmp_path / "inner")
    monkeypatch.chdir(tmp_path)
    plan = verbs.plan("inner/recipe.yaml")
    assert plan.run_dir == Path("inner/runs/tiny")
    assert verbs.run("inner/recipe.yaml", until="probes").did


def test_a_missing_task_file_is_named(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    (tmp_path / "exam.jsonl").unlink()
    with pytest.raises(DataError, match=r"exam\.jsonl"):
        verbs.plan(recipe)


def test_arms_are_measured_alike(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    with pytest.raises(RecipeError, match="measured as the base is"):
        verbs.plan(recipe, overrides=["arms.alone={order: {context: 64}}"])


def test_code_in_a_model_folder_never_runs(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    config = json.loads((tmp_path / "base/config.json").read_text())
    config |= {
        "model_type": "hostile",
        "auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"},
    }
    (tmp_path / "base/config.json").write_text(json.dumps(config))
    (tmp_path / "base/code.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w').close()")
    with pytest.raises(GaplessError):
        verbs.run(recipe)
    assert not (tmp_path / "owned").exists()


def test_a_folder_that_is_no_run_is_refused(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="not empty and holds no run"):
        verbs.run(finished, run_dir=tmp_path)
    with pytest.raises(RunError, match="no run folder"):
        verbs.status(tmp_path)


HALF = "[{tokens: 4k, mixture: {type: shares, shares: {medicine: 0.5}}}]"
LONG = ["order.context=128", "training.batch_tokens=128"]
BROKEN: list[tuple[str, list[str], type[GaplessError], str]] = [
    ("a missing file", ["sources.medicine.path=nowhere.jsonl"], DataError, "nowhere.jsonl"),
    ("a missing column", ["sources.medicine.text=body"], DataError, "body"),
    (
        "a budget above the data",
        ["selection.medicine={type: random, tokens: 1M}"],
        DataError,
        "fewer than",
    ),
    ("too much repetition", ["order.phases=[{epochs: 9}]"], DataError, r"repeated \d"),
    ("shares that do not sum", [f"order.phases={HALF}"], RecipeError, r"sum to 0\.5"),
    (
        "an unknown name",
        ["selection.medicin={type: random, tokens: 1k}"],
        RecipeError,
        "medicin",
    ),
    ("no such model", ["model.path=nothing"], ModelError, "no such"),
    ("a context beyond the model", LONG, ModelError, "at most 64"),
]


@pytest.mark.parametrize(
    ("overrides", "kind", "message"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_bad_input_is_one_plain_error(
    tmp_path: Path, overrides: list[str], kind: type[GaplessError], message: str
) -> None:
    recipe = make_world(tmp_path)
    arms = ["arms={}"] if overrides[0].startswith(("order", "selection")) else []
    with pytest.raises(kind, match=message) as caught:
        verbs.run(recipe, overrides=[*overrides, *arms])
    assert caught.value.mend or caught.value.where


def test_a_full_disk_is_refused_before_anything_is_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = make_world(tmp_path)
    few = type("Usage", (), {"free": 1000})()
    monkeypatch.setattr("gapless.workflow.plan.disk_usage", lambda _: few)
    with pytest.raises(RunError, match=r"needs about .* of disk and 1 kB are free"):
        verbs.run(recipe)
    assert not list((run_dir(recipe) / "artifacts").iterdir())


def test_a_disk_that_fills_up_while_saving_loses_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gapless.training import checkpoints

    recipe, saved = make_world(tmp_path), []

    def full(*_: object, **__: object) -> None:
        saved.append(1)
        if len(saved) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(*_, **__)

    save = checkpoints.write_tensors
    monkeypatch.setattr(checkpoints, "write_tensors", full)
    with pytest.raises(OSError, match="No space left"):
        verbs.run(recipe)
    monkeypatch.undo()
    verbs.run(recipe)
    one, two = artifact(finished, "training.alone"), artifact(recipe, "training.alone")
    assert (one / "steps.jsonl").read_bytes() == (two / "steps.jsonl").read_bytes()


def test_an_empty_source_is_named(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    (tmp_path / "medicine.jsonl").write_text("")
    with pytest.raises(DataError, match="medicine"):
        verbs.run(recipe)


def test_a_model_without_weights_and_a_tokenizer_that_does_not_match(tmp_path: Path) -> None:
    from gapless.tokenization.train import train_byte_bpe
    from tests.workflow.world import PROSE

    recipe = make_world(tmp_path)
    train_byte_bpe([PROSE], 400, tmp_path / "other")
    with pytest.raises(ModelError, match="embedding rows"):
        verbs.run(recipe, overrides=["model.tokenizer=other"])
    (tmp_path / "base/model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        verbs.run(recipe, run_dir=tmp_path / "second")


def test_a_changed_source_makes_only_what_depends_on_it(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    verbs.run(recipe, until="tokens")
    write_source(tmp_path / "prose.jsonl", documents(50, first=70))
    os.utime(tmp_path / "prose.jsonl")
    assert verbs.run(recipe, until="tokens").did == (
        "documents.prose",
        "duplicates",
        "tokens.prose",
    )
