import pytest

from gapless.corpus.readers import read_files
from gapless.corpus.rows import Columns
from gapless.errors import DataError


def test_one_file_is_one_document(world):
    world.write("b.txt", "one\r\n\r\ntwo\n")
    world.write("a.md", b"\xef\xbb\xbf# Title\n")
    world.write("c.txt", b"caf\xe9")
    world.prepare(".")
    assert world.kept("text", "origin") == [
        ("# Title\n", "a.md:1"),
        ("one\r\n\r\ntwo\n", "b.txt:1"),
    ]
    assert world.removed("origin", "reason", "beginning") == [
        ("c.txt:1", "broken_text", "caf\ufffd")
    ]


@pytest.mark.parametrize(
    ("source", "setting"), [({"id": "x"}, "id"), ({"scores": ("q",)}, "scores")]
)
def test_a_text_file_has_no_columns(world, source, setting):
    world.write("a.txt", "text")
    with pytest.raises(DataError, match=f"names one in `{setting}`") as caught:
        world.prepare("a.txt", **source)
    assert caught.value.where == "a.txt"


def test_a_file_that_cannot_be_read_any_more(world):
    with pytest.raises(DataError, match=r"a\.txt: the file cannot be read: No such file"):
        list(read_files([world.folder / "a.txt"], Columns()))
