"""Perplexity topic by topic in a whole run: what is measured, of which documents, and when."""

import html
import json
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from gapless.analysis import read_analysis
from gapless.errors import DataError
from gapless.evaluation import read_probes
from gapless.records.documents import is_held_out, read_columns
from gapless.records.measurements import Measurement, read_measurements
from gapless.records.removals import Removals
from gapless.records.views import RunResult
from gapless.report.sections.headline import measured_columns
from gapless.workflow import verbs
from gapless.workflow.report_content import content_of
from gapless.workflow.run_folder import RunFolder
from tests.workflow.world import documents, make_world, write_source

LAW, UP, NONE = "\u6cd5/<b>", "../x", None
KIND = f"""
def score(texts):
    return [({LAW!r}, {UP!r}, {NONE!r})[len(text.split()) % 3] for text in texts]
"""
SCORES = "scores={kind: {type: function, path: kind.py, returns: labels, sources: [prose]}}"
BITS, BY_KIND = "{type: bits_per_byte, bytes_per_source: 2000}", "{type: perplexity, by: kind}"
WITH = [SCORES, f"probing.probes=[{BITS}, {BY_KIND}]", "arms={main: {}}"]
WITHOUT = [SCORES, f"probing.probes=[{BITS}]", "arms={main: {}}"]
NAMES = {"medicine/all", f"prose/{LAW}", f"prose/{UP}", "prose/unlabelled"}


def label_of(text: str) -> str | None:
    return (LAW, UP, NONE)[len(text.split()) % 3]


def world(folder: Path) -> Path:
    recipe = make_world(folder)
    (folder / "kind.py").write_text(KIND)
    return recipe


def artifact(recipe: Path, label: str) -> Path:
    (folder,) = (recipe.parent / "runs" / "tiny" / "artifacts").glob(f"{label}-????????????")
    return folder


def measured(recipe: Path) -> list[Measurement]:
    return read_measurements(artifact(recipe, "training.main") / "measurements.jsonl")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    recipe = world(tmp_path_factory.mktemp("topics"))
    return recipe, verbs.run(recipe, overrides=WITH)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    recipe = world(tmp_path_factory.mktemp("plain"))
    return recipe, verbs.run(recipe, overrides=WITHOUT)


def test_every_label_is_measured_at_zero_tokens_and_whenever_the_model_is(finished):
    rows = measured(finished[0])
    points = sorted({row.tokens_seen for row in rows})
    assert points[0] == 0
    assert len(points) > 5
    found = [row for row in rows if row.metric == "nats_per_token"]
    assert Counter((row.probe, row.tokens_seen) for row in found) == Counter(
        (name, point) for name in NAMES for point in points
    )
    assert {row.role for row in found if row.probe.startswith("prose/")} == {"general"}
    assert {row.role for row in found if row.probe == "medicine/all"} == {"domain"}
    assert not any(row.higher_is_better for row in found)
    ends = {row.probe: row.value for row in found if row.tokens_seen == points[-1]}
    for row in found:
        assert row.tokens_seen or ends[row.probe] < row.value - 1, "the tiny model must have learnt"


def test_the_base_is_what_transformers_says_of_each_document_alone(finished):
    recipe, _ = finished
    model = AutoModelForCausalLM.from_pretrained(recipe.parent / "base").eval()
    tokenizer = AutoTokenizer.from_pretrained(recipe.parent / "base")
    probes = {probe.name: probe for probe in read_probes(artifact(recipe, "probes"))}
    base = {row.probe: row for row in measured(recipe) if row.tokens_seen == 0}
    compared = 0
    for name in NAMES:
        nats = tokens = 0.0
        for text in probes[name].texts:
            ids = [tokenizer.bos_token_id, *tokenizer.encode(text, add_special_tokens=False)]
            for begin in range(0, len(ids) - 1, 31):  # rows of 32 tokens, one shared
                window = torch.tensor([ids[begin : begin + 32]])
                with torch.no_grad():
                    loss = model(input_ids=window, labels=window).loss
                nats += float(loss) * (window.shape[1] - 1)
            tokens += len(ids) - 1
        assert base[name].value == pytest.approx(nats / tokens, rel=1e-5)
        assert base[name].num_items == len(probes[name].texts)
        compared += len(probes[name].texts)
    assert compared > 12


def test_a_labels_items_are_the_held_out_documents_that_have_it(finished):
    recipe, _ = finished
    columns = read_columns(artifact(recipe, "documents.prose"), "work", "text", "held_out")
    held_out = [t for t, out in zip(columns["text"], columns["held_out"], strict=True) if out]
    probes = {probe.name: probe for probe in read_probes(artifact(recipe, "probes"))}
    for label in (LAW, UP, NONE):
        expected = [text for text in held_out if label_of(text) == label]
        assert expected
        name = f"prose/{'unlabelled' if label is None else label}"
        assert sorted(probes[name].texts) == sorted(expected)


def test_bits_per_byte_and_the_summary_are_those_of_a_run_without_it(finished, plain):
    bits = [row for row in measured(finished[0]) if row.metric == "bits_per_byte"]
    assert bits == measured(plain[0])
    assert finished[1].summary == plain[1].summary
    assert finished[1].summary[1].gain is not None
    rows = read_analysis(artifact(finished[0], "analysis")).rows
    others = read_analysis(artifact(plain[0], "analysis")).rows
    assert [row for row in rows if row["metric"] == "bits_per_byte"] == others
    assert others


def test_every_label_has_a_curve_with_intervals_and_the_role_is_their_plain_mean(finished):
    rows = read_analysis(artifact(finished[0], "analysis")).rows
    nats = {row["name"]: row for row in rows if row["metric"] == "nats_per_token"}
    assert set(nats) == NAMES | {"domain", "general"}
    for row in nats.values():
        assert row["change"]["low"] is not None
        assert len(row["curve"]["tokens"]) > 5
    own = [row["base"] for name, row in nats.items() if name.startswith("prose/")]
    assert nats["general"]["base"] == pytest.approx(sum(own) / 3)
    assert nats["domain"]["base"] == nats["medicine/all"]["base"]


def test_the_report_shows_every_label_and_its_headline_stays_the_same(finished, plain):
    contents = [
        content_of(RunFolder(recipe.parent / "runs" / "tiny")) for recipe, _ in (finished, plain)
    ]
    with_topics, without = (measured_columns(content.arms) for content in contents)
    assert with_topics == without == [("domain", "bits_per_byte"), ("general", "bits_per_byte")]
    page = finished[1].report.read_text()
    assert LAW not in page, "a label is text, never markup"
    words = html.unescape(page)
    assert "perplexity (nats per token)" in words
    for label in (LAW, UP, "unlabelled"):
        assert label in words


def test_a_training_document_that_holds_a_measured_text_is_not_trained_on(tmp_path):
    recipe = world(tmp_path)
    rows = documents(60, first=70)
    held_out = [row for row in rows if is_held_out(row["id"], 0.2)]
    planted = {60: held_out[0], 61: held_out[1]}
    more = [
        {"id": trained_work(f"holds-{number}-"), "text": f"He said: {row['text']}, and so it was."}
        for number, row in planted.items()
    ]
    write_source(tmp_path / "prose.jsonl", [*rows, *more])
    only = f"probing.probes=[{BY_KIND}]"
    verbs.run(recipe, overrides=[SCORES, only], until="contamination")
    found = Removals.read(artifact(recipe, "contamination"), "prose")
    assert found.documents.tolist() == list(planted)
    assert set(found.reasons) == {"held_out_text"}
    texts = {probe.name: probe.texts for probe in read_probes(artifact(recipe, "probes"))}
    for by, row in zip(found.by, planted.values(), strict=True):
        name, _, number = by.rpartition(":")
        assert texts[name][int(number)] == row["text"]


def trained_work(name: str) -> str:
    return next(f"{name}{n}" for n in range(99) if not is_held_out(f"{name}{n}", 0.2))


def test_copies_are_not_measured_and_their_labels_do_not_count(tmp_path):
    recipe = world(tmp_path)
    kind = "def score(texts):\n    return ['odd' if 'oddity' in t else 'even' for t in texts]\n"
    (tmp_path / "kind.py").write_text(kind)
    copied = {"id": "work-0", "text": documents(1, first=0)[0]["text"] + " oddity"}
    write_source(tmp_path / "medicine.jsonl", [copied, *documents(60, first=1)])
    write_source(tmp_path / "prose.jsonl", [*documents(60, first=70), copied])
    verbs.run(recipe, overrides=[SCORES, f"probing.probes=[{BY_KIND}]"], until="probes")
    assert Removals.read(artifact(recipe, "duplicates"), "prose").documents.tolist() == [60]
    names = {probe.name for probe in read_probes(artifact(recipe, "probes"))}
    assert names == {"medicine/all", "prose/even"}


def test_a_label_that_nothing_held_out_has_is_named(tmp_path):
    recipe = world(tmp_path)
    rare = {"id": trained_work("rare"), "text": "such a word is rarely seen among all these words"}
    rows = [*documents(60, first=70), rare]
    write_source(tmp_path / "prose.jsonl", rows)
    kind = "def score(texts):\n    return ['rare' if 'rarely' in t else 'often' for t in texts]\n"
    (tmp_path / "kind.py").write_text(kind)
    with pytest.raises(DataError, match="no document with the label 'rare'") as caught:
        verbs.run(recipe, overrides=WITH, until="probes")
    assert caught.value.where == "sources.prose"
    assert "sources.prose.held_out" in caught.value.mend


TOPIC = "{type: topic, topics: [left, right], labels: labels.jsonl}"


def stage_names(recipe: Path, probes: str) -> list[str]:
    scores = f"scores={{long: {{type: length}}, topic: {TOPIC}, other: {TOPIC}}}"
    plan = verbs.plan(recipe, overrides=[scores, f"probing.probes=[{probes}]"])
    return [stage.name for stage in plan.stages]


def test_only_the_scores_that_the_probes_need_come_before_them(tmp_path):
    recipe = world(tmp_path)
    labelled: list[dict[str, Any]] = [
        {"text": f"{word} {n}", "topic": word} for n in range(10) for word in ("left", "right")
    ]
    write_source(tmp_path / "labels.jsonl", labelled)
    names = stage_names(recipe, "{type: perplexity, by: topic}")
    assert len(names) == len(set(names))
    place = {name: number for number, name in enumerate(names)}
    before = ("classifier.topic", "scores.topic.medicine", "scores.topic.prose", "probes")
    assert [place[name] for name in before] == sorted(place[name] for name in before)
    assert place["tokens.prose"] < place["classifier.topic"]
    after = [name for name in names if name.startswith(("scores.long", "scores.other"))]
    assert len(after) == 4
    assert all(place["probes"] < place["contamination"] < place[name] for name in after)
    assert sorted(names) == sorted(stage_names(recipe, BITS))
    kinds = [kind for kind, _ in groupby(name.partition(".")[0] for name in names)]
    assert kinds.index("probes") > kinds.index("scores")


def fingerprint(recipe: Path, label: str, overrides: list[str]) -> str:
    (stage,) = [s for s in verbs.plan(recipe, overrides=overrides).stages if s.name == label]
    return stage.detail[:7]


def test_the_probes_stand_on_the_labels_that_they_go_by_and_on_no_others(tmp_path):
    recipe = world(tmp_path)
    before = [fingerprint(recipe, "probes", each) for each in (WITH, WITHOUT)]
    (tmp_path / "kind.py").write_text("def score(texts):\n    return ['x'] * len(texts)\n")
    after = [fingerprint(recipe, "probes", each) for each in (WITH, WITHOUT)]
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_a_source_without_labels_is_measured_once_whatever_the_probes(tmp_path):
    recipe = world(tmp_path)
    again = "{type: function, path: kind.py, returns: labels, sources: [medicine]}"
    scores = SCORES.removesuffix("}") + f", again: {again}}}"
    probes = f"probing.probes=[{{type: perplexity}}, {BY_KIND}, {{type: perplexity, by: again}}]"
    verbs.run(recipe, overrides=[scores, probes], until="probes")
    found = {probe.name for probe in read_probes(artifact(recipe, "probes"))}
    labels = (LAW, UP, "unlabelled")
    expected = {f"{source}/{label}" for source in ("prose", "medicine") for label in labels}
    assert found == expected | {"prose/all", "medicine/all"}
    facts = json.loads((artifact(recipe, "probes") / "manifest.json").read_text())["facts"]
    assert set(facts) == found
    assert all(fact["items"] >= 1 and fact["bytes"] > 20 for fact in facts.values())
