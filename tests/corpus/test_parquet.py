import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import bad, failure, good, read, write

from gapless.corpus import parquet
from gapless.corpus.readers import read_rows
from gapless.corpus.rows import Columns


def table(folder, columns, name="a.parquet", **settings):
    pq.write_table(pa.table(columns), folder / name, **settings)
    return folder / name


def test_rows_are_numbered_from_one_over_batches_and_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 3)
    texts = [f"text {number}" for number in range(8)]
    path = table(tmp_path, {"text": texts, "unread": [{"a": 1}] * 8}, row_group_size=5)
    assert good(path) == list(enumerate(texts, 1))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.string_view()])
def test_every_kind_of_text_column_is_read(tmp_path, kind):
    path = table(tmp_path, {"text": pa.array(["c\u00e9ll", None], kind)})
    assert good(path) == [(1, "c\u00e9ll")]
    assert bad(path) == [(2, "no_text", None)]


def test_dictionaries_whole_number_ids_and_scores(tmp_path):
    columns = {
        "text": pa.array(["a", "b", "a b"]).dictionary_encode(),
        "pmid": pa.array([3, None, 5], pa.int32()),
        "q": pa.array([1, None, 3], pa.int8()),
        "h": pa.array([0.5, None, 2], pa.float16()),
    }
    path = table(tmp_path, columns)
    assert good(path, "work", "q", "h", id="pmid", scores=("q", "h")) == [
        (1, "a", "3", 1.0, 0.5),
        (2, "b", None, None, None),
        (3, "a b", "5", 3.0, 2.0),
    ]


@pytest.mark.parametrize("kind", [pa.binary(), pa.string()])
def test_bytes_that_are_no_utf_8_are_broken_text(tmp_path, kind):
    values = pa.array([b"good", b"caf\xe9", b"fine"], pa.binary())
    path = table(tmp_path, {"text": values if kind == pa.binary() else values.view(kind)})
    assert good(path) == [(1, "good"), (3, "fine")]
    assert bad(path) == [(2, "broken_text", "caf\ufffd")]


def test_a_missing_column(tmp_path):
    error = failure(table(tmp_path, {"txt": ["a"], "n": [1]}))
    assert error.where == "a.parquet"
    assert error.what == "there is no column 'text'; the columns are: txt, n"
    assert error.mend.startswith("Did you mean 'txt'?")


def test_a_column_that_is_there_twice(tmp_path):
    columns = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["text", "text"])
    error = failure(table(tmp_path, columns))
    assert error.what == "there is more than one column 'text'"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ({"text": "n"}, "the column 'n' holds int64, not text"),
        ({"id": "x"}, "the column 'x' holds double, not text or whole numbers"),
        ({"scores": ("t",)}, "the column 't' holds string, not numbers"),
    ],
)
def test_a_column_of_the_wrong_kind(tmp_path, source, what):
    path = table(tmp_path, {"text": ["a"], "n": [1], "x": [0.5], "t": ["t"]})
    assert failure(path, **source).what == what


def test_a_file_without_rows_has_none_and_its_columns_are_checked(tmp_path):
    path = table(tmp_path, {"text": pa.array([], pa.string())})
    assert read(path) == []
    assert failure(path, id="x").what == "there is no column 'x'; the columns are: text"


@pytest.mark.parametrize("content", [b"", b"PAR1 but not really, it is far too short PAR1"])
def test_a_file_that_is_no_parquet(tmp_path, content):
    error = failure(write(tmp_path, "a.parquet", content))
    assert error.what.startswith("the Parquet file cannot be read: ")
    assert error.where == "a.parquet"


def test_a_file_that_is_cut_has_no_table_of_contents(tmp_path):
    path = table(tmp_path, {"text": [f"text {number}" for number in range(5000)]})
    path.write_bytes(path.read_bytes()[:-200])
    assert failure(path).where == "a.parquet"


def test_damage_within_a_file_is_named_with_the_row_reached(tmp_path):
    texts = [f"text {number}" for number in range(4000)]
    path = table(tmp_path, {"text": texts}, row_group_size=1000, compression="zstd")
    start = pq.ParquetFile(path).metadata.row_group(2).column(0).dictionary_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + 400] = bytes(400)
    path.write_bytes(content)
    assert failure(path).where == "a.parquet:1537"  # the batch after the last whole one


def test_a_large_row_group_is_not_held(tmp_path):
    texts = [os.urandom(5000).hex() for _ in range(3000)]
    path = table(tmp_path, {"text": texts}, row_group_size=3000, use_dictionary=False)
    before, highest = pa.total_allocated_bytes(), 0
    for batch in read_rows(path, Columns()):
        assert batch.num_rows <= 512
        highest = max(highest, pa.total_allocated_bytes() - before)
    assert highest < 20 << 20 < path.stat().st_size
