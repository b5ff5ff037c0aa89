"""What the report of a whole run says of its text and scores, against the run's own files."""

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gapless.records.documents import is_held_out, read_columns
from gapless.records.scores import read_scores
from gapless.records.token_store import TokenStore
from gapless.report import Content, ScoreContent, ScoredSource
from gapless.report.numbers import count, percent, short
from gapless.report.text_content import QUANTILES
from gapless.workflow import verbs
from gapless.workflow.report_content import content_of
from gapless.workflow.run_folder import RunFolder
from tests.workflow.world import QUESTIONS, documents, make_world, write_source

HOSTILE = "</script><img src=x onerror=hacked=1> {{ 7*7 }} & so on and on and on"
HOSTILES = 8
"""Enough of them to be the shortest twentieth."""
EXAM = f"Once more: {QUESTIONS[0]['question']} at once, they say, and so it went on."
KIND = """
def score(texts):
    return [None if "img" in text else "odd" if len(text.split()) % 2 else "even" for text in texts]
"""
SCORES = """{
  words: {type: length},
  stripes: {type: repetition},
  letters: {type: length, unit: characters, sources: [medicine]},
  kind: {type: function, path: kind.py, returns: labels},
  topic: {type: topic, topics: [left, right], labels: labels.jsonl, sources: [prose]},
}"""
ARMS = """{
  lowest: {},
  same: {order: {phases: [{epochs: 1}]}},
  middle: {selection: {medicine: {type: band, column: words, low: 25%, high: 75%, tokens: 800}}},
  limits: {selection: {medicine: {type: threshold, column: quality, at_least: 20}}},
  parts: {selection: {medicine: {
    type: random, tokens: 1k, quotas: {column: kind, shares: {even: 0.75, odd: 0.25}}}}},
}"""
OVERRIDES = [
    "sources.books={role: reference, path: books.jsonl, id: id}",
    "sources.medicine.scores=[quality]",
    "cleaning.cleaners=[{type: mask_personal_data}]",
    f"scores={SCORES}",
    "selection.medicine={type: score, column: words, tokens: 1k}",
    f"arms={ARMS}",
]


def write_world(folder: Path) -> Path:
    recipe = make_world(folder)
    medicine: list[dict[str, Any]] = documents(60, first=0)
    trained = [row for row in medicine if not is_held_out(row["id"], 0.2)]
    medicine += [
        {"id": "copy", "text": trained[3]["text"]},
        {"id": "short", "text": "<img src=short>"},
        {"id": _trained("exam"), "text": EXAM},
        {"id": _trained("mail"), "text": "Write to nurse@ward-seven.com about the dose, or to us."},
    ]
    medicine += [{"id": _trained(f"h{n}-"), "text": f"{HOSTILE} {n}"} for n in range(HOSTILES)]
    rows = [row | {"quality": place} for place, row in enumerate(medicine)]
    write_source(folder / "medicine.jsonl", rows)
    write_source(folder / "books.jsonl", documents(9, first=200))
    (folder / "kind.py").write_text(KIND)
    labelled = [
        {"text": f"{word} {place}", "topic": word}
        for place in range(10)
        for word in ("left", "right")
    ]
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labelled))
    return recipe


def _trained(name: str) -> str:
    """Return a work's id that is not held out."""
    return next(f"{name}{n}" for n in range(99) if not is_held_out(f"{name}{n}", 0.2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = write_world(tmp_path_factory.mktemp("corpus"))
    verbs.run(recipe, overrides=OVERRIDES)
    return recipe.parent / "runs" / "tiny"


@pytest.fixture(scope="module")
def content(folder: Path) -> Content:
    return content_of(RunFolder(folder))


@pytest.fixture(scope="module")
def words(folder: Path) -> str:
    """The report as a reader sees it."""
    page = (folder / "report.html").read_text()
    assert "<img" not in page
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def artifact(folder: Path, label: str) -> Path:
    (found,) = (folder / "artifacts").glob(f"{label}-????????????")
    return found


def score_named(content: Content, name: str) -> ScoreContent:
    return next(score for score in content.scores if score.name == name)


def source_of(score: ScoreContent, name: str) -> ScoredSource:
    return next(source for source in score.sources if source.name == name)


def eligible(folder: Path, source: str) -> np.ndarray:
    """By hand: not held out, no copy, not the document with the question."""
    table = read_columns(artifact(folder, f"documents.{source}"), "work", "text", "held_out")
    return np.array(
        [
            not held_out and work != "copy" and text != EXAM
            for work, text, held_out in zip(*table.values(), strict=True)
        ]
    )


def chosen(folder: Path, arm: str) -> np.ndarray:
    with np.load(artifact(folder, f"order.{arm}") / "selection.npz") as saved:
        return saved["medicine"]


def test_every_document_is_accounted_for(folder: Path, content: Content) -> None:
    medicine, prose, books = content.sources
    assert (medicine.read, medicine.removed) == (64 + HOSTILES, 1)
    assert (medicine.copies, medicine.contaminated) == (1, 1)
    assert medicine.held_out_documents == sum(is_held_out(f"work-{i}", 0.2) for i in range(60))
    assert medicine.eligible == eligible(folder, "medicine").sum()
    assert medicine.read == 1 + 1 + medicine.held_out_documents + 1 + medicine.eligible
    lengths = TokenStore.open(artifact(folder, "tokens.medicine")).lengths
    assert medicine.tokens == lengths[eligible(folder, "medicine")].sum()
    assert medicine.changed == (("mask_personal_data", 1),)
    assert (prose.read, prose.removed, prose.copies, prose.contaminated) == (60, 0, 0, 0)
    assert (books.role, books.read, books.eligible, books.tokens) == ("reference", 9, 9, None)


def test_removals_name_their_examples_and_what_they_fell_to(content: Content, words: str) -> None:
    found = {removal.reason: removal for removal in content.removals}
    assert {name: removal.count for name, removal in found.items()} == {
        "too_short": 1,
        "duplicate": 1,
        "evaluation_item": 1,
    }
    (copy,) = found["duplicate"].examples
    first = [i for i in range(60) if not is_held_out(f"work-{i}", 0.2)][3]
    assert (copy.origin, copy.fell_to) == ("medicine.jsonl:61", f"medicine: work-{first}")
    assert copy.similarity == 1.0
    (exam,) = found["evaluation_item"].examples
    assert (exam.origin, exam.fell_to) == ("medicine.jsonl:63", "item 0 of probe exam")
    assert exam.beginning == EXAM[:200]
    assert "medicine.jsonl:62 <img src=short>" in words
    assert f"medicine.jsonl:61 100.0 % the same as medicine: work-{first}" in words


def test_a_score_is_shown_as_numpy_counts_it(folder: Path, content: Content, words: str) -> None:
    score = score_named(content, "words")
    assert score.about == "words of a document"
    assert [source.name for source in score.sources] == ["medicine", "prose"]
    for source in score.sources:
        values = read_scores(artifact(folder, f"scores.words.{source.name}"))
        values = values[eligible(folder, source.name)]
        assert source.scored == len(values)
        assert source.quantiles == tuple(np.quantile(values, QUANTILES))
        assert source.counts == tuple(np.histogram(values, score.edges)[0])
        shown = " ".join(short(value) for value in source.quantiles)
        assert f"{source.name} {source.scored} 0 {shown}" in words
    assert source_of(score_named(content, "stripes"), "prose").unscored == 0


def test_the_separation_is_counted_pair_by_pair(folder: Path, content: Content, words: str) -> None:
    ones, others = (
        read_scores(artifact(folder, f"scores.words.{name}"))[eligible(folder, name)]
        for name in ("medicine", "prose")
    )
    pairs = [(a < b) + (a == b) / 2 for a in ones for b in others]
    share = sum(pairs) / len(pairs)
    assert score_named(content, "words").domain_lower == pytest.approx(share)
    assert f"the domain one has the lower words in {percent(share)} of all such pairs" in words
    assert score_named(content, "letters").domain_lower is None, "no general text has it"


def test_a_selection_is_shown_with_its_cut_and_its_documents(
    folder: Path, content: Content, words: str
) -> None:
    values = read_scores(artifact(folder, "scores.words.medicine"))
    score = score_named(content, "words")
    lowest, middle = source_of(score, "medicine").selections
    assert lowest.arms == ("lowest", "same"), "two arms that choose alike are one"
    taken = values[chosen(folder, "lowest")]
    assert lowest.cuts == (("", taken.max()),)
    assert lowest.counts == tuple(np.histogram(taken, score.edges)[0])
    assert lowest.quantiles == tuple(np.quantile(taken, QUANTILES))
    told = f"lowest, same the lowest words, to 1,000 tokens; cut at {short(taken.max())}; "
    assert told in words
    (low, begin), (high, end) = middle.cuts
    assert (low, high) == ("from", "to")
    inside = values[chosen(folder, "middle")]
    assert begin <= inside.min() <= inside.max() <= end
    assert taken.min() < begin < end < values.max()
    (quality,) = source_of(score_named(content, "quality"), "medicine").selections
    assert (quality.arms, quality.cuts) == (("limits",), (("at least", 20.0),))
    assert not source_of(score_named(content, "stripes"), "medicine").selections


def test_examples_stand_at_their_quantiles_with_the_arms_that_have_them(
    folder: Path, content: Content
) -> None:
    numbers = np.flatnonzero(eligible(folder, "medicine"))
    values = read_scores(artifact(folder, "scores.words.medicine"))[numbers]
    table = read_columns(artifact(folder, "documents.medicine"), "origin", "text")
    examples = source_of(score_named(content, "words"), "medicine").examples
    assert [example.quantile for example in examples] == [0.05, 0.25, 0.5, 0.75, 0.95]
    for example in examples:
        rank = round(example.quantile * (len(values) - 1))
        assert example.score == np.sort(values)[rank]
        document = table["origin"].index(example.origin)
        assert example.beginning == table["text"][document][:200]
        having = {
            arm
            for arm in ("lowest", "same", "middle", "limits", "parts")
            if document in chosen(folder, arm)
        }
        assert set(example.arms) == having
    assert examples[0].arms[:2] == ("lowest", "same")
    assert "lowest" not in examples[-1].arms


def test_labels_are_counted_with_what_quotas_took(folder: Path, content: Content) -> None:
    kind, topic = content.labels
    assert (kind.labels, kind.others, kind.classifier) == (kind.labels, 0, None)
    assert set(kind.labels) == {"odd", "even"}
    values = read_scores(artifact(folder, "scores.kind.medicine"))
    medicine = kind.sources[0]
    counted = values[eligible(folder, "medicine")].tolist()
    assert medicine.counts == tuple(counted.count(label) for label in kind.labels)
    assert medicine.unlabelled == counted.count(None) == HOSTILES
    (parts,) = medicine.selections
    taken = values[chosen(folder, "parts")].tolist()
    assert parts.counts == tuple(taken.count(label) for label in kind.labels)
    assert sum(parts.counts) == len(taken) > 0
    assert topic.classifier is not None
    facts = json.loads((artifact(folder, "classifier.topic") / "manifest.json").read_text())[
        "facts"
    ]
    assert topic.classifier.accuracy == facts["accuracy"]
    assert topic.classifier.confusion == tuple(map(tuple, facts["confusion"]))
    assert topic.classifier.labels == 20


def test_the_page_says_so_and_stays_small(folder: Path, content: Content, words: str) -> None:
    assert (folder / "report.html").stat().st_size < 500_000
    assert HOSTILE in words, "one of the texts along a score"
    assert f"mask_personal_data {count(1)}" in words
    assert "at random, to 1,000 tokens divided by kind" in words
    described = {arm.name: arm.description for arm in content.arms}
    assert described["lowest"].startswith("medicine: the lowest words, to 1,000 tokens; ")
