"""The order in whole runs: feedback, curricula, phases, and mixtures changed on the way."""

import json
import math
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gapless.errors import DataError, RecipeError, RunError
from gapless.recipe import arms
from gapless.records.documents import read_columns
from gapless.records.token_store import TokenStore
from gapless.workflow import verbs
from gapless.workflow.order import arm_order, decisions_of, open_order
from gapless.workflow.run_folder import RunFolder
from tests.workflow.world import make_world

SCORE = """
def kind(texts):
    return [("law", "art", None)[len(text.split()) % 3] for text in texts]

def words(texts):
    return [float(len(text.split())) for text in texts]
"""
RECIPE = """
scores:
  kind: {type: function, path: score.py, function: kind, returns: labels, sources: [prose]}
  words: {type: function, path: score.py, function: words}
"""
FEEDBACK = {
    "type": "topic_feedback",
    "start": {"type": "replay", "general": 0.6},
    "interval": 1000,
    "sources": ["prose"],
    "alpha": 1.0,
    "max_change": 0.2,
}
PHASES: list[dict[str, Any]] = [
    {
        "tokens": 4096,
        "mixture": FEEDBACK,
        "curriculum": {"type": "score", "column": "words", "sources": ["medicine"]},
    },
    {"tokens": 2048, "schedule": {"type": "linear", "warmup": 0}, "learning_rate": 2e-2},
]
PROBES = [
    {"type": "bits_per_byte", "bytes_per_source": 1000},
    {"type": "perplexity", "by": "kind", "bytes_per_label": 1000},
]


def settings(order: dict[str, Any], probes: Sequence[Any] = PROBES) -> list[str]:
    return [
        f"order={json.dumps({'context': 32} | order)}",
        "arms={main: {}}",
        f"probing.probes={json.dumps(probes)}",
    ]


STEERED = settings({"strata": {"prose": "kind"}, "phases": PHASES})


def world(folder: Path) -> Path:
    recipe = make_world(folder)
    (folder / "score.py").write_text(SCORE)
    recipe.write_text(recipe.read_text() + RECIPE)
    return recipe


def artifact(recipe: Path, label: str) -> Path:
    (folder,) = (recipe.parent / "runs" / "tiny" / "artifacts").glob(f"{label}-????????????")
    return folder


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.open()]


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = world(tmp_path_factory.mktemp("steered"))
    verbs.run(recipe, overrides=STEERED)
    return recipe


def test_every_round_is_decided_by_what_was_measured_and_trained_as_decided(steered: Path) -> None:
    training = artifact(steered, "training.main")
    log = rows_of(training / "mixture.jsonl")
    assert [(row["round"], row["tokens_seen"]) for row in log] == [
        (0, 0),
        (1, 1024),
        (2, 2048),
        (3, 3072),
    ]
    measured = {
        (row["tokens_seen"], row["probe"]): row["value"]
        for row in rows_of(training / "measurements.jsonl")
        if row["metric"] == "nats_per_token"
    }

    for row in log:
        for move in row["moves"]:
            assert move["now"] == pytest.approx(
                math.exp(measured[row["tokens_seen"], move["topic"]])
            )
    assert any(move["share"] != move["share_before"] for row in log for move in row["moves"])
    steps = rows_of(training / "steps.jsonl")
    for row, following in zip(log[1:], [2048, 3072, 4096], strict=True):
        seen: Counter[str] = Counter()
        for step in steps:
            if row["tokens_seen"] < step["tokens_seen"] <= following:
                seen.update(step["tokens"])
        assert seen == {name: rows * 32 for name, rows in row["rows"].items() if rows}


def test_a_phase_with_a_schedule_of_its_own_runs_it_over_its_own_tokens(steered: Path) -> None:
    steps = rows_of(artifact(steered, "training.main") / "steps.jsonl")
    rates = [step["learning_rate"] for step in steps if step["tokens_seen"] > 4096]
    assert rates == pytest.approx([2e-2 * (1 - i / 16) for i in range(16)])


def test_a_curriculum_goes_from_few_words_to_many(steered: Path) -> None:
    folder = RunFolder(steered.parent / "runs" / "tiny")
    stages, arm = folder.stages(), arms(folder.recipe())["main"]
    stores = {
        name: TokenStore.open(stages[f"tokens.{name}"].path) for name in ("medicine", "prose")
    }
    facts = stages["order.main"].manifest().facts
    order = open_order(
        arm, stages["order.main"].path, facts, stores, decisions=decisions_of("main", stages)
    )
    assert order.known_rows == order.num_rows == 192
    texts = read_columns(stages["documents.medicine"].path, "text")["text"]
    counts = [
        len(texts[segment.document].split())
        for row in order.rows(0, 128)
        if row.source == "medicine"
        for segment in row.segments
        if segment.epoch == 0
    ]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


WORKER = """
import sys, torch
torch.set_num_threads(1)
from gapless.workflow import verbs
verbs.run(sys.argv[1], overrides=sys.argv[2:])
"""


def kill_after(recipe: Path, overrides: Sequence[str], steps: int) -> int:
    """Start a run and kill it once so many steps are written; return how many there were."""
    process = subprocess.Popen([sys.executable, "-c", WORKER, str(recipe), *overrides])
    places = recipe.parent / "runs" / "tiny" / "artifacts"
    while process.poll() is None:
        for place in places.glob("training.main-*.partial/steps.jsonl"):
            if len(place.read_bytes().splitlines()) >= steps:
                process.send_signal(signal.SIGKILL)
                process.wait()
                return len(place.read_bytes().splitlines())
        time.sleep(0.002)
    raise AssertionError("the run ended before it could be killed")


def test_killed_in_the_middle_of_a_round_it_goes_on_to_the_same_order(
    steered: Path, tmp_path: Path
) -> None:
    recipe = world(tmp_path)
    for steps in (11, 27):  # rounds end at steps 8, 16, 24; checkpoints are every 4
        reached = kill_after(recipe, STEERED, steps)
        assert reached < 48
    verbs.run(recipe, overrides=STEERED)
    one, two = artifact(steered, "training.main"), artifact(recipe, "training.main")
    for name in ("mixture.jsonl", "steps.jsonl", "measurements.jsonl", "model/model.safetensors"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


CHANGED = {"at": 2304, "mixture": {"type": "replay", "general": 0.5}}
PLAIN_PHASES = [{"tokens": 4096, "mixture": {"type": "replay", "general": 0.25}}]
PLAIN = settings({"phases": PLAIN_PHASES}, PROBES[:1])
WITH_CHANGE = settings({"phases": PLAIN_PHASES, "changes": [CHANGED]}, PROBES[:1])


def test_a_mixture_changed_on_the_way_goes_on_and_is_as_if_it_had_been_planned(
    tmp_path: Path,
) -> None:
    planned = world(tmp_path / "planned")
    verbs.run(planned, overrides=WITH_CHANGE)
    changed = world(tmp_path / "changed")
    kill_after(changed, PLAIN, 17)  # of 32 steps; saved every 4
    verbs.run(changed, overrides=WITH_CHANGE)
    one, two = artifact(planned, "training.main"), artifact(changed, "training.main")
    for name in ("steps.jsonl", "measurements.jsonl", "model/model.safetensors"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    (before,) = changed.parent.glob("runs/tiny/artifacts/training.main-*.partial")
    seconds, first_half = (
        [row["seconds"] for row in rows_of(place / "speed.jsonl") if "share_of_matrix_rate" in row]
        for place in (two, before)
    )
    assert len(seconds) == 32
    assert seconds[:16] == first_half[:16], "the first half was not trained again"


def test_nothing_but_an_added_change_may_differ_in_a_run_that_has_trained(tmp_path: Path) -> None:
    recipe = world(tmp_path)
    verbs.run(recipe, overrides=PLAIN, until="order")
    kill_after(recipe, PLAIN, 3)
    other = [{"tokens": 4096, "mixture": {"type": "replay", "general": 0.3}}]
    with pytest.raises(RunError, match=r"made by another recipe; they differ in\n  order.phases"):
        verbs.run(recipe, overrides=settings({"phases": other, "changes": [CHANGED]}, PROBES[:1]))


def test_a_run_goes_on_where_it_was_when_it_is_worked_out_in_another_way(tmp_path: Path) -> None:
    recipe = world(tmp_path)
    kill_after(recipe, PLAIN, 17)  # of 32 steps; saved every 4
    (partial,) = recipe.parent.glob("runs/tiny/artifacts/training.main-*.partial")
    before = rows_of(partial / "steps.jsonl")[:16]
    smaller = ["training.micro_batch_tokens=64", "training.gradient_checkpointing=true"]
    verbs.run(recipe, overrides=[*PLAIN, *smaller])
    after = rows_of(artifact(recipe, "training.main") / "steps.jsonl")
    assert len(after) == 32
    assert after[:16] == before, "the first half was not trained again"


def test_a_rule_of_ones_own_moves_shares_and_must_be_given(tmp_path: Path) -> None:
    mixture = {key: FEEDBACK[key] for key in ("start", "interval", "sources")} | {
        "type": "own_rule",
        "name": "mine",
        "max_change": 1,
    }
    overrides = settings(
        {"strata": {"prose": "kind"}, "phases": [PHASES[0] | {"mixture": mixture}]}
    )
    recipe = world(tmp_path)
    with pytest.raises(RecipeError, match="nobody gave the rule 'mine'"):
        verbs.run(recipe, overrides=overrides)
    asked = []

    def mine(log: Sequence[Any], measured: Mapping[str, float]) -> dict[str, float]:
        asked.append((len(log), sorted(measured)))
        return {"prose/law": 3, "prose/art": 1}

    verbs.run(recipe, overrides=overrides, rules={"mine": mine})
    topics = ["prose/art", "prose/law"]
    assert asked == [(1, topics), (2, topics), (3, topics)]
    log = rows_of(artifact(recipe, "training.main") / "mixture.jsonl")
    last = log[-1]["shares"]
    assert last["prose/law"] == pytest.approx(3 * last["prose/art"])


def test_shares_that_a_law_proposed_are_read_and_are_part_of_the_fingerprint(
    tmp_path: Path,
) -> None:
    recipe = world(tmp_path)
    phases = [{"tokens": 2048, "mixture": {"type": "law", "path": "proposal.json"}}]
    overrides = settings({"phases": phases}, PROBES[:1])
    with pytest.raises(DataError, match="there is no such file"):
        verbs.plan(recipe, overrides=overrides)
    proposal = tmp_path / "proposal.json"
    names = []
    for share in (0.25, 0.5):
        proposal.write_text(json.dumps({"shares": {"medicine": share, "prose": 1 - share}}))
        plan = verbs.plan(recipe, overrides=overrides, exact=True)
        assert {row.source: row.share for row in plan.mixture} == {
            "medicine": share,
            "prose": 1 - share,
        }
        names.append(next(stage.detail for stage in plan.stages if stage.name == "order.main"))
    assert names[0] != names[1]
    proposal.write_text("[]")
    with pytest.raises(DataError, match="this is no proposal of shares"):
        verbs.plan(recipe, overrides=overrides)


def test_like_pretraining_the_domain_is_drawn_anew_every_epoch(tmp_path: Path) -> None:
    recipe = world(tmp_path)
    mixture = {
        "type": "pretraining_like",
        "pretraining": {"web": 82, "books": 18},
        "replaced": ["web"],
        "sources": {"books": "prose"},
        "epoch": 1600,
    }
    overrides = settings({"phases": [{"epochs": 3, "mixture": mixture}]}, PROBES[:1])
    verbs.run(recipe, overrides=overrides, until="order")
    folder = RunFolder(recipe.parent / "runs" / "tiny")
    order = arm_order("main", arms(folder.recipe())["main"], folder.stages())
    assert order.num_rows == 150
    drawn = []
    for start in (0, 50, 100):
        rows = list(order.rows(start, start + 50))
        of_domain = [row for row in rows if row.source == "medicine"]
        assert len(of_domain) == 41
        slices = [segment for row in of_domain for segment in row.segments]
        drawn.append({segment.document for segment in slices})
        assert len({(s.document, s.begin) for s in slices}) == len(slices), "nothing twice a draw"
    assert drawn[0] != drawn[1] != drawn[2]
