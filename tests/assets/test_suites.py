import json
import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pytest
import zstandard

from gapless import assets
from gapless.assets import store
from gapless.assets.passages import Entry
from gapless.assets.suites import english_prose, items, ontologies
from gapless.assets.suites.items import Draft, SuiteTask
from gapless.assets.suites.seen import Seen
from gapless.corpus.contamination import Item, ItemIndex, num_words
from gapless.evaluation import read_task
from gapless.recipe.probes import TaskSuite
from gapless.words import split_words

SUITES = [row.name for row in assets.known() if row.shipped and row.kind == "suite"]
FOLDERS = [p for name in SUITES for p in sorted(assets.shipped(name).iterdir())]
DATA = Path(assets.__file__).parent / "data"
CARD = (DATA / "SUITES.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shipped_text():
    names = [row.name for row in assets.known() if row.shipped and row.kind == "corpus"]
    assert len(names) >= 8
    return [row["text"] for name in names for row in store.read(assets.shipped(name))]


def rows_of(folder: Path) -> list[dict]:
    with zstandard.open(folder / "items.jsonl.zst", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_a_recipe_can_name_exactly_the_suites_of_the_table():
    names = get_args(TaskSuite.model_fields["name"].annotation)
    known = [row.name for row in assets.known() if row.kind == "suite"]
    assert sorted(f"suite-{name}" for name in names) == sorted(known)


def test_the_shipped_suites_are_small_and_their_tasks_have_names_of_their_own():
    assert {"suite-medical", "suite-general"} <= set(SUITES)
    assert sum(f.stat().st_size for folder in FOLDERS for f in folder.iterdir()) < 1_500_000
    assert len({folder.name for folder in FOLDERS}) == len(FOLDERS)
    assert all(len(list(assets.shipped(name).iterdir())) >= 2 for name in SUITES)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_task_is_read_has_enough_items_and_none_twice(folder):
    probe = read_task(folder, seed=1)
    assert probe.name == folder.name
    assert len(probe.items) >= 300
    assert len({item.prompt for item in probe.task_items}) == len(probe.items)
    assert len(read_task(folder, seed=1, limit=64).items) == 64
    rows = rows_of(folder)
    assert all(row["source"] for row in rows)
    if "choices" in rows[0]:
        places = Counter(row["answer"] for row in rows)
        number = len(rows[0]["choices"])
        assert set(places) == set(range(number))
        assert min(places.values()) > 0.7 * len(rows) / number
        for row in rows:
            assert len({choice.casefold() for choice in row["choices"]}) == number


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_item_is_in_a_shipped_corpus(folder, shipped_text):
    """By the rule of the contamination stage: 13 words in a row, or a short item whole."""
    probe = read_task(folder, seed=1)
    wanted = [
        Item(item.text, 0.0) if num_words(item.text) >= 5
        else Item(f"{item.text} {item.answers[0]}", 0.0, whole=True)
        for item in probe.task_items
    ]  # fmt: skip
    index = ItemIndex.of(wanted, 13)
    planted = f"{probe.task_items[7].text} {probe.task_items[7].answers[0]}"
    words = split_words(pa.array([*shipped_text, planted], pa.large_string()))
    documents, found, _ = index.hits(words)
    assert 7 in found[documents == len(shipped_text)]  # what is there would be found
    leaked = {probe.task_items[i].text for i in found[documents < len(shipped_text)].tolist()}
    assert leaked == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_card_tells_the_truth(folder):
    row = re.search(rf"^\| {folder.name} \| (\d+) \| .+ \| (\w+) \|$", CARD, re.MULTILINE)
    assert row is not None
    assert int(row[1]) == len(rows_of(folder))
    assert store.sha256_of(folder / "items.jsonl.zst").startswith(row[2])


def test_what_may_not_be_redistributed_is_fetched():
    barred = {r.name for r in assets.known() if r.kind == "suite" and not r.redistributable}
    assert barred == {"suite-abstracts", "suite-chinese"}
    assert not barred & set(SUITES)


def test_a_folder_is_the_same_twice_without_seen_items_and_few_of_one_source(tmp_path):
    drafts = [
        Draft(source=f"s{n // 9}", fields={"text": f"item number {n}"}, right="a", wrong=("b",))
        for n in range(60)
    ]
    seen = Seen(["here stands item number 5 and no other one"])
    for name in ("one", "two"):
        task = SuiteTask(name="t", role="general", prompt="{text}", about="-", drafts=drafts)
        assert items.write(tmp_path / name, task, seen) == 3 * 7
    first, second = (tmp_path / name / "t" / "items.jsonl.zst" for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()
    rows = rows_of(tmp_path / "one" / "t")
    assert "item number 5" not in {row["text"] for row in rows}
    assert max(Counter(row["source"] for row in rows).values()) == 3
    assert all(row["choices"][row["answer"]] == "a" for row in rows)
    assert [row["text"] for row in rows] != sorted(row["text"] for row in rows)


def test_eight_words_in_a_row_are_seen_and_seven_are_not():
    text = " ".join(f"w{n}" for n in range(20))
    seen = Seen([text])
    words = text.split()
    assert seen.holds(" ".join(["x", *words[3:11], "y"]))
    assert not seen.holds(" ".join(["x", *words[3:10], "y"]))
    assert seen.holds(" ".join(words[3:10]).upper())
    assert not seen.holds("w1 w3")


def ontology() -> ontologies.Ontology:
    def row(label, ancestors, description="", synonyms=()):
        return {
            "label": label, "ancestors": ancestors, "description": description,
            "synonyms": list(synonyms),
        }  # fmt: skip

    words = "fever of some kind that one gets from water and which passes by itself"
    branch = {"X:1": 1, "X:0": 2}
    rows = {
        "X:0": row("disease", {}),
        "X:1": row("fever", {"X:0": 1}),
        "X:2": row("marsh ague", branch, f"A {words}", ["bog sickness"]),
        "X:3": row("bog sickness", branch, f"Bad {words}"),
        "X:4": row("old marsh ague", {"X:2": 1, "X:1": 1, "X:0": 2}, f"Old {words}"),
        **{f"X:1{n}": row(f"{c}ill", branch, f"One {words} {c}") for n, c in enumerate("abcd")},
    }
    return ontologies.Ontology("X", rows)


def test_a_wrong_choice_is_no_ancestor_no_child_and_no_synonym():
    own = ontology()
    assert {own.label(k) for k in own.of_the_branch("X:2")} == {"aill", "bill", "cill", "dill"}
    drafts = {d.source: d for d in ontologies.definitions(own, "t")}
    assert drafts["X:2"].right == "marsh ague"
    assert set(drafts["X:2"].wrong) <= {"aill", "bill", "cill", "dill"}


@pytest.mark.parametrize("folder", [f for f in FOLDERS if f.name == "agreement"])
def test_agreement_swaps_one_verb_and_nothing_else(folder):
    pairs = set()
    for row in rows_of(folder):
        one, other = (choice.split(" ") for choice in row["choices"])
        assert one[1:] == other[1:]
        pairs.add(frozenset((one[0], other[0])))
    assert pairs == {frozenset(p) for p in (("is", "are"), ("was", "were"), ("has", "have"))}


def test_a_last_word_was_said_before_and_is_taken_off():
    text = (
        "Mr. Brown went down to the river with his dog. It rained for the whole day. "
        "In the evening he came home and dried the dog. He sat by the fire with the dog."
    )
    assert english_prose.sentences(text)[0].startswith("Mr. Brown went")
    long = text.replace("dog", "terrier")
    (draft,) = english_prose.last_words([Entry("e", long)], fewest=30, most=60)
    assert draft.right == "terrier"
    assert draft.fields["text"].endswith("fire with the")
    assert "terrier" in draft.fields["text"]


@pytest.mark.network
def test_suites_are_made_again_byte_for_byte(tmp_path):
    """Uses the cache of the user, so that a second run is quick."""
    import runpy
    import sys

    script = Path(__file__).parents[2] / "scripts" / "build_suites.py"
    kept = sys.argv
    sys.argv = [str(script), "--to", str(tmp_path)]
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.argv = kept
    made = sorted(tmp_path.rglob("*.*"))
    assert len(made) >= 2 * len(FOLDERS)
    for path in made:
        if path.is_file():
            assert path.read_bytes() == (DATA / path.relative_to(tmp_path)).read_bytes()
