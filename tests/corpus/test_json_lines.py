import gzip
import json
import math
import tracemalloc

import pytest
import zstandard
from hypothesis import assume, example, given
from hypothesis import strategies as st
from reading import bad, failure, good, read, write

from gapless.corpus import json_lines, lines, rows
from gapless.corpus.rows import Columns


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
def test_every_packing_gives_the_same_documents(tmp_path, suffix, pack):
    records = [{"text": "one cell"}, {"text": "two c\u00e9lls \U0001f9eb"}]
    content = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path = write(tmp_path, "a" + suffix, pack(content.encode()))
    assert good(path) == [(1, "one cell"), (2, "two c\u00e9lls \U0001f9eb")]


def test_every_record_that_is_no_document_has_its_reason_and_line(tmp_path):
    content = [
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
        b"  \t\r\n",
        b'{"text": "last", "id": ""}',
    ]
    path = write(tmp_path, "a.jsonl", b"".join(content))
    assert good(path, "work", id="id") == [(1, "first", "7"), (14, "last", None)]
    assert bad(path, id="id") == [
        (3, "unreadable_line", '{"text": "cut'),
        (4, "unreadable_line", '["text"]'),
        (5, "no_text", None),
        (6, "no_text", None),
        (7, "not_text", "5"),
        (8, "not_text", '["a"]'),
        (9, "broken_text", '{"text": "caf\ufffd"}'),
        (10, "bad_id", "bad id"),
        (11, "bad_id", "true is no id"),
        (12, "unreadable_line", "[" * 100_000),
    ]


def test_half_a_surrogate_pair_becomes_one_replacement_character(tmp_path):
    content = b'{"text": "ok \\ud83e\\uddeb"}\n{"text": "half \\ud83e and more"}\n'
    path = write(tmp_path, "a.jsonl", content)
    assert good(path) == [(1, "ok \U0001f9eb"), (2, "half \ufffd and more")]


def test_scores_are_numbers_or_null_and_anything_else_is_a_reason(tmp_path):
    records = [
        {"text": "a", "q": 1, "r": 0.5},
        {"text": "b", "q": None, "r": -2},
        {"text": "c", "q": "high", "r": 0},
        {"text": "d", "r": 0},
        {"text": "e", "q": 10**400, "r": 0},
        {"text": "f", "q": False, "r": 0},
        {"text": "g", "q": 2**70, "r": 1e300},
    ]
    path = write(tmp_path, "a.jsonl", records)
    assert good(path, "q", "r", scores=("q", "r")) == [
        (1, "a", 1.0, 0.5),
        (2, "b", None, -2.0),
        (4, "d", None, 0.0),
        (7, "g", 2.0**70, 1e300),
    ]
    assert [row[:2] for row in bad(path, scores=("q", "r"))] == [
        (3, "bad_score"),
        (5, "bad_score"),
        (6, "bad_score"),
    ]


def test_whole_numbers_of_any_length_are_ids(tmp_path):
    long = 10**30 + 1
    path = write(tmp_path, "a.jsonl", [{"text": "a", "id": long}, {"text": "b", "id": -(2**64)}])
    assert good(path, "work", id="id") == [(1, "a", str(long)), (2, "b", str(-(2**64)))]


def test_the_last_of_two_equal_keys_counts(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"text": "first", "text": "last"}\n')
    assert good(path) == [(1, "last")]


def test_ids_that_come_twice_are_left_to_the_cleaning(tmp_path):
    path = write(tmp_path, "a.jsonl", [{"text": "a", "id": "x"}, {"text": "b", "id": "x"}])
    assert good(path, "work", id="id") == [(1, "a", "x"), (2, "b", "x")]


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just(2**64)
)
_RECORDS = st.dictionaries(
    st.sampled_from(["text", "id", "q"]),
    st.recursive(_SCALARS, lambda part: st.lists(part, max_size=3), max_leaves=5),
)
_LINES = st.one_of(
    _RECORDS.map(lambda record: json.dumps(record).encode()),
    _RECORDS.map(lambda record: json.dumps(record, ensure_ascii=False).encode(errors="replace")),
    st.builds(
        lambda record, end: json.dumps(record).encode()[:-end],
        _RECORDS,
        st.integers(1, 9),
    ),
    st.binary(max_size=30),
)


@given(_LINES)
@example(b'{"text": "a", "id": 18446744073709551616}')
@example(b'{"text": "a", "q": NaN}')
@example(b'{"text": "a", "q": 1e400}')
@example(b'{"text": "a", "x": 1' + b"0" * 400 + b"}")
@example(b'{"text": "\x7f", "q": -0}')
@example(b'{"text": {"a": 123456789012345678901234567890}}')
def test_orjson_reads_what_json_reads(line):
    columns = Columns(id="id", scores=("q",))

    def outcome(parse):
        try:
            record = parse(line)
        except (ValueError, RecursionError) as error:
            return "broken" if isinstance(error, UnicodeDecodeError) else "refused"
        if not isinstance(record, dict):
            return "refused"
        return repr(json_lines._fields(record, columns))

    ours = outcome(lambda content: json_lines._parsed(content, columns))
    assert ours == outcome(lambda content: json.loads(content.decode()))


@pytest.mark.parametrize("depth", [900, 1000, 1100, 5000])
@pytest.mark.parametrize("form", ['{"text": %s}', '{"text": "a", "x": %s}'])
def test_deep_nesting_is_a_row_of_some_kind(tmp_path, depth, form):
    path = write(tmp_path, "a.jsonl", form % ("[" * depth + "]" * depth))
    assert [row["line"] for row in read(path)] == [1]


@pytest.mark.parametrize(
    ("settings", "setting"),
    [({"text": "txt"}, "text"), ({"id": "txt"}, "id"), ({"scores": ("txt",)}, "scores")],
)
def test_a_column_that_no_record_has_is_a_mistake_of_the_recipe(tmp_path, settings, setting):
    content = "\nno object\n" + json.dumps({"text": "a", "title": "b"}) + "\n"
    assert str(failure(write(tmp_path, "a.jsonl", content), **settings)) == (
        "a.jsonl:3: there is no column 'txt'; the columns are: text, title\n"
        f"  Did you mean 'text'? Set `{setting}` of the source to the name of a column."
    )


def test_the_first_thousand_records_decide_about_a_column(tmp_path):
    records = [{"body": f"document {number}"} for number in range(rows.HEAD_RECORDS)]
    error = failure(write(tmp_path, "late.jsonl", [*records, {"text": "too late"}]))
    assert (error.where, error.what[:27]) == ("late.jsonl:1", "there is no column 'text'; ")
    path = write(tmp_path, "soon.jsonl", [*records[1:], {"text": "in time"}])
    assert good(path) == [(rows.HEAD_RECORDS, "in time")]
    assert {problem for _, problem, _ in bad(path)} == {"no_text"}


def test_many_columns_are_shown_in_part(tmp_path):
    error = failure(write(tmp_path, "b.jsonl", [{str(number): 0 for number in range(25)}]))
    assert error.where == "b.jsonl:1"
    assert error.what.endswith("17, 18, 19 and 5 more")
    assert error.mend == "Set `text` of the source to the name of a column."


_PACKINGS = pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)]
)


@_PACKINGS
def test_a_packed_file_that_is_cut_or_is_none_is_refused_at_the_line_reached(
    tmp_path, suffix, pack
):
    content = b"".join(b'{"text": "document %d"}\n' % number for number in range(50_000))
    packed = pack(content)
    error = failure(write(tmp_path, f"cut.jsonl{suffix}", packed[: len(packed) // 2]))
    line = int(error.where.rpartition(":")[2])
    assert 0 < line < 50_000
    assert error.what.startswith(f"the packed file is damaged after line {line}: ")
    assert "cut short" in error.mend
    error = failure(write(tmp_path, f"none.jsonl{suffix}", content))
    assert error.where == f"none.jsonl{suffix}:0"


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst", "a.jsonl.gz", "b.jsonl.gz"])
def test_an_empty_file_has_no_rows(tmp_path, name):
    path = write(tmp_path, name, gzip.compress(b"") if name[0] == "b" else b"")
    assert read(path) == []


@_PACKINGS
def test_a_line_above_the_limit_is_counted_without_being_held(tmp_path, suffix, pack, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_LINE", 1 << 20)
    long = b'{"text": "%s"}\n' % (b"a" * (60 << 20))
    content = b'{"text": "before"}\n' + long + b" " * (2 << 20) + b'\n{"text": "after"}'
    path = write(tmp_path, f"a.jsonl{suffix}", pack(content))
    del long, content
    tracemalloc.start()
    try:
        found = read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [(row["line"], row["problem"]) for row in found] == [
        (1, None),
        (2, "line_too_long"),
        (3, "line_too_long"),
        (4, None),
    ]
    assert found[1]["text"] == '{"text": "' + "a" * 990
    assert peak < 48 << 20


@pytest.mark.parametrize("size", [20, 21, 22])
def test_the_limit_is_exact(tmp_path, monkeypatch, size):
    monkeypatch.setattr(lines, "LONGEST_LINE", 21)
    line = '{"text": "' + "a" * (size - 12) + '"}'
    path = write(tmp_path, "a.jsonl", f"{line}\n{line}\n")
    assert len(line) == size
    assert [row["problem"] for row in read(path)] == 2 * [None if size <= 21 else "line_too_long"]


@given(st.lists(st.binary(max_size=12), max_size=8), st.integers(1, 9), st.integers(1, 9))
def test_lines_are_those_of_python_wherever_blocks_end(tmp_path_factory, parts, block, longest):
    content = b"\n".join(parts)
    assume(not content.startswith(b"\xef"))  # perhaps a byte order mark
    path = write(tmp_path_factory.mktemp("lines"), "a.jsonl", content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK_BYTES", block)
        patch.setattr(lines, "LONGEST_LINE", longest)
        found = [tuple(line) for line in lines.numbered_lines(path)]
    expected = content.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert [line[0] for line in found] == list(range(1, len(expected) + 1))
    assert [line[2] for line in found] == [len(line) <= longest for line in expected]
    for (_, content, is_whole), line in zip(found, expected, strict=True):
        assert content == line if is_whole else line.startswith(content)


def test_not_a_number_is_a_score(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"text": "a", "q": NaN}\n')
    assert math.isnan(good(path, "q", scores=("q",))[0][2])
