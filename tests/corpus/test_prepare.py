import json
import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from gapless.corpus import tables
from gapless.errors import DataError
from gapless.recipe.cleanings import Cleaning
from gapless.records.documents import is_held_out, parts
from gapless.records.fingerprint import of_text


def test_the_counts_and_the_columns(world):
    records = [{"text": f"c\u00e9ll {number % 40}", "id": number, "q": 0.5} for number in range(50)]
    world.write("a.jsonl", records)
    facts = world.prepare("a.jsonl", id="id", scores=("q",), held_out=0.3)
    table = pq.read_table(world.out / "documents-00000.parquet")
    assert table.column_names == ["id", "work", "text", "origin", "held_out", "q"]
    assert [str(kind) for kind in table.schema.types[-2:]] == ["bool", "double"]
    held_out = [is_held_out(str(number), 0.3) for number in range(50)]
    assert world.kept("held_out") == held_out
    assert 0 < sum(held_out) < 50
    texts = world.kept("text")
    assert world.kept("id") == [of_text(text) for text in texts]
    assert facts == {
        "read": 50,
        "kept": 50,
        "held_out": sum(held_out),
        "removed": {},
        "changed": {},
        "bytes": sum(len(text.encode()) for text in texts),
    }


def test_without_an_id_the_content_decides_what_is_held_out(world):
    texts = [f"cell {number}" for number in range(60)]
    world.write("a.jsonl", [{"text": text} for text in texts])
    world.prepare("a.jsonl", held_out="50%")
    assert world.kept("held_out") == [is_held_out(of_text(text), 0.5) for text in texts]


def test_the_order_is_that_of_the_files_and_lines(world, monkeypatch):
    monkeypatch.setattr(tables, "_GROUP_ROWS", 777)
    for name in ("a.jsonl", "b.jsonl"):
        lines = [{"text": f"{name} line {line}"} for line in range(1, 10_001)]
        world.write(name, lines)
    assert world.prepare("*.jsonl")["kept"] == 20_000
    expected = [f"{name}:{line}" for name in ("a.jsonl", "b.jsonl") for line in range(1, 10_001)]
    assert world.kept("origin") == expected
    assert world.kept("text")[12_345] == "b.jsonl line 2346"


@pytest.mark.parametrize("part_bytes", [1, 300, 1 << 30])
def test_the_parts_are_no_difference_but_in_the_names_of_files(world, part_bytes):
    for name in "abcdefgh":
        world.write(f"{name}.jsonl", [{"text": f"{name} {line}"} for line in range(9)])
    facts = world.prepare("*.jsonl", part_bytes=part_bytes)
    assert facts["kept"] == 72
    assert world.kept("text") == [f"{name} {line}" for name in "abcdefgh" for line in range(9)]
    assert len(parts(world.out)) == {1: 8, 300: 4, 1 << 30: 1}[part_bytes]


def test_a_part_that_is_complete_is_not_made_again(world):
    world.write("a.jsonl", [{"text": "cell"}])
    world.write("b.jsonl", [{"text": "wall"}])
    facts = world.prepare("*.jsonl", part_bytes=1)
    world.write("a.jsonl", b"not read again")
    first, second = parts(world.out)
    stamp = first.stat().st_mtime_ns
    second.unlink()
    (world.out / "counts-00001.json").unlink()
    assert world.prepare("*.jsonl", part_bytes=1) == facts
    assert first.stat().st_mtime_ns == stamp
    assert world.kept("text") == ["cell", "wall"]


RUN = """
import json, sys
from pathlib import Path
from gapless.corpus import parts_of, prepare_part, source_files
from gapless.recipe.cleanings import Cleaning
from gapless.recipe.schema import Source
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
source = Source(role="domain", path=".", held_out=0.1)
for number, part in enumerate(parts_of(source_files(["."], folder))):
    prepare_part(source, Cleaning(min_characters=1), part, out, number)
"""


def test_the_files_are_equal_byte_for_byte_on_one_core_and_on_all(world):
    for name in ("data/a.jsonl", "data/b.jsonl"):
        world.write(name, [{"text": f"{name} {line % 9_000}"} for line in range(10_000)])
    every = os.sched_getaffinity(0)
    contents = []
    for place, cores in (("one", {min(every)}), ("all", every)):
        out = world.folder / place
        out.mkdir()
        command = [sys.executable, "-c", RUN, str(world.folder / "data"), str(out)]
        os.sched_setaffinity(0, cores)
        try:
            subprocess.run(command, check=True)
        finally:
            os.sched_setaffinity(0, every)
        contents.append({path.name: path.read_bytes() for path in out.iterdir()})
    names = {"documents-00000.parquet", "removed-00000.parquet", "counts-00000.json"}
    assert contents[0].keys() == names
    assert contents[0] == contents[1]


def test_row_groups_are_bounded_in_rows_and_in_bytes(world, monkeypatch):
    monkeypatch.setattr(tables, "_GROUP_ROWS", 4)
    monkeypatch.setattr(tables, "_GROUP_BYTES", 100)
    texts = [f"{number}" for number in range(10)] + ["x" * 99, "y" * 99, "z"]
    world.write("a.jsonl", [{"text": text} for text in texts])
    world.prepare("a.jsonl")
    file = pq.ParquetFile(world.out / "documents-00000.parquet")
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    assert sizes == [4, 4, 3, 2]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert world.kept("text") == texts


def test_no_document_left_is_an_error_with_the_counts(world):
    world.write("a.jsonl", [{"text": "cell"}, {"text": ""}, {"text": "wall"}])
    with pytest.raises(DataError) as caught:
        world.prepare("a.jsonl", cleaning=Cleaning(min_characters=5))
    assert caught.value.what == (
        "no document is left of 3: too_short 2 (the first: a.jsonl:1), "
        "empty 1 (the first: a.jsonl:2)"
    )
    assert "`cleaning`" in caught.value.mend


def test_empty_files_are_an_error(world):
    world.write("a.jsonl", b"\n\n")
    with pytest.raises(DataError, match="there are no records in the files"):
        world.prepare("a.jsonl")


def test_a_run_says_nothing(world):
    world.write("data/a.jsonl", [{"text": json.dumps(number)} for number in range(100)])
    world.out.mkdir()
    command = [sys.executable, "-c", RUN, str(world.folder / "data"), str(world.out)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
