import pyarrow as pa
import pytest
from reading import bad, failure, good, read, write

from gapless.corpus import arrow_files


def save(path, columns, kind="stream", batch_rows=3, **options):
    table = pa.table(columns)
    make = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with make(str(path), table.schema, **options) as writer:
        writer.write_table(table, max_chunksize=batch_rows)
    return path


@pytest.mark.parametrize("kind", ["stream", "file"])
@pytest.mark.parametrize("compression", [None, "zstd"])
def test_rows_are_numbered_over_batches(tmp_path, monkeypatch, kind, compression):
    monkeypatch.setattr(arrow_files, "_BATCH_ROWS", 2)
    texts = [f"text {number}" for number in range(8)]
    options = pa.ipc.IpcWriteOptions(compression=compression)
    columns = {"n": list(range(8)), "text": texts, "q": [0.5] * 8}
    path = save(tmp_path / "a.arrow", columns, kind, options=options)
    assert good(path, "work", "q", id="n", scores=("q",)) == [
        (row, text, str(row - 1), 0.5) for row, text in enumerate(texts, 1)
    ]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.string_view()])
def test_every_kind_of_text_column_is_read(tmp_path, kind):
    path = save(tmp_path / "a.arrow", {"text": pa.array(["c\u00e9ll", None, ""], kind)})
    assert good(path) == [(1, "c\u00e9ll"), (3, "")]
    assert bad(path) == [(2, "no_text", None)]


def test_dictionaries_are_read(tmp_path):
    path = save(tmp_path / "a.arrow", {"text": pa.array(["a", "b", "a"]).dictionary_encode()})
    assert good(path) == [(1, "a"), (2, "b"), (3, "a")]


def test_bytes_that_are_no_utf_8_are_broken_text(tmp_path):
    values = pa.array([b"good", b"caf\xe9"], pa.binary()).view(pa.string())
    path = save(tmp_path / "a.arrow", {"text": values})
    assert good(path) == [(1, "good")]
    assert bad(path) == [(2, "broken_text", "caf\ufffd")]


def test_columns_are_checked(tmp_path):
    path = save(tmp_path / "a.arrow", {"txt": ["a"], "n": [1]})
    assert failure(path).what == "there is no column 'text'; the columns are: txt, n"
    assert failure(path, text="n").what == "the column 'n' holds int64, not text"


def test_a_file_without_rows_has_none(tmp_path):
    assert read(save(tmp_path / "a.arrow", {"text": pa.array([], pa.string())})) == []


@pytest.mark.parametrize("content", [b"", b"ARROW1", b"no Arrow at all, but long enough to be"])
def test_a_file_that_is_no_arrow(tmp_path, content):
    error = failure(write(tmp_path, "a.arrow", content))
    assert error.what.startswith("the Arrow file cannot be read: ")
    assert error.where == "a.arrow"


def test_a_cut_stream_is_refused_with_the_row_reached_wherever_it_is_cut(tmp_path):
    texts = [f"text {number}" for number in range(9)]
    whole = save(tmp_path / "a.arrow", {"text": texts}).read_bytes()
    places = set()
    for size in range(len(whole)):
        places.add(failure(write(tmp_path, "cut.arrow", whole[:size])).where)
    assert places == {"cut.arrow", "cut.arrow:4", "cut.arrow:7", "cut.arrow:10"}


def test_offsets_that_lead_out_of_the_file_are_refused(tmp_path):
    path = save(tmp_path / "a.arrow", {"text": ["aaaa", "bbbb", "cccc"]})
    content = path.read_bytes()
    offsets = b"".join(n.to_bytes(4, "little") for n in (0, 4, 8, 12))
    assert content.count(offsets) == 1
    wild = b"".join(n.to_bytes(4, "little") for n in (0, 4, 1 << 30, 12))
    path.write_bytes(content.replace(offsets, wild))
    assert failure(path).what.startswith("the Arrow file cannot be read: ")
