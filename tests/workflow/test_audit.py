"""The audit of a run: it equals the plan, and it notices when it does not."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gapless
from gapless.errors import RunError
from gapless.ordering import Cut, Documents, DocumentStream, Shuffled
from gapless.recipe import arms
from gapless.records.rows import Pieces, Rows
from gapless.records.token_store import TokenStore
from gapless.records.views import Audit
from gapless.workflow import verbs
from gapless.workflow.audit_walk import DocumentsSeen
from gapless.workflow.order import arm_order
from gapless.workflow.run_folder import RunFolder
from tests.workflow.test_order_walk import PROBES, STEERED, kill_after, rows_of, settings, world

REPLAY = {"type": "replay", "general": 0.25}
CURRICULUM = {"type": "score", "column": "words"}
TWO_ARMS = [
    f"probing.probes={json.dumps(PROBES[:1])}",
    """arms={alone: {}, replay: {
        selection: {medicine: {type: random, tokens: 1k}},
        order: {packing: best_fit, phases: [
            {epochs: 2.3, mixture: {type: replay, general: 25%}},
            {tokens: 1040, mixture: {type: replay, general: 60%}}]}}}""",
]


def run_dir(recipe: Path) -> Path:
    return recipe.parent / "runs" / "tiny"


def training(recipe: Path, arm: str = "main") -> Path:
    (folder,) = (run_dir(recipe) / "artifacts").glob(f"training.{arm}-*")
    return folder


def audit(recipe: Path, arm: str = "main") -> Audit:
    (found,) = verbs.audit(run_dir(recipe), arm)
    return found


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = world(tmp_path_factory.mktemp("static"))
    verbs.run(recipe, overrides=TWO_ARMS)
    return recipe


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = world(tmp_path_factory.mktemp("steered"))
    verbs.run(recipe, overrides=STEERED)
    return recipe


def test_what_arms_have_seen_equals_the_plan_to_the_token(static: Path) -> None:
    plan = verbs.plan(static, overrides=TWO_ARMS)
    audits = gapless.audit(run_dir(static))
    assert [each.arm for each in audits] == ["alone", "replay"]
    for found in audits:
        assert found.differences == ()
        assert found.tokens_seen == found.total_tokens > 2000
        rows = {(row.phase, row.stratum): row for row in found.rows}
        planned = {(r.phase, r.source): r.tokens for r in plan.mixture if r.arm == found.arm}
        assert {part: row.planned_tokens for part, row in rows.items()} == planned
        for row in rows.values():
            assert row.planned_tokens == row.seen_tokens + row.padding_tokens
        assert found.padding_tokens == sum(row.padding_tokens for row in rows.values())
        for phase in {phase for phase, _ in rows}:
            shares = [row.share for row in rows.values() if row.phase == phase]
            assert sum(shares) == pytest.approx(1)
    alone, replay = audits
    assert alone.padding_tokens == 0 < replay.padding_tokens
    assert {row.phase for row in replay.rows} == {0, 1}


def test_documents_are_counted_as_a_slow_walk_counts_them(static: Path) -> None:
    folder = RunFolder(run_dir(static))
    stages = folder.stages()
    counted = 0
    for name, arm in arms(folder.recipe()).items():
        order = arm_order(name, arm, stages)
        tokens: dict[str, Counter[int]] = {"medicine": Counter(), "prose": Counter()}
        cut: dict[str, set[int]] = {"medicine": set(), "prose": set()}
        lengths = {s: TokenStore.open(stages[f"tokens.{s}"].path).lengths for s in tokens}
        for row in order.rows(0, order.num_rows):
            for s in row.segments:
                tokens[row.source][s.document] += s.end - s.begin
                if s.end - s.begin < lengths[row.source][s.document]:
                    cut[row.source].add(s.document)
        for found in audit(static, name).documents:
            source = found.stratum
            selected = order.streams[source].documents.indices.tolist()
            passes = [divmod(tokens[source][d], int(lengths[source][d])) for d in selected]
            assert found.documents == len(selected)
            assert found.whole == tuple(
                sorted(Counter(times for times, more in passes if not more).items())
            )
            assert found.in_part == sum(more > 0 for _, more in passes)
            assert found.cut == len(cut[source])
            counted += found.documents
    assert counted > 80


def test_whole_epochs_show_every_document_so_often(static: Path) -> None:
    (found,) = (each for each in audit(static, "alone").documents if each.stratum == "medicine")
    whole = dict(found.whole)
    assert whole[2] > 40
    # two passes are cut down to whole rows: the end of the second may be missing
    assert whole[2] + whole.get(1, 0) + found.in_part == found.documents
    assert found.in_part <= 1
    assert found.cut > 40


def test_a_run_with_feedback_curriculum_and_two_phases_is_as_was_decided(steered: Path) -> None:
    found = audit(steered)
    assert found.differences == ()
    assert found.tokens_seen == 6144
    log = rows_of(training(steered) / "mixture.jsonl")
    (first,) = facts(steered)["phases"][0]["stretches"]
    decided = Counter(first["rows"])
    for row in log:
        decided.update(row["rows"])
    seen = {row.stratum: row.seen_tokens for row in found.rows if row.phase == 0}
    assert seen == {name: 32 * rows for name, rows in decided.items()}
    start = facts(steered)["phases"][0]["shares"]
    assert log[-1]["shares"] != start, "it moved"


def facts(recipe: Path, arm: str = "main") -> dict[str, Any]:
    stages = RunFolder(run_dir(recipe)).stages()
    return stages[f"order.{arm}"].manifest().facts


ORDERS: dict[str, dict[str, Any]] = {
    "a step in two phases": {
        "phases": [{"tokens": 1056, "mixture": REPLAY}, {"tokens": 1024, "reuse": True}]
    },
    "a change": {
        "phases": [{"tokens": 2048, "mixture": REPLAY}],
        "changes": [{"at": 1056, "mixture": {"type": "replay", "general": 0.5}}],
    },
    "across sources, changed": {
        "phases": [
            {"tokens": 4096, "mixture": REPLAY, "curriculum": CURRICULUM | {"across": True}}
        ],
        "changes": [{"at": 1056, "mixture": {"type": "replay", "general": 0.5}}],
    },
    "best fit by score, then shuffled": {
        "packing": "best_fit",
        "phases": [{"tokens": 1024, "mixture": REPLAY, "curriculum": CURRICULUM}, {"tokens": 4096}],
    },
    "the same again": {
        "phases": [
            {
                "tokens": 3072,
                "mixture": {
                    "type": "pretraining_like",
                    "pretraining": {"web": 8, "books": 2},
                    "replaced": ["web"],
                    "sources": {"books": "prose"},
                    "epoch": 1024,
                    "draw": "fixed",
                },
            }
        ]
    },
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_every_kind_of_order_is_as_planned(order: dict[str, Any], tmp_path: Path) -> None:
    recipe = world(tmp_path)
    overrides = settings(order, PROBES[:1])
    verbs.run(recipe, overrides=overrides, until="training")
    found = audit(recipe)
    assert found.differences == ()
    assert found.tokens_seen == sum(phase["tokens"] for phase in order["phases"])
    planned = {
        (r.phase, r.source): r.tokens for r in verbs.plan(recipe, overrides=overrides).mixture
    }
    audited = {(row.phase, row.stratum): row.planned_tokens for row in found.rows}
    if "across" not in str(order):
        assert audited == planned
    assert sum(audited.values()) == sum(planned.values()) == found.tokens_seen


def test_a_run_that_was_killed_is_as_planned_so_far(tmp_path: Path) -> None:
    recipe = world(tmp_path)
    verbs.run(recipe, overrides=STEERED, until="order")
    assert audit(recipe).tokens_seen == 0
    assert audit(recipe).rows == ()
    assert audit(recipe).differences == ()
    reached = kill_after(recipe, STEERED, 19)  # in the third round
    found = audit(recipe)
    assert found.differences == ()
    assert found.tokens_seen == 128 * reached < found.total_tokens
    assert sum(row.seen_tokens for row in found.rows) == found.tokens_seen


def test_without_an_order_there_is_nothing_to_audit(tmp_path: Path) -> None:
    recipe = world(tmp_path)
    verbs.run(recipe, overrides=TWO_ARMS, until="tokens")
    with pytest.raises(RunError, match="order of arm 'alone' is not settled"):
        verbs.audit(run_dir(recipe))
    with pytest.raises(RunError, match="no arm 'main'"):
        verbs.audit(run_dir(recipe), "main")


def move_tokens(steps: list[dict[str, Any]]) -> None:
    tokens = steps[5]["tokens"]
    tokens["medicine"] -= 7
    tokens["prose"] = tokens.get("prose", 0) + 7


def swap_steps(steps: list[dict[str, Any]]) -> None:
    other = next(i for i in range(1, 20) if steps[i]["tokens"] != steps[0]["tokens"])
    steps[0]["tokens"], steps[other]["tokens"] = steps[other]["tokens"], steps[0]["tokens"]


def drop_last(steps: list[dict[str, Any]]) -> None:
    steps.pop()


def drop_one(steps: list[dict[str, Any]]) -> None:
    del steps[3]


def double_last(steps: list[dict[str, Any]]) -> None:
    steps.append(steps[-1])


def pad(steps: list[dict[str, Any]]) -> None:
    steps[2]["padding"] += 1


def rename_source(steps: list[dict[str, Any]]) -> None:
    steps[4]["tokens"]["web"] = steps[4]["tokens"].pop("medicine")


ALTERED: dict[Callable[[list[dict[str, Any]]], None], Sequence[str]] = {
    move_tokens: [
        "phase 1, medicine: {:,} tokens planned, {:,} seen",
        "step 6: what is written down of it is not what the order has there",
    ],
    swap_steps: ["step 1 and 1 more: what is written down of them is not what the order has there"],
    drop_last: ["training is done, and {:,} of its {:,} steps are written down"],
    drop_one: ["and {:,} more: what is written down of them"],
    double_last: ["steps beyond token {:,}, to which the order is decided: 1"],
    pad: ["step 3: what is written down of it is not"],
    rename_source: ["phase 1, web: 0 tokens planned, {:,} seen"],
}


@pytest.mark.parametrize("alter", ALTERED, ids=lambda alter: alter.__name__)
def test_steps_altered_by_hand_are_noticed(
    alter: Callable[[list[dict[str, Any]]], None], static: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "runs" / "tiny"
    shutil.copytree(run_dir(static), copy)
    path = training(tmp_path / "recipe.yaml", "replay") / "steps.jsonl"
    assert verbs.audit(copy, "replay")[0].differences == ()
    steps = rows_of(path)
    alter(steps)
    path.write_text("".join(json.dumps(step) + "\n" for step in steps))
    told = "\n".join(verbs.audit(copy, "replay")[0].differences)
    for wanted in ALTERED[alter]:
        for part in wanted.split("{:,}"):
            assert part in told
    assert verbs.audit(copy, "alone")[0].differences == ()


def test_a_mixture_log_altered_by_hand_is_noticed(steered: Path, tmp_path: Path) -> None:
    copy = tmp_path / "runs" / "tiny"
    shutil.copytree(run_dir(steered), copy)
    path = training(tmp_path / "recipe.yaml") / "mixture.jsonl"
    log = rows_of(path)
    rows = log[2]["rows"]
    rows["medicine"] += 3
    rows["prose/law"] -= 3
    path.write_text("".join(json.dumps(row) + "\n" for row in log))
    told = verbs.audit(copy)[0].differences
    assert any(text.startswith("phase 1, medicine:") for text in told)
    path.write_text("".join(json.dumps(row) + "\n" for row in log[:2]))
    told = verbs.audit(copy)[0].differences
    assert told[0] == "steps beyond token 2,048, to which the order is decided: 32"


def test_an_order_that_is_not_the_plan_s_is_noticed(static: Path, tmp_path: Path) -> None:
    copy = tmp_path / "runs" / "tiny"
    shutil.copytree(run_dir(static), copy)
    (order,) = (copy / "artifacts").glob("order.alone-*")
    documents = np.load(order / "documents.npy")
    selection = dict(np.load(order / "selection.npz"))
    selection["medicine"] = selection["medicine"][1:]
    np.savez(order / "selection.npz", **selection)  # type: ignore[arg-type]  # keys are data
    (found,) = verbs.audit(copy, "alone")
    assert found.differences == ("medicine: documents that are not selected were seen: 1",)
    documents[0] = documents[1]  # one document twice, another never
    np.save(order / "documents.npy", documents)
    assert verbs.audit(copy, "alone")[0].differences


def test_documents_seen_out_of_turn_are_noticed() -> None:
    offsets = np.array([0, 3, 5, 9])
    documents = Documents("web", np.array([0, 1, 2]), offsets)
    stream = DocumentStream(Shuffled(documents, seed=0), Cut(5), seed=0)

    def seen(slices: Sequence[tuple[int, int, int]]) -> DocumentsSeen:
        counts = DocumentsSeen(stream)
        numbers, begins, ends = np.array(slices).T
        every = np.zeros(len(slices), np.int64)
        pieces = Pieces(np.arange(len(slices) + 1), numbers, begins, ends, every)
        counts.see(Rows(0, ("web",), every, every, pieces), np.ones(len(slices), np.bool_))
        return counts

    selected = documents.indices
    once = seen([(0, 0, 3), (1, 0, 2), (2, 0, 4)])
    assert once.view().whole == ((1, 3),)
    assert list(once.differences(selected, evenly=True)) == []
    part = seen([(0, 0, 3), (1, 0, 1), (1, 1, 2), (2, 0, 2)])
    assert (part.view().whole, part.view().in_part, part.view().cut) == (((1, 2),), 1, 2)
    assert list(part.differences(selected, evenly=True)) == []
    halves = seen([(2, 0, 2), (2, 0, 2)])
    assert (halves.view().whole, halves.view().in_part) == (((0, 2),), 1)
    twice = seen([(0, 0, 3), (0, 0, 3)])
    assert list(twice.differences(selected, evenly=True)) == [
        "web: documents that were not seen 0 to 1 times, as the others: 1"
    ]
    assert list(twice.differences(selected, evenly=False)) == []
    assert list(once.differences(selected[1:], evenly=True)) == [
        "web: documents that are not selected were seen: 1"
    ]
    strange = seen([(7, 0, 3)])
    assert list(strange.differences(selected, evenly=True)) == [
        "web: documents that are not selected were seen: 1"
    ]
