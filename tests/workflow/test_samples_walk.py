"""Samples and energy through a whole run: the same when stopped, harmless, and timed."""

import json
from pathlib import Path

import pytest

from gapless.errors import RecipeError, RunError
from gapless.workflow import verbs
from gapless.workflow.report_content import content_of
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.time_spent import energy_facts
from tests.workflow.test_watching_walk import Stopping, rows_of, training_of
from tests.workflow.world import make_world

PROMPTS = ["A document is", "<b>A row</b> \x1b[31mis what"]
ONE_ARM = ["arms={}", "order.phases=[{epochs: 1}]"]
SAMPLED = [*ONE_ARM, "probing.samples=" + json.dumps({"prompts": PROMPTS, "max_new_tokens": 6})]


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of a run that wrote samples."""
    recipe = make_world(tmp_path_factory.mktemp("sampled"))
    verbs.run(recipe, overrides=SAMPLED)
    return recipe


def test_the_base_the_end_and_some_points_between_have_every_prompt_once(sampled: Path) -> None:
    folder = training_of(sampled)
    rows = rows_of(folder, "samples.jsonl")
    points = sorted({row["tokens_seen"] for row in rows})
    measured = {row["tokens_seen"] for row in rows_of(folder, "measurements.jsonl")}
    assert {0, max(measured)} < set(points) <= measured
    assert len(points) < len(measured)
    assert [(r["tokens_seen"], r["prompt"]) for r in rows] == [
        (t, p) for t in points for p in PROMPTS
    ]
    assert any(row["answer"] for row in rows)
    (base,) = sampled.parent.glob("runs/tiny/artifacts/base-*")
    assert rows_of(base, "samples.jsonl") == rows[: len(PROMPTS)]


@pytest.mark.parametrize("stopped_after", [1, 9])
def test_a_run_stopped_and_resumed_writes_the_same(
    sampled: Path, tmp_path: Path, stopped_after: int
) -> None:
    recipe = make_world(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        verbs.run(recipe, overrides=SAMPLED, progress=Stopping(stopped_after))
    verbs.run(recipe, overrides=SAMPLED)
    for name in ("samples.jsonl", "measurements.jsonl"):
        one, other = (training_of(each) / name for each in (sampled, recipe))
        assert one.read_bytes() == other.read_bytes(), name


def test_writing_changes_no_measurement_and_its_time_is_measuring(
    sampled: Path, tmp_path: Path
) -> None:
    recipe = make_world(tmp_path)
    verbs.run(recipe, overrides=ONE_ARM)
    assert not list(recipe.parent.glob("runs/tiny/artifacts/*/samples.jsonl")), "none by default"
    for name in ("steps.jsonl", "measurements.jsonl", "model/model.safetensors"):
        one, other = (training_of(each) / name for each in (sampled, recipe))
        assert one.read_bytes() == other.read_bytes(), name
    assert 'id="samples"' not in (recipe.parent / "runs/tiny/report.html").read_text()
    timed = [row for row in rows_of(training_of(sampled), "speed.jsonl") if "parts" in row]
    written = {row["tokens_seen"] for row in rows_of(training_of(sampled), "samples.jsonl")} - {0}
    assert {r["tokens_seen"] for r in timed if "samples" in r["parts"]} == written
    assert all(row["what"] == "measuring" for row in timed if "samples" in row["parts"])


def test_the_report_shows_them_as_text(sampled: Path) -> None:
    page = (sampled.parent / "runs/tiny/report.html").read_text()
    assert 'id="samples"' in page
    assert "<b>A row</b>" not in page
    assert "&lt;b&gt;A row&lt;/b&gt; \N{REPLACEMENT CHARACTER}[31mis what" in page
    assert "\x1b" not in page
    content = content_of(RunFolder(sampled.parent / "runs/tiny"))
    assert any(name.startswith("energy") for name in content.environment)
    (arm,) = content.arms
    assert [sample.prompt for sample in arm.samples] == PROMPTS
    assert all(len(s.tokens) == len(s.answers) <= 6 for s in arm.samples)


def test_a_journal_with_many_points_is_shown_at_six(sampled: Path, tmp_path: Path) -> None:
    from gapless.workflow.report_samples import samples

    lines = [{"tokens_seen": 10 * t, "prompt": "p", "answer": str(t)} for t in range(21)]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (shown,) = samples(tmp_path)
    assert shown.answers == ("0", "4", "8", "12", "16", "20")
    assert shown.tokens == (0, 40, 80, 120, 160, 200)
    assert shown.left_out == 15
    assert samples(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("[]", "samples.prompts: must have at least 1 entry"),
        ("{prompts: [a], every: 1k, at: [2k]}", "both `every` and `at`"),
        ("{prompts: [a], max_new_tokens: 0}", "must be above 0"),
        ("[a, 1]", "samples.prompts[1]: must be text"),
        ("{prompt: [a]}", "Did you mean 'prompts'?"),
        ('["\\ud800"]', "samples.prompts[0]: must be text"),
    ],
)
def test_a_mistake_in_the_recipe_is_said_before_anything(
    tmp_path: Path, written: str, says: str
) -> None:
    recipe = make_world(tmp_path)
    with pytest.raises(RecipeError) as caught:
        verbs.plan(recipe, overrides=[f"probing.samples={written}"])
    assert says in str(caught.value)


def test_given_watts_are_in_the_report_and_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAPLESS_WATTS", "360000")
    recipe = make_world(tmp_path)
    verbs.run(recipe, overrides=ONE_ARM)
    folder = training_of(recipe)
    rows = rows_of(folder, "speed.jsonl")
    metered = sum(row.get("metered_seconds", 0) for row in rows)
    joules = sum(row.get("joules", 0) for row in rows)
    assert joules == pytest.approx(360_000 * metered, rel=1e-3)
    assert metered > 0.9 * sum(row.get("seconds", 0) for row in rows)
    environment = content_of(RunFolder(recipe.parent / "runs/tiny")).environment
    assert environment["energy read from"] == "360000 W, as GAPLESS_WATTS says, times the seconds"
    assert environment["energy, estimated"].startswith("main ")
    assert "the base " in environment["energy, estimated"]
    card = (recipe.parent / "runs/tiny/cards/main/README.md").read_text()
    assert "| energy, estimated |" in card


def test_watts_that_are_no_number_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAPLESS_WATTS", "a lot")
    with pytest.raises(RunError, match="no number of watts"):
        verbs.run(make_world(tmp_path), overrides=ONE_ARM)


def test_energy_is_summed_and_says_what_it_covers(tmp_path: Path) -> None:
    def write(name: str, *rows: dict) -> Path:
        (tmp_path / name).mkdir()
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / name / "speed.jsonl").write_text(text)
        return tmp_path / name

    told = {"power": "the clock"}
    half = {"joules": 3600.0 * 700, "metered_seconds": 5.0, "seconds": 5.0}
    base = write("base", told | half)
    arm = write("arm", told, half, half | {"what": "measuring"})
    part = write("part", told, half, {"seconds": 5.0})
    none = write("none", {"seconds": 5.0, "power": "not measured: no counters"})
    assert energy_facts(base, {"a": arm, "b": part}) == {
        "energy, estimated": "a 1.4 kWh, b 700 Wh (in 50% of the time), the base 700 Wh",
        "energy read from": "the clock",
    }
    assert energy_facts(base, {"c": none}) == {
        "energy, estimated": "c unknown, the base 700 Wh",
        "energy read from": "not measured: no counters; then the clock",
    }
    assert energy_facts(none, {"c": none}) == {"energy": "not measured: no counters"}
    assert energy_facts(write("old", {"seconds": 1.0}), {}) == {}
