import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gapless.corpus import parquet
from gapless.errors import DataError


def write(world, table, name="a.parquet", **settings):
    pq.write_table(pa.table(table), world.folder / name, **settings)


def test_rows_are_numbered_from_one_over_batches_and_row_groups(world, monkeypatch):
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 3)
    texts = [f"text {number}" for number in range(8)]
    write(world, {"text": texts, "unread": [{"a": 1}] * 8}, row_group_size=5)
    world.prepare("a.parquet")
    expected = [(text, f"a.parquet:{row}") for row, text in enumerate(texts, 1)]
    assert world.kept("text", "origin") == expected


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.string_view()])
def test_every_kind_of_text_column_is_read(world, kind):
    write(world, {"text": pa.array(["c\u00e9ll", None], kind)})
    world.prepare("a.parquet")
    assert world.kept("text") == ["c\u00e9ll"]
    assert world.removed("origin", "reason", "beginning") == [("a.parquet:2", "no_text", None)]


def test_dictionaries_whole_number_ids_and_scores(world):
    write(
        world,
        {
            "text": pa.array(["a", "b", "a b"]).dictionary_encode(),
            "pmid": pa.array([3, None, 5], pa.int32()),
            "q": pa.array([1, None, 3], pa.int8()),
        },
    )
    world.prepare("a.parquet", id="pmid", scores=("q",))
    assert [row[1:] for row in world.kept("text", "work", "q")][::2] == [("3", 1.0), ("5", 3.0)]
    text, work, score = world.kept("text", "id", "q")[1]
    assert world.kept("work")[1] == work
    assert (text, score) == ("b", None)


@pytest.mark.parametrize("kind", [pa.binary(), pa.string()])
def test_bytes_that_are_no_utf_8_are_broken_text(world, kind):
    values = pa.array([b"good", b"caf\xe9", b"fine"], pa.binary())
    write(world, {"text": values if kind == pa.binary() else values.view(kind)})
    world.prepare("a.parquet")
    assert world.kept("text") == ["good", "fine"]
    assert world.removed("origin", "reason", "beginning") == [
        ("a.parquet:2", "broken_text", "caf\ufffd")
    ]


def failure(world, **source):
    with pytest.raises(DataError) as caught:
        world.prepare("a.parquet", **source)
    return caught.value


def test_a_missing_column(world):
    write(world, {"txt": ["a"], "n": [1]})
    error = failure(world)
    assert error.where == "a.parquet"
    assert error.what == "there is no column 'text'; the columns are: txt, n"
    assert error.mend.startswith("Did you mean 'txt'?")


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ({"text": "n"}, "the column 'n' holds int64, not text"),
        ({"id": "x"}, "the column 'x' holds double, not text or whole numbers"),
        ({"scores": ("text",)}, "a score cannot be named 'text': that column is there already"),
        ({"scores": ("t",)}, "the column 't' holds string, not numbers"),
        ({"scores": ("n", "n")}, "a score cannot be named 'n': that column is there already"),
    ],
)
def test_a_column_of_the_wrong_kind(world, source, what):
    write(world, {"text": ["a"], "n": [1], "x": [0.5], "t": ["t"]})
    assert failure(world, **source).what == what


def test_a_file_that_is_no_parquet(world):
    world.write("a.parquet", b"PAR1 but not really, it is far too short PAR1")
    error = failure(world)
    assert error.what.startswith("the Parquet file cannot be read: ")
    assert error.where == "a.parquet"
