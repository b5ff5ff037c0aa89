"""Whatever bytes a file has: its rows are whole, or a DataError says where. Nothing else comes."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from reading import read, write

from gapless.errors import DataError

_RECORDS = [
    {"text": "one cell", "id": "a", "q": 0.5},
    {"text": "two\nlines, \u00e9", "id": 7, "q": None},
    {"text": None, "id": "a", "q": 2},
]
_JSON_LINES = "".join(json.dumps(record) + "\n" for record in _RECORDS * 3).encode()
_TABLE = b'id,text,q\n1,"one ""cell""",0.5\n2,"two\nlines",\n3,plain,x\n' * 3
_COLUMNS = {
    "text": ["one", None, "two\n\u00e9"] * 4,
    "id": list("abc") * 4,
    "q": [0.5, 1, None] * 4,
}


def _parquet(**options):
    sink = io.BytesIO()
    pq.write_table(pa.table(_COLUMNS), sink, row_group_size=5, **options)
    return sink.getvalue()


def _arrow(make):
    table, sink = pa.table(_COLUMNS), io.BytesIO()
    with make(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=5)
    return sink.getvalue()


_WHOLE = {
    "a.jsonl": [_JSON_LINES],
    "a.jsonl.gz": [gzip.compress(_JSON_LINES), gzip.compress(b"{}") * 3],
    "a.jsonl.zst": [zstandard.compress(_JSON_LINES), zstandard.compress(b"{}") * 3],
    "a.csv": [_TABLE],
    "a.csv.gz": [gzip.compress(_TABLE)],
    "a.tsv": [_TABLE.replace(b",", b"\t")],
    "a.parquet": [
        _parquet(),
        _parquet(compression="zstd", use_dictionary=False, data_page_version="2.0"),
    ],
    "a.arrow": [_arrow(pa.ipc.new_stream), _arrow(pa.ipc.new_file)],
}
_SIGNS = st.lists(
    st.sampled_from([*b'{}[]",:\\\n\r\t ', 0, 0x80, 0xC3, 0xD8, 0xFF, *b"eul1-text"]).map(
        lambda sign: bytes([sign])
    ),
    max_size=40,
).map(b"".join)


@st.composite
def _damaged(draw, wholes):
    """Return a good file with pieces cut, replaced or put in."""
    content = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(content)))
        piece = draw(st.one_of(st.binary(max_size=9), _SIGNS))
        end = place + draw(st.sampled_from([0, len(piece), 1, len(content)]))
        content[place:end] = piece
    return bytes(content)


@pytest.mark.parametrize("name", list(_WHOLE))
def test_a_file_is_read_or_refused(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("fuzz")
    outcomes, places = set(), set()

    @given(st.one_of(_damaged(_WHOLE[name]), st.binary(max_size=200), _SIGNS))
    def attempt(content):
        path = write(folder, name, content)
        try:
            rows = read(path, id="id", scores=("q",))
        except DataError as error:
            places.add(error.where.partition(":")[0])
            outcomes.add("refused")
            return
        outcomes.add("read")
        _check(rows, name, content)

    attempt()
    assert places <= {name}
    assert outcomes >= ({"read"} if name == "a.jsonl" else {"read", "refused"})


def _check(rows, name, content):
    last = 0
    for row in rows:
        assert row["problem"] is not None or row["text"] is not None
        assert row["line"] > last
        last = row["line"]
    if name.endswith((".jsonl", ".csv", ".tsv")):
        assert last <= content.count(b"\n") + 1
    if name == "a.jsonl":
        lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        expected = [number for number, line in enumerate(lines, 1) if line.strip()]
        assert [row["line"] for row in rows] == expected
