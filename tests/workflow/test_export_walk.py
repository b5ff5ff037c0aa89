"""Exports of a real run: what another trainer reads is what ours would see."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gapless
from gapless.errors import RunError
from gapless.recipe import arms
from gapless.records.documents import read_columns
from gapless.records.token_store import TokenStore
from gapless.workflow import verbs
from gapless.workflow.export_tokens import FACTS_FILE
from gapless.workflow.opening import open_run, tree_of
from gapless.workflow.order import arm_order
from gapless.workflow.plan import make_plan
from gapless.workflow.run_folder import RunFolder
from tests.interchange.slow_reader import read_indexed

from .world import make_world, write_source

ANSWERS = [
    {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": f"it is {n}"}]}
    for n, q in enumerate(["what is one", "what may a row be", "who is it", "why so", "and then"])
]
SETTINGS = [
    "scores={words: {type: length}, tongue: {type: language}}",
    "sources.answers={role: domain, path: answers.jsonl, chat: {template: plain}, held_out: 0}",
    "cleaning={min_characters: 1}",
    """arms={cut: {}, fit: {
        selection: {medicine: {type: random, tokens: 1k}},
        order: {packing: best_fit, phases: [
            {epochs: 2, mixture: {type: replay, general: 25%}}, {tokens: 640}]}}}""",
]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = make_world(tmp_path_factory.mktemp("export"))
    write_source(recipe.parent / "answers.jsonl", ANSWERS)
    verbs.run(recipe, overrides=SETTINGS, until="order")
    return recipe.parent / "runs" / "tiny"


def store_of(run_dir: Path, source: str) -> TokenStore:
    return TokenStore.open(RunFolder(run_dir).stages()[f"tokens.{source}"].path)


def chosen_of(run_dir: Path, arm: str, source: str) -> list[int]:
    place = RunFolder(run_dir).stages()[f"order.{arm}"].path
    with np.load(place / "selection.npz") as found:
        return sorted(found[source].tolist())


def facts_of(folder: Path) -> dict[str, Any]:
    return {each["name"]: each for each in json.loads((folder / FACTS_FILE).read_text())}


@pytest.mark.parametrize("arm", ["cut", "fit"])
def test_a_sequence_is_a_selected_document(run_dir: Path, tmp_path: Path, arm: str) -> None:
    out = tmp_path / "out"
    exported = gapless.export_tokens(run_dir, out, sources=["medicine", "prose"], arm=arm)
    assert [file.name for file in exported.files] == ["medicine", "prose"]
    for source in ("medicine", "prose"):
        store, chosen = store_of(run_dir, source), chosen_of(run_dir, arm, source)
        assert 0 < len(chosen) < len(store.lengths)
        sequences, borders = read_indexed(out / source)
        assert sequences == [store.document(number).tolist() for number in chosen]
        assert borders == list(range(len(chosen) + 1))
        assert facts_of(out)[source]["tokens"] == sum(map(len, sequences))
        assert {each[-1] for each in sequences} == {facts_of(out)[source]["end_of_text"]}


@pytest.mark.parametrize("arm", ["cut", "fit"])
def test_with_an_arm_a_sequence_is_a_row_in_the_order_of_training(
    run_dir: Path, tmp_path: Path, arm: str
) -> None:
    out = tmp_path / "out"
    gapless.export_tokens(run_dir, out, arm=arm)
    folder = RunFolder(run_dir)
    order = arm_order(arm, arms(folder.recipe())[arm], folder.stages())
    stores = {name: store_of(run_dir, name) for name in ("medicine", "prose", "answers")}
    end = int(stores["medicine"].tokens[-1])
    expected, padding = [], 0
    for row in (order.row(k) for k in range(order.num_rows)):
        ids = [
            token
            for piece in row.segments
            for token in stores[row.source].document(piece.document)[piece.begin : piece.end]
        ]
        padding += order.context - len(ids)
        expected.append([int(i) for i in ids] + [end] * (order.context - len(ids)))
    sequences, borders = read_indexed(out / arm)
    assert sequences == expected
    assert borders == list(range(order.num_rows + 1))
    facts = facts_of(out)[arm]
    assert (facts["padding"], facts["padding_id"]) == (padding, end if padding else None)
    assert bool(padding) == (arm == "fit")
    assert facts["lost"]


def test_portions_do_not_show(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, at_once in {"whole": 1 << 21, "bits": 100}.items():
        monkeypatch.setattr("gapless.workflow.export_tokens._TOKENS_AT_ONCE", at_once)
        gapless.export_tokens(run_dir, tmp_path / name, arm="fit")
        gapless.export_tokens(run_dir, tmp_path / f"{name}-prose", sources=["prose"])
    for end in ("", "-prose"):
        files = sorted(path.name for path in (tmp_path / f"whole{end}").iterdir())
        assert len(files) == 3
        for file in files:
            one, other = (tmp_path / f"{name}{end}" / file for name in ("whole", "bits"))
            assert one.read_bytes() == other.read_bytes()


def test_what_is_lost_is_said(run_dir: Path, tmp_path: Path) -> None:
    gapless.export_tokens(run_dir, tmp_path / "out", sources=["answers"])
    facts = facts_of(tmp_path / "out")["answers"]
    assert facts["end_of_text"] is None
    assert "not to be predicted" in " ".join(facts["lost"])


def test_arms_that_select_otherwise_must_be_named(run_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="different documents of 'medicine'"):
        gapless.export_tokens(run_dir, tmp_path / "out")
    with pytest.raises(RunError, match="several arms"):
        gapless.export_documents(run_dir, tmp_path / "out.jsonl")
    with pytest.raises(RunError, match="no source 'nothing'"):
        gapless.export_tokens(run_dir, tmp_path / "out", sources=["nothing"])
    with pytest.raises(RunError, match="no arm 'nobody'"):
        gapless.export_tokens(run_dir, tmp_path / "out", arm="nobody")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_stays_as_it_is(run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(RunError, match="not empty"):
        gapless.export_tokens(run_dir, tmp_path, arm="cut")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_run_that_is_not_so_far_is_refused(run_dir: Path, tmp_path: Path) -> None:
    recipe = run_dir.parents[1] / "recipe.yaml"
    early = tmp_path / "early"
    verbs.run(recipe, overrides=SETTINGS, until="tokens", run_dir=early)
    with pytest.raises(RunError, match="not settled"):
        gapless.export_tokens(early, tmp_path / "out", sources=["prose"])
    with pytest.raises(RunError, match="not settled"):
        gapless.export_documents(early, tmp_path / "out.jsonl", arm="cut")
    assert [path.name for path in tmp_path.iterdir()] == ["early"]


def records_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_documents_are_those_of_the_selection_with_all_that_is_known_of_them(
    run_dir: Path, tmp_path: Path
) -> None:
    exported = gapless.export_documents(run_dir, tmp_path / "it.jsonl", arm="fit")
    records = records_of(tmp_path / "it.jsonl")
    at, stages = 0, RunFolder(run_dir).stages()
    for source, role in {"medicine": "domain", "prose": "general", "answers": "domain"}.items():
        table = read_columns(stages[f"documents.{source}"].path, "text", "id", "work")
        chosen = chosen_of(run_dir, "fit", source)
        assert exported.documents[source] == len(chosen) > 0
        for number, record in zip(chosen, records[at : at + len(chosen)], strict=True):
            assert {key: record[key] for key in table} == {k: table[k][number] for k in table}
            assert (record["source"], record["role"]) == (source, role)
            assert record["scores"]["words"] > 0
            assert isinstance(record["scores"]["tongue"], str)
            assert ("messages" in record) == (source == "answers")
        at += len(chosen)
    assert at == len(records)
    turns = [record["messages"] for record in records if record["source"] == "answers"]
    assert turns == [answer["messages"] for answer in ANSWERS]


def test_planned_epochs_are_the_repetition_of_the_plan(run_dir: Path, tmp_path: Path) -> None:
    recipe = run_dir.parents[1] / "recipe.yaml"
    decoded, folder = open_run(recipe, SETTINGS, run_dir)
    with tree_of(decoded, recipe, folder) as tree:
        mixture = make_plan(tree, folder).mixture
    for arm in ("cut", "fit"):
        gapless.export_documents(run_dir, tmp_path / f"{arm}.jsonl", arm=arm)
        planned = {
            source: sum(r.repetition for r in mixture if (r.arm, r.source) == (arm, source))
            for source in ("medicine", "prose", "answers")
        }
        records = records_of(tmp_path / f"{arm}.jsonl")
        assert {record["source"] for record in records} == set(planned)
        for record in records:
            assert record["epochs"] == pytest.approx(planned[record["source"]])
        assert planned["medicine"] > 1
    assert {r["epochs"] for r in records_of(tmp_path / "cut.jsonl") if r["role"] == "general"} == {
        0
    }


def test_what_is_exported_reads_back_as_a_source(run_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    recipe = make_world(folder)
    gapless.export_documents(run_dir, folder / "it.jsonl.zst", sources=["prose"], arm="cut")
    over = ["sources.prose.path=it.jsonl.zst", "sources.prose.id=work", "arms={}"]
    verbs.run(recipe, overrides=over, until="documents")
    stages = RunFolder(folder / "runs" / "tiny").stages()
    texts = read_columns(stages["documents.prose"].path, "text")["text"]
    assert len(texts) == len(chosen_of(run_dir, "cut", "prose")) > 10
