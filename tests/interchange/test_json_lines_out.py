"""JSON Lines that are there when they are whole."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gapless.errors import RunError
from gapless.interchange import JsonLinesWriter

RECORDS: list[dict[str, Any]] = [{"text": "a\nb \u4e2d", "scores": {"x": 1.5}}, {"text": ""}]


def unpacked(path: Path) -> bytes:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        with path.open("rb") as file:
            return zstandard.ZstdDecompressor().stream_reader(file).read()
    return path.read_bytes()


@pytest.mark.parametrize("name", ["it.jsonl", "it.jsonl.zst", "it.jsonl.gz"])
def test_records_come_back_and_the_bytes_are_the_same_again(tmp_path: Path, name: str) -> None:
    written = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        with JsonLinesWriter(tmp_path / folder / name) as writer:
            for record in RECORDS:
                writer.write(record)
        written.append((tmp_path / folder / name).read_bytes())
        assert [path.name for path in (tmp_path / folder).iterdir()] == [name]
    lines = unpacked(tmp_path / "one" / name).decode().splitlines()
    assert [json.loads(line) for line in lines] == RECORDS
    assert written[0] == written[1]


def test_no_number_is_null(tmp_path: Path) -> None:
    with JsonLinesWriter(tmp_path / "it.jsonl") as writer:
        writer.write({"x": math.nan})
    assert (tmp_path / "it.jsonl").read_text() == '{"x":null}\n'


@pytest.mark.parametrize("name", ["it.jsonl", "it.jsonl.zst", "it.jsonl.gz"])
def test_an_error_on_the_way_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="midst"), JsonLinesWriter(tmp_path / name) as writer:
        writer.write(RECORDS[0])
        raise ValueError("in the midst")
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "it.jsonl"
    place.write_text("mine")
    with pytest.raises(RunError, match="already"):
        JsonLinesWriter(place)
    assert place.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["it.jsonl"]


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    place = tmp_path / "new" / "folder" / "it.jsonl"
    with JsonLinesWriter(place) as writer:
        writer.write({"text": "a"})
    assert place.read_text() == '{"text":"a"}\n'


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "it.jsonl"
    with pytest.raises(RunError, match="already"), JsonLinesWriter(place) as writer:
        writer.write(RECORDS[0])
        place.write_text("mine")
    assert place.read_text() == "mine"


def test_a_name_that_says_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"\.jsonl\.zst"):
        JsonLinesWriter(tmp_path / "it.json")
