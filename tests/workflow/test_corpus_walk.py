"""The corpus stages in a whole run: scores, copies, contamination, what is chosen and why."""

import json
from pathlib import Path

import numpy as np
import pytest

from gapless.errors import RecipeError
from gapless.records.removals import Removals
from gapless.records.scores import read_scores
from gapless.seeds import stream
from gapless.workflow import verbs
from tests.workflow.world import WORDS, documents, make_world, write_source

SCORES = "scores={medical: {type: ngram_perplexity, reference: [books], order: 2}}"
SELECTION = "selection.medicine={type: score, column: medical, tokens: 1k}"
REFERENCE = "sources.books={role: reference, path: books.jsonl}"


def artifact(recipe: Path, label: str) -> Path:
    (folder,) = (recipe.parent / "runs" / "tiny" / "artifacts").glob(f"{label}-*")
    return folder


def medical(number: int) -> str:
    """Words of one kind; the rest of the world draws from others."""
    return " ".join(stream(1, "medical", number).choice(WORDS[:40], 40))


@pytest.fixture
def world(tmp_path) -> Path:
    recipe = make_world(tmp_path)
    rows = documents(60, first=0)
    for number in range(0, 60, 4):
        rows[number] = {"id": f"medical-{number}", "text": medical(number)}
    write_source(tmp_path / "medicine.jsonl", rows)
    books = [{"text": medical(1000 + number)} for number in range(200)]
    write_source(tmp_path / "books.jsonl", books)
    return recipe


def test_the_lowest_perplexity_selection_is_of_the_reference_kind(world):
    overrides = [SCORES, SELECTION, REFERENCE, "arms={}"]
    verbs.run(world, overrides=overrides, until="order")
    scores = read_scores(artifact(world, "scores.medical.medicine"))
    is_medical = np.arange(60) % 4 == 0
    assert scores[is_medical].max() < scores[~is_medical].min()
    with np.load(artifact(world, "order.main") / "selection.npz") as chosen:
        selected = chosen["medicine"]
    assert len(selected) >= 3
    assert is_medical[selected].all()
    assert list(scores[selected]) == sorted(scores[selected])
    fates = verbs.show_document(world.parent / "runs" / "tiny", f"medicine:{selected[0]}")
    assert [fate.why.partition(":")[0] for fate in fates] == ["selected"]
    assert fates[0].scores == (("medical", str(scores[selected[0]])),)
    (other,) = verbs.show_document(world.parent / "runs" / "tiny", "work-1")
    assert other.why.startswith("not selected: ") or "held out" in other.why


def test_the_model_never_sees_a_reference(world):
    verbs.run(world, overrides=[REFERENCE], until="order")
    names = {place.name for place in (world.parent / "runs/tiny/artifacts").iterdir()}
    assert not any(name.startswith("tokens.books") for name in names)
    with np.load(artifact(world, "order.replay") / "selection.npz") as chosen:
        assert set(chosen) == {"medicine", "prose"}


def test_every_planted_item_is_found_and_not_trained_on(world, tmp_path):
    questions = [
        {
            "question": " ".join(stream(2, "question", number).choice(WORDS, 20)),
            "choices": ["one of these", "or another"],
            "answer": 0,
        }
        for number in range(10)
    ]
    write_source(tmp_path / "exam.jsonl", questions)
    rows = documents(60, first=0)
    planted = {}
    for number, question in enumerate(questions):
        at = 5 * number
        words = rows[at]["text"].split()
        rows[at]["text"] = " ".join([*words[:9], question["question"].upper(), *words[9:]])
        planted[at] = f"exam:{number}"
    write_source(tmp_path / "medicine.jsonl", rows)
    verbs.run(world, until="order")
    found = Removals.read(artifact(world, "contamination"), "medicine")
    held_out = {
        row
        for row in planted
        if "held out" in verbs.show_document(tmp_path / "runs/tiny", f"medicine:{row}")[0].why
    }
    expected = {row: item for row, item in planted.items() if row not in held_out}
    assert len(expected) >= 5
    assert dict(zip(found.documents.tolist(), found.by, strict=True)) == expected
    assert set(found.reasons) == {"evaluation_item"}
    with np.load(artifact(world, "order.alone") / "selection.npz") as chosen:
        assert not set(chosen["medicine"].tolist()) & set(expected)
        assert len(chosen["medicine"]) > 20
    row = next(iter(expected))
    (fate, _) = verbs.show_document(tmp_path / "runs/tiny", f"medicine:{row}")
    assert fate.why == (f"not trained on: evaluation item, 100% the same as {expected[row]}")


def test_going_on_without_decontamination_must_be_typed(world):
    with pytest.raises(RecipeError) as caught:
        verbs.run(world, overrides=["decontamination=null"], until="order")
    assert "--allow-contamination" in caught.value.mend
    verbs.run(world, overrides=["decontamination=null"], until="order", allow_contamination=True)
    names = {p.name for p in (world.parent / "runs/tiny/artifacts").iterdir()}
    assert not any(name.startswith("contamination") for name in names)


def test_copies_are_not_trained_on_whatever_source_they_stand_in(world, tmp_path):
    prose = [json.loads(line) for line in (tmp_path / "prose.jsonl").open()]
    medicine = [json.loads(line) for line in (tmp_path / "medicine.jsonl").open()]
    write_source(tmp_path / "prose.jsonl", [*prose, *({"text": r["text"]} for r in medicine[:7])])
    verbs.run(world, until="order")
    found = Removals.read(artifact(world, "duplicates"), "prose")
    assert found.documents.tolist() == list(range(60, 67))
    assert list(found.by) == [f"medicine:{row}" for row in range(7)]
    with np.load(artifact(world, "order.replay") / "selection.npz") as chosen:
        assert chosen["prose"].max() < 60


def test_a_run_beside_takes_over_what_is_the_same(world, tmp_path):
    first = [SCORES, SELECTION, REFERENCE]
    verbs.run(world, overrides=first, until="order", run_dir=tmp_path / "runs" / "a")
    second = [*first, "name=b", "seed=5", "order.phases=[{epochs: 3}]"]
    did = verbs.run(world, overrides=second, until="order", run_dir=tmp_path / "runs" / "b").did
    assert did == ("order.alone", "order.replay")[: len(did)]
    (theirs,) = (tmp_path / "runs/a/artifacts").glob("scores.medical.medicine-*")
    ours = tmp_path / "runs/b/artifacts" / theirs.name
    assert ours.is_dir()
    part = "scores-00000.parquet"
    assert (ours / part).samefile(theirs / part)
