"""The corpus stages in a whole run: scores, copies, contamination, what is chosen and why."""

import json
from pathlib import Path

import numpy as np
import pytest

from gapless.corpus import parts_of
from gapless.errors import DataError, RecipeError
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


def fingerprint(recipe: Path, label: str, *overrides: str) -> str:
    (stage,) = [s for s in verbs.plan(recipe, overrides=overrides).stages if s.name == label]
    return stage.detail[:7]


def test_a_score_is_made_of_its_encoder_and_its_files(world, tmp_path):
    (tmp_path / "task.jsonl").write_text('{"text": "a row"}\n')
    spec = "scores={near: {type: task_similarity, examples: task.jsonl}}"
    plain = fingerprint(world, "scores.near.medicine", spec)
    encoded = fingerprint(world, "scores.near.medicine", spec, "scores.near.encoder=base")
    (tmp_path / "task.jsonl").write_text('{"text": "a document"}\n')
    other = fingerprint(world, "scores.near.medicine", spec)
    assert len({plain, encoded, other}) == 3


def test_a_changed_function_scores_anew_in_the_same_process(world, tmp_path):
    spec = ["scores={mine: {type: function, path: mine.py}}"]
    for value in (1.0, 2.0):
        (tmp_path / "mine.py").write_text(f"def score(texts):\n    return [{value}] * len(texts)\n")
        out = tmp_path / "runs" / str(value)
        verbs.run(world, overrides=spec, until="scores", run_dir=out)
        (folder,) = (out / "artifacts").glob("scores.mine.prose-*")
        assert set(read_scores(folder)) == {value}


@pytest.mark.parametrize(
    ("score", "field"),
    [
        ("{type: function, path: none.py}", "path"),
        ("{type: task_similarity, examples: none.jsonl}", "examples"),
        ("{type: topic, topics: [a, b], labels: none.jsonl}", "labels"),
    ],
)
def test_a_missing_file_of_a_score_is_named(world, score, field):
    with pytest.raises(DataError, match="there is no such file") as caught:
        verbs.plan(world, overrides=[f"scores={{mine: {score}}}"])
    assert caught.value.where.startswith(f"scores.mine.{field} (")


def test_where_the_annotator_is_does_not_matter_but_what_it_is_does(world):
    spec = "scores={t: {type: topic, annotator: {url: 'http://a/v1', model: m}}}"
    here = fingerprint(world, "classifier.t", spec)
    there = fingerprint(world, "classifier.t", spec, "scores.t.annotator.url=http://b/v1")
    other = fingerprint(world, "classifier.t", spec, "scores.t.annotator.model=n")
    assert here == there != other


@pytest.mark.parametrize("label", ["contamination", "scores.again.medicine"])
def test_stages_that_read_words_know_what_a_word_is(world, monkeypatch, label):
    import gapless.words

    spec = "scores={again: {type: repetition}}"
    before = fingerprint(world, label, spec)
    monkeypatch.setattr(gapless.words, "VERSION", 99)
    assert fingerprint(world, label, spec) != before


def test_a_part_that_lost_every_document_is_scored_like_the_others(world, tmp_path):
    many = "".join(json.dumps({"id": "x", "text": "short"}) + "\n" for _ in range(10))
    (tmp_path / "more.jsonl").write_text(many)
    overrides = [
        "sources.prose.path=[more.jsonl, prose.jsonl]",
        "cleaning.min_characters=60",
        "scores={kind: {type: language, among: [en, de]}, long: {type: length}}",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts_of, "__kwdefaults__", {"part_bytes": 1})
        verbs.run(world, overrides=overrides, until="scores")
    folder = artifact(world, "scores.kind.prose")
    assert len(list(folder.glob("scores-*.parquet"))) == 2
    assert len(read_scores(folder)) == len(read_scores(artifact(world, "scores.long.prose"))) > 40


def test_a_question_in_characters_is_a_question_of_as_many_words(world, tmp_path):
    question = "\u80f0\u5c9b\u7d20\u7531\u4f55\u5904\u5206\u6ccc"
    exam = [{"question": question, "choices": ["\u80f0\u817a", "\u809d"], "answer": 0}]
    write_source(tmp_path / "exam.jsonl", exam)
    rows = documents(60, first=0)
    for row in rows[:30]:
        row["text"] += " " + question
    write_source(tmp_path / "medicine.jsonl", rows)
    verbs.run(world, until="contamination")
    found = Removals.read(artifact(world, "contamination"), "medicine")
    assert len(found.documents) > 15
    assert set(found.by) == {"exam:0"}


def test_a_damaged_run_beside_is_no_hindrance(world, tmp_path):
    verbs.run(world, until="tokens", run_dir=tmp_path / "runs" / "broken")
    for manifest in (tmp_path / "runs" / "broken" / "artifacts").glob("*/manifest.json"):
        manifest.write_text("{")
    assert "tokens.prose" in verbs.run(world, until="tokens", run_dir=tmp_path / "runs" / "b").did


def test_the_plan_says_that_contamination_is_not_looked_for(world):
    assert not any("--allow-cont" in text for text in verbs.plan(world).warnings)
    warned = verbs.plan(world, overrides=["decontamination=null"]).warnings
    assert any("--allow-contamination" in text for text in warned)


def test_the_report_tells_a_budget_in_tokens_and_one_in_epochs(world):
    arms = (
        "arms={short: {order: {phases: [{tokens: 256}]}}, long: {order: {phases: [{epochs: 1}]}}}"
    )
    result = verbs.run(world, overrides=[arms])
    page = result.report.read_text()
    assert "256 tokens, domain text only" in page
    assert "1 epoch, domain text only" in page
