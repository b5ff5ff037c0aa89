"""A sweep: trials that share everything but a few settings, stopped early, resumed, ranked."""

import json
import textwrap
from pathlib import Path

import pytest

from gapless.errors import RecipeError
from gapless.recipe.sweep_trials import base_recipe, load_sweep, share_of, sweep_recipe, trials_of
from gapless.records.views import Silent
from gapless.workflow import sweep as sweeps
from tests.workflow.world import make_world

SWEEP = """
name: small
recipe: recipe.yaml
arm: alone
changes: {"order.phases": [{tokens: 1024}], "probing.every": 256, "probing.first": 128}
axes:
  - {path: training.learning_rate, type: values, values: [1.0e-2, 1.0e-4]}
  - {type: mixtures, shares: {medicine: [50%, 100%], prose: [0, 50%]}, points: 2}
seeds: 2
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    make_world(tmp_path)
    file = tmp_path / "sweep.yaml"
    file.write_text(textwrap.dedent(SWEEP))
    return file


class Heard(Silent):
    """Writes down which trainings were begun and ended."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[tuple[str, str]] = []

    def stage(self, name: str, detail: str) -> None:
        self.begun.append(f"{name} {detail}".strip())

    def done(self, name: str, detail: str) -> None:
        self.ended.append((name, detail))


def test_every_combination_is_a_trial_with_paired_seeds(world: Path) -> None:
    sweep = load_sweep(world)
    base = base_recipe(sweep, world)
    trials = trials_of(sweep, base)

    assert [t.name for t in trials[:3]] == ["t000-0", "t000-1", "t001-0"]
    assert len(trials) == 2 * 2 * 2
    assert {t.seed for t in trials} == {5, 6}
    assert len({json.dumps(dict(t.settings)) for t in trials}) == 4
    recipe = sweep_recipe(sweep, base, trials)
    for trial in trials:
        shares = [trial.settings[share_of(name)] for name in ("medicine", "prose")]
        assert sum(shares) == 1
        assert 0.5 <= shares[0] <= 1
        phase = recipe.arms[trial.name]["order"]["phases"][0]
        assert phase["mixture"]["shares"] == dict(zip(("medicine", "prose"), shares, strict=True))
        assert phase["tokens"] == 1024


def test_a_sweep_trains_every_trial_ranks_the_settings_and_shares_the_rest(world: Path) -> None:
    heard = Heard()
    result = sweeps.sweep(world, progress=heard)

    assert [row.state for row in result.trials] == ["done"] * 8
    assert len(result.ranking) == 4
    worths = [row[3] for row in result.ranking]
    assert worths == sorted(worths, reverse=True)
    assert len(set(worths)) == 4
    best = {row.setting: row.settings for row in result.trials}[result.ranking[0][0]]
    assert best["training.learning_rate"] == 1e-2  # the other hardly moves
    written = [json.loads(line) for line in result.file.read_text().splitlines()]
    assert [row["name"] for row in written] == [row.name for row in result.trials]
    assert sum(name.startswith("tokens.") for name in heard.begun) == 2
    assert sum(name.startswith("base") for name in heard.begun) == 1
    weights = list((result.run_dir / "artifacts").rglob("*.safetensors"))
    assert not [place for place in weights if "training." in str(place)]


def test_done_again_it_trains_nothing_and_says_the_same(world: Path) -> None:
    first = sweeps.sweep(world)
    heard = Heard()
    again = sweeps.sweep(world, progress=heard)
    assert heard.begun == []
    assert again == first


def test_halving_stops_the_worse_half_and_comes_to_the_same_again(world: Path) -> None:
    world.write_text(world.read_text() + "halving: {rungs: [50%], keep: 50%}\n")
    heard = Heard()
    result = sweeps.sweep(world, progress=heard)

    states = {row.setting: row.state for row in result.trials}
    assert sorted(states.values()) == ["done", "done", "stopped early", "stopped early"]
    stopped = [row for row in result.trials if row.state == "stopped early"]
    assert {row.tokens_seen for row in stopped} == {512}
    assert all(row.gain is not None for row in stopped)
    full = {row.name: row for row in sweeps.sweep(world, run_dir=world.parent / "full").trials}
    again = sweeps.sweep(world)
    assert again == result
    for row in result.trials:
        assert full[row.name] == row


def test_halving_leaves_what_survives_as_if_it_had_never_stopped(world: Path) -> None:
    plain = {row.name: row for row in sweeps.sweep(world, run_dir=world.parent / "plain").trials}
    world.write_text(world.read_text() + "halving: {rungs: [25%, 50%], keep: 50%}\n")
    halved = sweeps.sweep(world)
    survivors = [row for row in halved.trials if row.state == "done"]
    assert len(survivors) == 2  # one setting of four, two seeds
    for row in survivors:
        assert row == plain[row.name]


def test_a_trial_that_fails_is_told_and_the_others_go_on(world: Path) -> None:
    world.write_text(world.read_text().replace("1.0e-4", "1.0e+9"))
    result = sweeps.sweep(world)
    failed = [row for row in result.trials if row.state == "failed"]
    done = [row for row in result.trials if row.state == "done"]
    assert failed
    assert all(row.why for row in failed)
    assert {row.settings["training.learning_rate"] for row in done} == {1e-2}


def test_the_plan_counts_every_trial_and_what_they_share_once(world: Path) -> None:
    plan = sweeps.plan_sweep(world)
    assert len(plan.arms) == 8
    names = [stage.name for stage in plan.stages]
    assert sum(name.startswith("tokens.") for name in names) == 2
    assert sum(name.startswith("base") for name in names) == 1


def test_matched_pools_make_a_trial_repeat_as_the_big_run_will(world: Path) -> None:
    big = 16_384
    world.write_text(world.read_text() + f"big_tokens: {big}\n")
    result = sweeps.sweep(world)
    folder = result.run_dir

    plan = sweeps.plan_sweep(world)
    pools = {source.name: source.tokens or 0 for source in plan.sources}
    for row in plan.mixture:
        whole = pools[row.source]
        repeated_by_big = row.share * big / whole
        # Whole documents are taken, so a pool is a little smaller than its part.
        assert row.repetition == pytest.approx(repeated_by_big, rel=0.5)
        assert row.selected_tokens < whole / 8
    assert (folder / "trials.jsonl").is_file()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("training.learning_rate", "training.learning_rat", "learning_rat"),
        ("arm: alone", "arm: alon", "no arm 'alon'"),
        ("[50%, 100%], prose: [0, 50%]", "[50%, 60%], prose: [0, 10%]", "0.7 at most"),
        ("path: training.learning_rate", "path: order.context", "all arms are measured"),
        ("path: training.learning_rate", "path: cleaning.min_words", "cleaning"),
        ("prose: [0, 50%]", "pros: [0, 50%]", "there is no source 'pros'"),
        ("seeds: 2", "seeds: 0", "seeds"),
        ("seeds: 2", "halving: {rungs: [50%, 50%]}", "rungs rise"),
        ("points: 2", "points: 1", "points"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused(world: Path, old: str, new: str, told: str) -> None:
    text = world.read_text()
    assert old in text
    world.write_text(text.replace(old, new, 1))
    with pytest.raises(RecipeError) as error:
        sweeps.plan_sweep(world)
    assert told in str(error.value)
    assert str(error.value).count("\n") < 3  # one mistake is told once, not for every trial


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "mapping"), (b"name: \xff\n", "not UTF-8"), (b"- 1\n", "mapping")]
)
def test_a_file_that_is_no_sweep_is_refused_in_words(
    world: Path, content: bytes, told: str
) -> None:
    world.write_bytes(content)
    with pytest.raises(RecipeError, match=told):
        sweeps.plan_sweep(world)


def test_a_plan_of_a_sweep_does_not_swallow_overrides(world: Path) -> None:
    from typer.testing import CliRunner

    from gapless.cli.main import app

    done = CliRunner().invoke(app, ["plan", str(world), "--set", "seed=3"])
    assert done.exit_code == 2
    assert "changes" in done.output


SHOWN = sorted((Path(__file__).parents[2] / "sweeps").rglob("*.yaml"))


@pytest.mark.parametrize("file", SHOWN, ids=lambda file: file.name)
def test_a_shown_sweep_expands_into_trials(file: Path) -> None:
    sweep = load_sweep(file)
    base = base_recipe(sweep, file)
    trials = trials_of(sweep, base)
    assert len(sweep_recipe(sweep, base, trials).arms) == len(trials) > 1
