import pytest
from reading import bad, failure, good, write


def test_one_file_is_one_document(tmp_path):
    path = write(tmp_path, "b.txt", "one\r\n\r\ntwo\n")
    assert good(path) == [(1, "one\r\n\r\ntwo\n")]
    assert good(write(tmp_path, "a.md", b"\xef\xbb\xbf# Title\n")) == [(1, "# Title\n")]
    assert good(write(tmp_path, "empty.txt", "")) == [(1, "")]
    assert bad(write(tmp_path, "c.txt", b"caf\xe9")) == [(1, "broken_text", "caf\ufffd")]


@pytest.mark.parametrize(
    ("source", "setting"), [({"id": "x"}, "id"), ({"scores": ("q",)}, "scores")]
)
def test_a_text_file_has_no_columns(tmp_path, source, setting):
    error = failure(write(tmp_path, "a.txt", "text"), **source)
    assert error.what == f"a text file has no columns, and the source names one in `{setting}`"
    assert error.where == "a.txt"


@pytest.mark.parametrize(
    "name", ["a.txt", "a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.csv", "a.parquet", "a.arrow"]
)
def test_a_file_that_is_not_there_any_more(tmp_path, name):
    error = failure(tmp_path / name)
    assert error.where == name
    assert error.what == "the file cannot be read: No such file or directory"
