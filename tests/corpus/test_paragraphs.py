"""Paragraphs that stood earlier in a source go; what is lost anywhere stays somewhere."""

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gapless import corpus
from gapless.corpus import add_up, parts_of, prepare_distinct, source_files, tables
from gapless.corpus import paragraphs as room
from gapless.corpus.paragraph_loops import judge, mark_documents, new_table
from gapless.recipe.cleanings import Cleaning, Deduplication, Paragraphs
from gapless.recipe.schema import Source
from gapless.records import documents as records
from gapless.records.documents import is_held_out, parts
from gapless.records.fingerprint import FileHashes, of_text
from gapless.workflow import engine as engines
from gapless.workflow.data import documents_stage
from gapless.workflow.engine import Engine
from gapless.workflow.stage import Workplace

COOKIES = "this page uses cookies"
BARK, ROOTS, LEAVES = "the bark of an oak", "the roots of an oak", "the leaves of an oak"
ANY = Cleaning(min_characters=1, max_bad_records=1)


def here(function, tasks):
    return [function(*task) for task in tasks]


def distinct(world, *paths, least=10, cleaning=ANY, part_bytes=1, **source):
    world.out.mkdir(exist_ok=True)
    spec = Source(role="domain", path=paths, **({"held_out": 0} | source))
    stretches = parts_of(source_files(paths, world.folder), part_bytes=part_bytes)
    counts = prepare_distinct(
        spec, cleaning, stretches, world.out, spec=Paragraphs(min_characters=least), each=here
    )
    lost = [part["paragraphs"] for part in counts]
    return add_up(counts, cleaning) | {
        name: sum(part[name] for part in lost)
        for name in ("paragraphs_removed", "paragraph_bytes_removed")
    }


def write_each(world, texts):
    for number, text in enumerate(texts):
        world.write(f"{number:03d}.jsonl", [{"text": text}])


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_first_of_equal_paragraphs_stays_over_parts(world):
    write_each(
        world,
        [
            f"Oak\n{COOKIES}\n{BARK}",
            f"Oak\n{ROOTS}\n{COOKIES}",
            f"{COOKIES}\n{COOKIES.title()}\n{LEAVES}\n{LEAVES}",
            f"Oak\n{COOKIES} ",
        ],
    )
    facts = distinct(world, "*.jsonl")
    assert len(parts(world.out)) == 4
    texts = [
        f"Oak\n{COOKIES}\n{BARK}",
        f"Oak\n{ROOTS}",
        f"{COOKIES.title()}\n{LEAVES}",
        f"Oak\n{COOKIES} ",  # one byte more: another paragraph
    ]
    assert world.kept("text") == texts
    assert facts == {
        "read": 4,
        "kept": 4,
        "held_out": 0,
        "removed": {},
        "changed": {"paragraphs": 2},
        "bytes": sum(map(len, texts)),
        "paragraphs_removed": 3,
        "paragraph_bytes_removed": 2 * len(COOKIES) + len(LEAVES) + 3,
    }
    assert {path.name.split("-")[0] for path in world.out.iterdir()} == {
        "documents",
        "removed",
        "counts",
    }


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"{COOKIES}\n{BARK}", BARK),
        (f"{BARK}\n{COOKIES}", BARK),
        (f"{BARK}\n\n{COOKIES}", BARK),
        (f"{BARK}\n\n{COOKIES}\n\n{ROOTS}", f"{BARK}\n\n{ROOTS}"),
        (f"{BARK}\n \n{COOKIES}\n\n\n{ROOTS}\n", f"{BARK}\n \n{ROOTS}\n"),
        (f"\n{COOKIES}\n\n{BARK}\n\n", f"\n{BARK}\n\n"),
        (f"{BARK}\n{COOKIES}\n{COOKIES}\n\n\t\n", BARK),
        (f"{BARK}\n\n{COOKIES} and more", f"{BARK}\n\n{COOKIES} and more"),
    ],
)
def test_blank_lines_go_with_the_paragraph_before_them(world, text, left):
    write_each(world, [f"first\n{COOKIES}", text])
    distinct(world, "*.jsonl")
    assert world.kept("text")[1] == left


def test_a_short_paragraph_stays_and_length_is_in_characters_between_white_space(world):
    nine, ten = "\u00e9" * 9, "\u6728" * 10
    text = f"{nine}\n{ten}\n   {nine}   \n{BARK}"
    write_each(world, [text, f"{text}\n{ROOTS}"])
    facts = distinct(world, "*.jsonl", least=10)
    assert world.kept("text")[1] == f"{nine}\n   {nine}   \n{ROOTS}"
    assert facts["paragraphs_removed"] == 2
    assert facts["paragraph_bytes_removed"] == 30 + 1 + len(BARK) + 1


def test_a_document_left_with_too_little_goes_and_what_it_alone_had_stays_elsewhere(world):
    end = "short end"
    write_each(
        world,
        [
            f"{BARK}\n{LEAVES}",
            f"{BARK}\n{ROOTS}",  # 19 characters left
            f"{ROOTS}\n{COOKIES}",  # the roots stand in no document that stays
            f"{LEAVES}\n{end}\n{end}\nmore",  # 22 characters left
            f"{BARK}\n{BARK}\n{end}",
        ],
    )
    cleaning = Cleaning(min_characters=20)
    facts = distinct(world, "*.jsonl", cleaning=cleaning)
    assert world.kept("text") == [
        f"{BARK}\n{LEAVES}",
        f"{ROOTS}\n{COOKIES}",
        f"{end}\n{end}\nmore",
    ]
    assert facts["removed"] == {"duplicate_paragraphs": 2}
    assert facts["paragraphs_removed"] == 1
    assert world.removed("origin", "reason", "beginning", "text") == [
        ("001.jsonl:1", "duplicate_paragraphs", f"{BARK}\n{ROOTS}", None),
        ("004.jsonl:1", "duplicate_paragraphs", f"{BARK}\n{BARK}\n{end}", None),
    ]


def test_a_document_that_equals_an_earlier_one_goes_however_short_its_paragraphs(world):
    poem = "\n".join(["a rose"] * 9)
    write_each(world, [poem, poem, f"{poem}\n{COOKIES}", f"{poem}\n{COOKIES}", f"{poem}\na"])
    facts = distinct(world, "*.jsonl")
    assert world.kept("origin") == ["000.jsonl:1", "002.jsonl:1", "004.jsonl:1"]
    assert facts["removed"] == {"duplicate_paragraphs": 2}
    assert facts["paragraphs_removed"] == 0


def test_a_changed_text_has_another_id_and_its_side_of_the_split(world):
    rows = [
        {"text": f"{COOKIES}\n{BARK} {number}", "key": None if number % 3 else f"k{number}"}
        for number in range(60)
    ]
    world.write("a.jsonl", rows)
    distinct(world, "a.jsonl", id="key", held_out=0.5)
    texts = [f"{COOKIES}\n{BARK} 0", *(f"{BARK} {number}" for number in range(1, 60))]
    assert world.kept("text") == texts
    ids = [of_text(text) for text in texts]
    assert world.kept("id") == ids
    works = [own if number % 3 else f"k{number}" for number, own in enumerate(ids)]
    assert world.kept("work") == works
    held_out = [is_held_out(work, 0.5) for work in works]
    assert world.kept("held_out") == held_out
    before = [is_held_out(of_text(row["text"]), 0.5) for row in rows]
    assert any(was and not now for was, now in zip(before, held_out, strict=True))


def test_scores_and_other_removals_stay_beside_what_goes(world):
    world.write(
        "a.jsonl",
        [
            {"text": BARK, "q": 1},
            {"text": "", "q": 2},
            {"text": f"{BARK}\nred", "q": 3},
            {"text": f"{BARK}\n{ROOTS}", "q": None},
            {"text": f"{LEAVES}\nin\nspring", "q": 5},
        ],
    )
    cleaning = Cleaning(min_characters=10, keep_removed=True, max_bad_records=1)
    facts = distinct(world, "a.jsonl", cleaning=cleaning, scores=("q",))
    rows = world.kept("text", "origin", "q")
    assert rows[0] == (BARK, "a.jsonl:1", 1.0)
    assert rows[1][:2] == (ROOTS, "a.jsonl:4")
    assert rows[1][2] is None
    assert rows[2] == (f"{LEAVES}\nin\nspring", "a.jsonl:5", 5.0)
    assert facts["removed"] == {"duplicate_paragraphs": 1, "empty": 1}
    assert world.removed("origin", "reason", "text") == [
        ("a.jsonl:2", "empty", ""),
        ("a.jsonl:3", "duplicate_paragraphs", f"{BARK}\nred"),
    ]


def test_a_part_that_loses_nothing_moves_as_it_is(world, monkeypatch):
    write_each(world, [BARK, f"{BARK}\n{COOKIES}", ROOTS, "", LEAVES])
    rewritten = []
    cut = room._cut_part
    monkeypatch.setattr(room, "_cut_part", lambda *args: rewritten.append(args[3]) or cut(*args))
    distinct(world, "*.jsonl")
    assert rewritten == [1]
    assert world.kept("text") == [BARK, COOKIES, ROOTS, LEAVES]
    assert world.removed("reason") == ["empty"]


def test_without_any_copy_the_tables_are_those_of_prepare_part(world):
    write_each(world, [BARK, "", f"{ROOTS}\n\n{LEAVES}\n"])
    world.prepare("*.jsonl", part_bytes=1)
    plain = {name: data for name, data in content(world.out).items() if "counts" not in name}
    world.out = world.folder / "distinct"
    facts = distinct(world, "*.jsonl")
    assert {name: content(world.out)[name] for name in plain} == plain
    assert facts["paragraphs_removed"] == facts["paragraph_bytes_removed"] == 0
    assert facts["changed"] == {}


WHITE = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"


def slowly(texts, *, least, least_left):
    """Return what is left of texts (None: it must go) and how many paragraphs went."""
    seen_texts, seen, answers, removed = set(), set(), [], 0
    for text in texts:
        own, stretches, head, left = set(), [], [], 0
        for line in text.split("\n"):
            size = len(line.strip(WHITE))
            if size == 0:
                (stretches[-1][1] if stretches else head).append(line)
                continue
            is_copy = size >= least and (line in seen or line in own)
            stretches.append((is_copy, [line]))
            left += 0 if is_copy else size
            own |= {line} if size >= least else set()
        num_copies = sum(is_copy for is_copy, _ in stretches)
        if text in seen_texts or (num_copies and left < least_left):
            answers.append(None)
            continue
        seen_texts.add(text)
        seen |= own
        removed += num_copies
        lines = head + [line for is_copy, lines in stretches if not is_copy for line in lines]
        while stretches[-1][0] and not lines[-1].strip(WHITE):
            lines.pop()
        answers.append("\n".join(lines))
    return answers, removed


LINES = ["", " ", "a", "bb", "bbb", " bbb", "\u00e9\u00e9\u00e9", "\u6728" * 4, "cccc", "ddddd"]
TEXTS = st.lists(st.sampled_from(LINES), min_size=1, max_size=8).map("\n".join)
FILES = st.lists(st.lists(TEXTS.filter(str.strip), max_size=5), min_size=1, max_size=6)
PER_EXAMPLE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@PER_EXAMPLE
@given(FILES.filter(any), st.integers(1, 5), st.integers(1, 9), st.sampled_from([1, 60, 1 << 20]))
def test_a_slow_reading_of_the_rules_finds_the_same(world, files, least, shortest, part_bytes):
    texts = [text for file in files for text in file]
    cleaning = Cleaning(min_characters=shortest, max_bad_records=1)
    stay = [text for text in texts if len(text) >= shortest]
    expected, num_removed = slowly(stay, least=least, least_left=max(least, shortest))
    if all(text is None for text in expected):
        return
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_BATCH_BYTES", 16)
        patch.setattr(room, "_BLOCK_DOCUMENTS", 2)
        patch.setattr(tables, "_GROUP_ROWS", 3)
        world = type(world)(Path(folder))
        for number, file in enumerate(files):
            world.write(f"{number}.jsonl", [{"text": text} for text in file])
        facts = distinct(
            world, "*.jsonl", least=least, cleaning=cleaning, part_bytes=part_bytes, held_out=0.4
        )
        kept = [text for text in expected if text is not None]
        assert world.kept("text") == kept
        assert world.kept("id") == [of_text(text) for text in kept]
        assert world.kept("held_out") == [is_held_out(of_text(text), 0.4) for text in kept]
        assert facts["paragraphs_removed"] == num_removed
        assert facts["removed"].get("duplicate_paragraphs", 0) == len(expected) - len(kept)
        assert facts["read"] == len(texts)
        before = sum(
            len(text.encode())
            for text, left in zip(stay, expected, strict=True)
            if left is not None
        )
        assert facts["paragraph_bytes_removed"] == before - facts["bytes"]


@PER_EXAMPLE
@given(FILES.filter(any), st.integers(1, 5))
def test_every_long_paragraph_is_left_exactly_once(world, files, least):
    """What is left asks no more of a document than one paragraph: nothing is lost for good."""
    texts = [text for file in files for text in file]
    with TemporaryDirectory() as folder:
        world = type(world)(Path(folder))
        write_each(world, texts)
        distinct(world, "*.jsonl", least=least, part_bytes=1 << 20)

        def long(some):
            lines = (line for text in some for line in text.split("\n"))
            return [line for line in lines if len(line.strip(WHITE)) >= least]

        assert sorted(long(world.kept("text"))) == sorted(set(long(texts)))


KEYS = st.integers(0, 9)
MARKED = st.lists(st.tuples(st.integers(10, 14), st.lists(KEYS, max_size=5)), max_size=12)


@settings(max_examples=500)
@given(MARKED, st.integers(0, 2), st.integers(0, 6))
def test_the_table_forgets_what_stood_only_in_documents_that_go(marked, rest, least):
    """Few slots: the chains of probes run into one another and around the end."""
    keys = [key for _, inside in marked for key in inside]
    table = new_table(0).repeat(1 + len(set(keys)) + len({key for key, _ in marked}))
    documents = [(key, len(inside) + rest, len(inside)) for key, inside in marked]
    seen, gone, copies = set(), [], []
    for key, inside in marked:
        own = set()
        is_copy = [max(k, 1) in seen | own or own.add(max(k, 1)) is not None for k in inside]
        left = len(inside) + rest - sum(is_copy)
        gone.append(key in seen or (any(is_copy) and left < least))
        copies += is_copy
        if not gone[-1]:
            seen |= own | {key}
    found = np.zeros(len(keys), dtype=np.bool_)
    answer = judge(
        np.array(documents, dtype=np.uint64).reshape(-1, 3),
        np.array([(key, 1) for key in keys], dtype=np.uint64).reshape(-1, 2),
        least,
        table,
        found,
    )
    assert (answer.tolist(), found.tolist()) == (gone, copies)
    assert sorted(set(table.tolist()) - {0}) == sorted(seen)


def test_the_marks_of_a_slice_are_those_of_its_texts():
    texts = pa.array(["x", f"{BARK}\n\n a \n{ROOTS}\n", "", LEAVES], pa.large_string())
    documents, paragraphs = mark_documents(texts.slice(1, 2), 5)
    assert documents[:, 1:].tolist() == [[len(BARK) + 1 + len(ROOTS), 2], [0, 0]]
    assert paragraphs[:, 1].tolist() == [len(BARK), len(ROOTS)]
    hashes = [mark_documents(texts.slice(3), 5)[1][0, 0], *paragraphs[:, 0]]
    assert len(set(hashes)) == 3


class Killed(BaseException):
    """The process ends here."""


def stop_at(patch, step, *, after):
    """Stop the work before or after its ``step``-th change of the folder; return the counter."""
    calls = [0]

    def watched(function):
        def call(*args, **kwargs):
            answer = function(*args, **kwargs) if after else None
            calls[0] += 1
            if calls[0] == step:
                raise Killed
            return answer if after else function(*args, **kwargs)

        return call

    for name in ("replace", "unlink", "rmdir", "mkdir"):
        patch.setattr(os, name, watched(getattr(os, name)))
    return calls


@pytest.mark.parametrize("after", [False, True])
def test_work_that_was_stopped_anywhere_goes_on_to_the_same_bytes(world, after):
    write_each(
        world,
        [f"{BARK}\n{COOKIES}", f"{COOKIES}\n{ROOTS}", "", LEAVES, f"{LEAVES}\nred", ROOTS * 2],
    )
    facts = distinct(world, "*.jsonl")
    assert facts["removed"] == {"duplicate_paragraphs": 1, "empty": 1}
    assert facts["changed"] == {"paragraphs": 1}
    whole = content(world.out)
    kills = 0
    for step in range(1, 1000):
        shutil.rmtree(world.out)
        world.out.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            calls = stop_at(patch, step, after=after)
            try:
                distinct(world, "*.jsonl")
            except Killed:
                kills += 1
        if calls[0] < step:
            break
        assert distinct(world, "*.jsonl") == facts
        assert content(world.out) == whole
    assert kills == step - 1
    assert kills > 50, "the changes of the folder were not seen"


def test_what_was_half_written_when_the_work_stopped_is_written_again(world, monkeypatch):
    write_each(world, [f"{BARK}\n{COOKIES}", f"{COOKIES}\n{ROOTS}", f"{COOKIES}\n{LEAVES}"])
    facts = distinct(world, "*.jsonl")
    whole = content(world.out)
    shutil.rmtree(world.out)

    def stopped(part, columns):
        if part.name == "documents-00002.parquet":
            raise Killed  # the files of its marks are there, and empty
        return batches(part, columns)

    def torn(*args):
        answer = cut(*args)
        if args[3] == 2:
            (args[2] / "documents-00002.parquet").write_bytes(b"PAR1")
            raise Killed
        return answer

    batches, cut = room.batches, room._cut_part
    for name, broken in (("batches", stopped), ("_cut_part", torn)):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(room, name, broken)
            distinct(world, "*.jsonl")
    assert distinct(world, "*.jsonl") == facts
    assert content(world.out) == whole


def test_work_that_is_complete_is_not_done_again(world):
    write_each(world, [BARK, f"{BARK}\n{ROOTS}"])
    facts = distinct(world, "*.jsonl")
    stamps = {path: path.stat().st_mtime_ns for path in world.out.iterdir()}
    world.write("000.jsonl", b"not read again")
    assert distinct(world, "*.jsonl") == facts
    assert {path: path.stat().st_mtime_ns for path in world.out.iterdir()} == stamps


def documents(world, root, *, spec):
    source = Source(role="domain", path="data", held_out=0.2)
    files = source_files(["data"], world.folder)
    place = Workplace(
        recipe_dir=world.folder, root=root, hashes=FileHashes(), engine=Engine("native")
    )
    return documents_stage("oaks", source, ANY, files=files, place=place, paragraphs=spec)


def test_the_stage_has_the_same_bytes_whatever_the_parts_and_in_processes(world, monkeypatch):
    for name in "abcdef":
        rows = [f"{name} {n}\n{COOKIES} {n % 3}\n\n{BARK} {n % 7} {name}\n{n}" for n in range(20)]
        world.write(f"data/{name}.jsonl", [{"text": text} for text in rows])
    monkeypatch.setattr(engines, "_cores", lambda: 2)
    results = {}
    for place, part_bytes, small in (("one", 1 << 20, 1), ("many", 1, 1 << 30), ("spread", 1, 0)):
        with monkeypatch.context() as patch:
            patch.setattr(engines, "_SMALL_BYTES", small)
            patch.setattr(corpus, "parts_of", lambda f, b=part_bytes: parts_of(f, part_bytes=b))
            stage = documents(world, world.folder / place, spec=Paragraphs(min_characters=12))
            stage.make()
        rows = pa.concat_tables([pq.read_table(part) for part in parts(stage.path)])
        results[place] = (stage.facts(), rows.to_pylist(), content(stage.path))
    assert len(parts(stage.path)) == 6
    assert results["many"] == results["spread"]
    assert results["one"][:2] == results["many"][:2]
    facts = results["one"][0]
    assert (facts["kept"], facts["removed"]) == (7 * 6, {"duplicate_paragraphs": 13 * 6})
    assert facts["paragraphs_removed"] == 7 * 6 - 3
    names = {name.split("-")[0] for name in results["many"][2]}
    assert names == {"documents", "removed", "counts", "manifest.json"}


def test_a_mistake_in_the_source_is_told_with_its_name(world):
    world.write("data/a.jsonl", [{"text": ""}])
    stage = documents(world, world.folder / "runs", spec=Paragraphs())
    with pytest.raises(Exception, match="no document is left of 1") as caught:
        stage.make()
    assert caught.value.where.startswith("sources.oaks")


def test_paragraphs_are_part_of_the_fingerprint_only_when_they_are_looked_for(world):
    world.write("data/a.jsonl", [{"text": BARK}])
    off, on, other = (
        documents(world, world.folder, spec=spec)
        for spec in (None, Paragraphs(), Paragraphs(min_characters=99))
    )
    assert off.part.keys() == {"source", "cleaning", "files"}
    assert len({off.fingerprint, on.fingerprint, other.fingerprint}) == 3
    off.make()
    assert json.loads((off.path / "counts-00000.json").read_text())["changed"] == {}
    assert "paragraphs_removed" not in off.facts()


def test_the_recipe_is_off_until_it_is_asked():
    assert Deduplication().paragraphs is None
    assert Deduplication.model_validate({"paragraphs": {}}).paragraphs == Paragraphs()
    assert Paragraphs().min_characters == 100
