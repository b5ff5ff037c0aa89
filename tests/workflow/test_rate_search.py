"""The search for a learning rate, on the tiny world: it trains briefly and says what to take."""

import json
from pathlib import Path

import pytest

from gapless.errors import RecipeError, RunError
from gapless.recipe import load
from gapless.records.views import RateRow
from gapless.workflow import verbs
from gapless.workflow.rate_search import Range, propose, rises_again, search_recipe
from tests.workflow.world import make_world


def row(rate: float, gain: float | None, **changed) -> RateRow:
    values = {"loss": 2.0, "forgetting": -0.01, "steps": 40, "state": "fell"} | changed
    return RateRow(rate=rate, gain=gain, **values)


def test_rates_are_evenly_spaced_on_a_log_scale() -> None:
    assert Range(lowest=1e-6, highest=1e-3, count=4).rates() == [1e-6, 1e-5, 1e-4, 1e-3]
    assert Range(lowest=1e-5, highest=1e-3, count=2).rates() == [1e-5, 1e-3]
    assert Range(lowest=1e-6, highest=1e-3, count=6).rates()[1] == 3.98e-6
    for wrong in (Range(lowest=1e-3, highest=1e-6, count=3), Range(lowest=0, highest=1, count=3)):
        with pytest.raises(RecipeError, match="no rates from"):
            wrong.rates()
    with pytest.raises(RecipeError, match="fewer than 2"):
        Range(lowest=1e-6, highest=1e-3, count=1).rates()


def test_the_proposal_is_the_smallest_rate_near_the_best_gain() -> None:
    rows = [row(1e-5, 0.05), row(1e-4, 0.46), row(1e-3, 0.50), row(1e-2, None, state="diverged")]
    rate, reason = propose(rows)
    assert rate == 1e-4
    assert reason.startswith("The best domain gain is at 0.001. 0.0001 is the smallest rate with")
    assert "highest rate tried" not in reason
    rows[1] = row(1e-4, 0.40)
    assert propose(rows)[0] == 1e-3


def test_a_best_at_the_end_of_the_range_is_said() -> None:
    assert "a higher one may be better (--to)" in propose([row(1e-5, 0.1), row(1e-4, 0.5)])[1]
    assert "a lower one may be better (--from)" in propose([row(1e-5, 0.5), row(1e-4, 0.1)])[1]


def test_nothing_is_proposed_where_nothing_was_gained() -> None:
    assert propose([row(1e-5, -0.1), row(1e-4, 0.0)])[0] is None
    rate, reason = propose([row(1e-2, None, state="diverged"), row(1e-1, None, state="diverged")])
    assert (rate, reason) == (None, "No rate's loss fell to the end: search lower (--from, --to).")
    assert propose([row(1e-5, 0.1), row(1e-4, 0.9, state="rose")])[0] == 1e-5


def test_without_a_probe_the_training_loss_decides() -> None:
    rows = [row(1e-5, None, loss=3.0), row(1e-4, None, loss=2.0), row(1e-3, None, loss=2.9)]
    rate, reason = propose(rows)
    assert rate == 1e-4
    assert "training loss (no domain probe measured it)" in reason


def test_a_loss_is_judged_against_that_of_the_smallest_rate_on_the_same_rows() -> None:
    text = [3.0 + (n % 5) + n / 4 for n in range(40)]  # rows that get harder
    falling = [loss - n / 20 for n, loss in enumerate(text)]
    rising = [loss - min(n, 40 - n) / 20 for n, loss in enumerate(text)]
    assert not rises_again(falling, text)
    assert rises_again(rising, text)
    assert rises_again([loss + 1 - n / 80 for n, loss in enumerate(text)], text), "never below it"
    assert rises_again(text, []), "nothing to compare with: as it is"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("rates"))


def test_arms_differ_in_the_rate_alone_and_one_that_diverges_does_not_end_the_others(
    world: Path,
) -> None:
    def search():
        return verbs.find_rate(world, between=(1e-4, 1e4), count=3, tokens=2560)

    found = search()
    assert [each.rate for each in found.rows] == [1e-4, 1.0, 1e4]
    assert [each.state == "diverged" for each in found.rows] == [False, False, True]
    assert found.rows[0].steps == 20 > found.rows[2].steps
    assert found.rows[0].gain is not None
    assert found.run_dir == world.parent / "runs/tiny-rates"
    artifacts = found.run_dir / "artifacts"
    assert not list(artifacts.rglob("*.safetensors")), "weights are not kept"
    tokens = [
        [json.loads(line)["tokens"] for line in path.open()]
        for path in sorted(artifacts.glob("training.*/steps.jsonl"))
    ]
    assert len(tokens) == 3
    whole = max(tokens, key=len)
    assert all(each == whole[: len(each)] for each in tokens), "the same rows"
    stamps = {p: p.stat().st_mtime_ns for p in artifacts.rglob("*") if p.is_file()}
    assert search() == found
    assert {p: p.stat().st_mtime_ns for p in artifacts.rglob("*") if p.is_file()} == stamps


def test_a_wider_search_keeps_the_rates_that_are_done(world: Path) -> None:
    verbs.find_rate(world, between=(1e-3, 1e-2), count=2, tokens=2560)
    before = set((world.parent / "runs/tiny-rates/artifacts").glob("training.*"))
    verbs.find_rate(world, between=(1e-3, 1e-1), count=3, tokens=2560)
    new = set((world.parent / "runs/tiny-rates/artifacts").glob("training.*")) - before
    assert {path.name.rpartition("-")[0] for path in new} == {"training.1.00e-01"}


def test_prepared_text_is_taken_over_from_the_run_beside(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    verbs.run(recipe, until="base")
    found = verbs.find_rate(recipe, between=(1e-4, 1e-3), count=2, tokens=2560)
    for kind in ("tokens.medicine", "probes", "base"):
        [ours] = (recipe.parent / "runs/tiny/artifacts").glob(f"{kind}-*")
        [theirs] = (found.run_dir / "artifacts").glob(f"{kind}-*")
        assert ours.name == theirs.name
        assert (ours / "manifest.json").stat().st_ino == (theirs / "manifest.json").stat().st_ino


def test_a_search_takes_the_first_phase_and_nothing_that_comes_later(world: Path) -> None:
    overrides = [
        "order.phases=[{epochs: 1, learning_rate: 1e-3, schedule: {type: linear}}, {epochs: 1}]",
        "order.changes=[{at: 640, mixture: {type: replay, general: 25%}}]",
        "training.faults={non_finite: skip}",
    ]
    recipe = load(world, overrides)
    searched = search_recipe(recipe, Range(lowest=1e-4, highest=1e-3, count=2, tokens=2560))
    [phase] = searched.order.phases
    assert (phase.tokens, phase.learning_rate, phase.schedule) == (2560, None, None)
    assert searched.order.changes == ()
    assert searched.training.faults.non_finite == "stop"
    assert searched.training.schedule.type == "constant"
    assert list(searched.arms) == ["1.00e-04", "1.00e-03"]


def test_too_few_tokens_and_another_folder_are_refused(world: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="are 1 steps"):
        verbs.find_rate(world, tokens=128)
    verbs.run(world, until="order", run_dir=tmp_path / "other")
    with pytest.raises(RunError, match="holds 'tiny', no search"):
        verbs.find_rate(world, run_dir=tmp_path / "other")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("x")
    with pytest.raises(RunError, match="holds no run"):
        verbs.find_rate(world, run_dir=tmp_path / "mine")


def test_a_schedule_longer_than_the_run_is_refused_before_training(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    longer = "training.schedule={type: wsd, warmup: 500k, decay: 1M}"
    with pytest.raises(RecipeError, match=r"warmup \(500,000\) and decay \(1,000,000\) together"):
        verbs.run(recipe, overrides=[longer])
    assert not list((tmp_path / "runs/tiny/artifacts").rglob("steps.jsonl"))
    with pytest.raises(RecipeError, match="more than the 4,096 tokens of the whole"):
        load(recipe, [longer, "order.phases=[{tokens: 4096}]"])  # known at once
