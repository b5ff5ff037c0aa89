import gzip
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from s3_server import serve

from gapless.corpus.readers import read_rows
from gapless.corpus.remote import RemoteFile, open_local
from gapless.corpus.resolve import source_files
from gapless.corpus.rows import Columns
from gapless.errors import DataError

OBJECTS = {
    "bucket/README.md": b"# A data set",
    "bucket/data/b.jsonl": b'{"text": "one"}\n{"text": 2}\n',
    "bucket/data/.cache/old.jsonl": b"{}",
    "bucket/data/deep er/a.jsonl.gz": gzip.compress(b'{"text": "three"}\n'),
    "bucket/data/notes.pdf": b"",
    "bucket/texts/big.txt": b"abcdefghij" * 2_000_000,
    "bucket/texts/empty.txt": b"",
}


@pytest.fixture(scope="module")
def store():
    with serve(dict(OBJECTS)) as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", address)
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        patch.setenv("AWS_REGION", "us-east-1")
        yield address


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def urls(*paths):
    return [file.url for file in source_files(paths, Path())]


@pytest.mark.parametrize("folder", ["s3://bucket", "s3://bucket/", "s3://bucket/data"])
def test_a_folder_gives_the_known_files_at_any_depth(store, folder):
    expected = ["s3://bucket/data/b.jsonl", "s3://bucket/data/deep er/a.jsonl.gz"]
    texts = ["s3://bucket/texts/big.txt", "s3://bucket/texts/empty.txt"]
    assert urls(folder) == expected + (texts if folder.rstrip("/") == "s3://bucket" else [])


def test_patterns_and_names_keep_their_turn_and_each_file_comes_once(store, tmp_path):
    (tmp_path / "local.txt").write_text("here")
    paths = ["s3://bucket/texts/*", "local.txt", "s3://bucket/data/b.jsonl", "s3://bucket/**/*.txt"]
    first, second, local, fourth = source_files(paths, tmp_path)
    assert first == RemoteFile("s3://bucket/texts/big.txt", 20_000_000)
    assert second == RemoteFile("s3://bucket/texts/empty.txt", 0)
    assert local == tmp_path / "local.txt"
    assert fourth == RemoteFile("s3://bucket/data/b.jsonl", 28)


def rows(file):
    return [row for batch in read_rows(file, Columns()) for row in batch.to_pylist()]


def test_rows_name_the_file_and_nothing_is_left_behind(store, scratch):
    plain, packed = source_files(["s3://bucket/data"], Path())
    assert [(row["origin"], row["text"], row["problem"]) for row in rows(plain)] == [
        ("b.jsonl:1", "one", None),
        ("b.jsonl:2", "2", "not_text"),
    ]
    assert [row["text"] for row in rows(packed)] == ["three"]
    assert list(scratch.iterdir()) == []


def test_a_file_is_fetched_byte_by_byte_and_deleted_after(store, scratch):
    big, empty = source_files(["s3://bucket/texts"], Path())
    for file in (big, empty):
        with open_local(file) as path:
            assert path.is_relative_to(scratch)
            assert path.read_bytes() == OBJECTS[file.url.removeprefix("s3://")]
        assert not path.exists()


def test_a_local_file_is_opened_where_it_is(tmp_path):
    with open_local(tmp_path / "a.txt") as path:
        assert path == tmp_path / "a.txt"


def test_a_file_of_the_web_is_known_by_its_name_without_the_question(store):
    (file,) = source_files([f"{store}/bucket/data/b.jsonl?download=true"], Path())
    assert (file.name, file.size) == ("b.jsonl", 28)
    assert [row["text"] for row in rows(file)] == ["one", "2"]


def failure(act, *arguments):
    with pytest.raises(DataError) as caught:
        act(*arguments)
    return caught.value


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("s3://bucket/none", "there is no such file or folder"),
        ("s3://bucket/none/*.txt", "there is no such file or folder"),
        ("s3://nobody/a.txt", "there is no such file or folder"),
        ("s3://bucket/data/notes.pdf", "none of its 1 files has a known format (1 x .pdf)"),
        ("s3://", "this kind of address cannot be read"),
        ("ftp://bucket/a.txt", "this kind of address cannot be read"),
    ],
)
def test_what_cannot_be_found_is_named(store, path, what, capfd):
    error = failure(source_files, [path], Path())
    assert (error.where, error.what) == (path, what)
    assert error.mend
    assert "Error" not in capfd.readouterr().err


def test_a_page_that_is_not_there_is_named(store):
    error = failure(source_files, [f"{store}/bucket/none.txt"], Path())
    assert error.what.startswith("it cannot be found: ")
    assert "404" in error.what


def test_a_file_that_vanished_or_changed_since_it_was_found_is_an_error(store, scratch):
    (file,) = source_files(["s3://bucket/data/b.jsonl"], Path())
    error = failure(rows, replace(file, url="s3://bucket/data/gone.jsonl"))
    assert error.where == "s3://bucket/data/gone.jsonl"
    assert error.what.startswith("the file cannot be fetched: ")
    error = failure(rows, replace(file, size=27))
    assert error.what == "the file has 28 bytes now and had 27 when it was found"
    assert list(scratch.iterdir()) == []
