import gzip
import json

import pytest
import zstandard

from gapless.corpus import rows
from gapless.errors import DataError
from gapless.recipe.schema import Cleaning
from gapless.records.fingerprint import of_text


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        (".jsonl", bytes),
        (".ndjson", bytes),
        (".jsonl.gz", gzip.compress),
        (".jsonl.zst", zstandard.ZstdCompressor().compress),
        (".ndjson.gz", lambda data: gzip.compress(data[:20]) + gzip.compress(data[20:])),
        (
            ".ndjson.zst",
            lambda data: b"".join(map(zstandard.compress, (data[:20], data[20:]))),
        ),
    ],
)
def test_every_packing_gives_the_same_documents(world, suffix, pack):
    records = [{"text": "one cell"}, {"text": "two c\u00e9lls \U0001f9eb"}]
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    world.write("a" + suffix, pack(lines.encode()))
    world.prepare("a" + suffix)
    assert world.kept("text", "origin") == [
        ("one cell", f"a{suffix}:1"),
        ("two c\u00e9lls \U0001f9eb", f"a{suffix}:2"),
    ]


def test_every_record_that_is_no_document_has_its_reason_and_line(world):
    lines = [
        b'\xef\xbb\xbf{"text": "first", "id": 7}\r\n',
        b"\n",
        b'{"text": "cut',
        b'\n["text"]\n',
        b'{"text": null}\n',
        b'{"body": "x"}\n',
        b'{"text": 5}\n',
        b'{"text": ["a"]}\n',
        b'{"text": "caf\xe9"}\n',
        b'{"text": "bad id", "id": 1.5}\n',
        b'{"text": "true is no id", "id": true}\n',
        b"[" * 100_000 + b"\n",
        b'{"text": "last", "id": ""}',
    ]
    world.write("a.jsonl", b"".join(lines))
    facts = world.prepare("a.jsonl", id="id")
    last = of_text("last")
    assert world.kept("text", "work", "origin") == [
        ("first", "7", "a.jsonl:1"),
        ("last", last, "a.jsonl:13"),
    ]
    removed = world.removed("origin", "reason", "beginning")
    assert removed[:-1] == [
        ("a.jsonl:3", "unreadable_line", '{"text": "cut'),
        ("a.jsonl:4", "unreadable_line", '["text"]'),
        ("a.jsonl:5", "no_text", None),
        ("a.jsonl:6", "no_text", None),
        ("a.jsonl:7", "not_text", "5"),
        ("a.jsonl:8", "not_text", '["a"]'),
        ("a.jsonl:9", "broken_text", '{"text": "caf\ufffd"}'),
        ("a.jsonl:10", "bad_id", "bad id"),
        ("a.jsonl:11", "bad_id", "true is no id"),
    ]
    assert removed[-1] == ("a.jsonl:12", "unreadable_line", "[" * 200)
    assert facts["removed"] == {
        "bad_id": 2,
        "broken_text": 1,
        "no_text": 2,
        "not_text": 2,
        "unreadable_line": 3,
    }
    assert (facts["read"], facts["kept"]) == (12, 2)


def test_half_a_surrogate_pair_becomes_one_replacement_character(world):
    world.write("a.jsonl", b'{"text": "ok \\ud83e\\uddeb"}\n{"text": "half \\ud83e and more"}\n')
    world.prepare("a.jsonl", cleaning=Cleaning(min_characters=1, max_broken_fraction=1))
    assert world.kept("text") == ["ok \U0001f9eb", "half \ufffd and more"]


def test_scores_are_numbers_or_null_and_anything_else_is_a_reason(world):
    records = [
        {"text": "a", "q": 1, "r": 0.5},
        {"text": "b", "q": None, "r": -2},
        {"text": "c", "q": "high", "r": 0},
        {"text": "d", "r": 0},
        {"text": "e", "q": 10**400, "r": 0},
        {"text": "f", "q": False, "r": 0},
    ]
    world.write("a.jsonl", records)
    world.prepare("a.jsonl", scores=("q", "r"))
    assert world.kept("text", "q", "r") == [("a", 1.0, 0.5), ("b", None, -2.0), ("d", None, 0.0)]
    assert world.removed("origin", "reason") == [
        ("a.jsonl:3", "bad_score"),
        ("a.jsonl:5", "bad_score"),
        ("a.jsonl:6", "bad_score"),
    ]


@pytest.mark.parametrize(
    ("settings", "setting"),
    [({"text": "txt"}, "text"), ({"id": "txt"}, "id"), ({"scores": ("txt",)}, "scores")],
)
def test_a_column_that_no_record_has_is_a_mistake_of_the_recipe(world, settings, setting):
    world.write("a.jsonl", "\nno object\n" + json.dumps({"text": "a", "title": "b"}) + "\n")
    with pytest.raises(DataError) as caught:
        world.prepare("a.jsonl", **settings)
    assert str(caught.value) == (
        "a.jsonl:3: there is no column 'txt'; the columns are: text, title\n"
        f"  Did you mean 'text'? Set `{setting}` of the source to the name of a column."
    )


def test_the_first_thousand_records_decide_about_a_column(world):
    records = [{"body": f"document {number}"} for number in range(rows.HEAD_RECORDS)]
    world.write("late.jsonl", [*records, {"text": "too late"}])
    with pytest.raises(DataError, match=r"late.jsonl:1: there is no column 'text'"):
        world.prepare("late.jsonl")
    world.write("soon.jsonl", [*records[1:], {"text": "in time"}])
    assert world.prepare("soon.jsonl")["removed"] == {"no_text": rows.HEAD_RECORDS - 1}


def test_the_file_that_lacks_the_column_is_named_and_not_the_first(world):
    world.write("a.jsonl", [{"text": "a"}])
    world.write("b.jsonl", [{str(number): 0 for number in range(25)}])
    with pytest.raises(DataError) as caught:
        world.prepare("*.jsonl")
    assert caught.value.where == "b.jsonl:1"
    assert caught.value.what.endswith("17, 18, 19 and 5 more")
    assert caught.value.mend == "Set `text` of the source to the name of a column."


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_a_packed_file_that_is_cut_or_is_none_is_refused(world, suffix, pack):
    lines = b"".join(b'{"text": "document %d"}\n' % number for number in range(50_000))
    packed = pack(lines)
    world.write(f"cut.jsonl{suffix}", packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"the packed file is damaged after line \d+") as caught:
        world.prepare(f"cut.jsonl{suffix}")
    assert "cut short" in caught.value.mend
    world.write(f"none.jsonl{suffix}", lines)
    with pytest.raises(DataError, match="damaged after line 0"):
        world.prepare(f"none.jsonl{suffix}")


def test_an_empty_packed_file_has_no_lines(world):
    world.write("a.jsonl", [{"text": "cell"}])
    world.write("b.jsonl.zst", b"")
    world.write("c.jsonl.gz", gzip.compress(b""))
    assert world.prepare(".")["read"] == 1
