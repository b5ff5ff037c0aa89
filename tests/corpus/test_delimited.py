import csv
import gzip
import io
import math

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from reading import bad, failure, good, read, write

from gapless.corpus import lines


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [("", bytes), (".gz", gzip.compress), (".zst", zstandard.compress)],
)
@pytest.mark.parametrize(("kind", "separator"), [("csv", ","), ("tsv", "\t")])
def test_every_packing_and_separator_gives_the_same_documents(
    tmp_path, suffix, pack, kind, separator
):
    content = '\ufeffid,text,q\r\n7,"one, ""quoted"" c\u00e9ll",0.5\r\nb,plain,\r\n'
    content = content.replace(",", separator).encode()
    path = write(tmp_path, f"a.{kind}{suffix}", pack(content))
    assert good(path, "work", "q", id="id", scores=("q",)) == [
        (2, f'one{separator} "quoted" c\u00e9ll', "7", 0.5),
        (3, "plain", "b", None),
    ]


def test_a_row_has_the_number_of_its_first_line(tmp_path):
    content = 'text,n\n"two\nlines",1\n\n"three\r\n\r\nlines",2\nlast,3'
    path = write(tmp_path, "a.csv", content)
    assert good(path) == [(2, "two\nlines"), (5, "three\r\n\r\nlines"), (8, "last")]


def test_every_row_that_is_no_document_has_its_reason_and_line(tmp_path):
    content = [
        b"text,id,q",
        b"good,1,2",
        b"short,1",
        b"long,1,2,3",
        b",1,2",
        b"caf\xe9,1,2",
        b"score,1,high",
        b"score,1,1_0",
        b'"closed" too early,1,2',
        b"carriage\rreturn,1,2",
        b'"two\nlines",1',
        b"fine,,nan",
        b'"open,1,2',
        b"swallowed,1,2",
    ]
    path = write(tmp_path, "a.csv", b"\n".join(content))
    columns = {"id": "id", "scores": ("q",)}
    found = good(path, "work", "q", **columns)
    assert found[0] == (2, "good", "1", 2.0)
    assert found[1][:3] == (13, "fine", None)
    assert math.isnan(found[1][3])
    assert bad(path, **columns) == [
        (3, "wrong_width", "short,1"),
        (4, "wrong_width", "long,1,2,3"),
        (5, "no_text", None),
        (6, "broken_text", "caf\ufffd"),
        (7, "bad_score", "score"),
        (8, "bad_score", "score"),
        (9, "unreadable_line", '"closed" too early,1,2'),
        (10, "unreadable_line", "carriage\rreturn,1,2"),
        (11, "wrong_width", '"two'),
        (14, "unreadable_line", '"open,1,2'),
    ]


@pytest.mark.parametrize(
    ("content", "settings", "what", "line"),
    [
        ("txt,n\na,1\n", {}, "there is no column 'text'; the columns are: txt, n", 1),
        ("\n\ntext\na\n", {"id": "n"}, "there is no column 'n'; the columns are: text", 3),
        ("text,n,text\na,1,b\n", {}, "there is more than one column 'text'", 1),
        ('"text"x,n\na,1\n', {}, "the header cannot be read (unreadable_line)", 1),
    ],
)
def test_a_header_that_cannot_serve_the_source(tmp_path, content, settings, what, line):
    error = failure(write(tmp_path, "a.csv", content), **settings)
    assert (error.what, error.where) == (what, f"a.csv:{line}")


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "text,n\n", "text,n"])
def test_a_file_without_rows_has_none(tmp_path, content):
    assert read(write(tmp_path, "a.csv", content)) == []


def test_a_text_beyond_the_limit_of_the_csv_module_is_read(tmp_path):
    text = "a" * 300_000
    assert good(write(tmp_path, "a.csv", f"text\n{text}\n")) == [(2, text)]


def test_a_line_above_the_limit_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_LINE", 2000)
    path = write(tmp_path, "a.csv", f"text\nbefore\n{'a' * 2001}\nafter\n{'b' * 2000}\n")
    assert good(path) == [(2, "before"), (4, "after"), (5, "b" * 2000)]
    assert bad(path) == [(3, "line_too_long", "a" * 1000)]


@pytest.mark.parametrize("filling", ["a" * 100 + "\n", "a" * 3000 + "\n"])
def test_a_quote_that_does_not_end_within_the_limit_is_an_error_where_it_opens(
    tmp_path, monkeypatch, filling
):
    monkeypatch.setattr(lines, "LONGEST_LINE", 2000)
    path = write(tmp_path, "a.csv", "text\nbefore\n" + '"open\n' + filling * 100)
    error = failure(path)
    assert error.where == "a.csv:3"
    assert error.what.startswith("the quoted field that begins here does not end within ")


def test_a_packed_file_that_is_cut_is_refused_at_the_line_reached(tmp_path):
    packed = gzip.compress(b"text\n" + b"".join(b"document %d\n" % n for n in range(50_000)))
    error = failure(write(tmp_path, "a.csv.gz", packed[: len(packed) // 2]))
    assert 1 < int(error.where.rpartition(":")[2]) < 50_000


_FIELDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(
    lambda text: "\0" not in text
)


@given(st.lists(st.tuples(_FIELDS, _FIELDS), max_size=8), st.sampled_from([",", "\t"]))
def test_what_python_writes_is_read_back(tmp_path_factory, rows, separator):
    content = io.StringIO()
    writer = csv.writer(content, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "id"), *rows])
    name = "a.csv" if separator == "," else "a.tsv"
    path = write(tmp_path_factory.mktemp("delimited"), name, content.getvalue())
    found = [(row["text"] or "", row["work"] or "") for row in read(path, id="id")]
    assert found == rows
