import json
import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from gapless.corpus import readers, tables
from gapless.errors import DataError
from gapless.recipe.schema import Cleaning
from gapless.records.documents import is_held_out
from gapless.records.fingerprint import of_text


def test_the_counts_and_the_columns(world):
    records = [{"text": f"c\u00e9ll {number % 40}", "id": number, "q": 0.5} for number in range(50)]
    world.write("a.jsonl", records)
    facts = world.prepare("a.jsonl", id="id", scores=("q",), held_out=0.3)
    table = pq.read_table(world.out / "documents.parquet")
    assert table.column_names == ["id", "work", "text", "origin", "held_out", "q"]
    assert [str(kind) for kind in table.schema.types[-2:]] == ["bool", "double"]
    held_out = [is_held_out(str(number), 0.3) for number in range(40)]
    assert world.kept("held_out") == held_out
    assert 0 < sum(held_out) < 40
    texts = world.kept("text")
    assert world.kept("id") == [of_text(text) for text in texts]
    assert facts == {
        "read": 50,
        "kept": 40,
        "held_out": sum(held_out),
        "removed": {"duplicate": 10},
        "bytes": sum(len(text.encode()) for text in texts),
    }


def test_without_an_id_the_content_decides_what_is_held_out(world):
    texts = [f"cell {number}" for number in range(60)]
    world.write("a.jsonl", [{"text": text} for text in texts])
    world.prepare("a.jsonl", held_out="50%")
    assert world.kept("held_out") == [is_held_out(of_text(text), 0.5) for text in texts]


def test_the_order_is_that_of_the_files_and_lines(world, monkeypatch):
    monkeypatch.setattr(readers.read_files, "__kwdefaults__", {"window_bytes": 200_000})
    monkeypatch.setattr(tables, "_GROUP_ROWS", 777)
    for name in ("a.jsonl", "b.jsonl"):
        lines = [{"text": f"{name} line {line}"} for line in range(1, 10_001)]
        world.write(name, lines)
    assert world.prepare("*.jsonl")["kept"] == 20_000
    expected = [f"{name}:{line}" for name in ("a.jsonl", "b.jsonl") for line in range(1, 10_001)]
    assert world.kept("origin") == expected
    assert world.kept("text")[12_345] == "b.jsonl line 2346"


@pytest.mark.parametrize("window_bytes", [1, 5_000, 1 << 30])
def test_the_windows_are_no_difference(world, monkeypatch, window_bytes):
    texts = [f"cell {number * 7 % 3_000}" for number in range(6_000)]
    world.write("a.jsonl", [{"text": text} for text in texts])
    monkeypatch.setattr(readers.read_files, "__kwdefaults__", {"window_bytes": window_bytes})
    facts = world.prepare("a.jsonl")
    assert facts["removed"] == {"duplicate": 3_000}
    assert world.kept("text") == texts[:3_000]
    assert world.removed("origin")[0] == "a.jsonl:3001"


RUN = """
import json, sys
from pathlib import Path
from gapless.corpus import prepare_documents, source_files
from gapless.recipe.schema import Cleaning, Source
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
source = Source(role="domain", path=".", held_out=0.1)
prepare_documents(source, Cleaning(min_characters=1), source_files(["."], folder), out)
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
    assert contents[0].keys() == {"documents.parquet", "removed.parquet"}
    assert contents[0] == contents[1]


def test_row_groups_are_bounded_in_rows_and_in_bytes(world, monkeypatch):
    monkeypatch.setattr(tables, "_GROUP_ROWS", 4)
    monkeypatch.setattr(tables, "_GROUP_BYTES", 100)
    texts = [f"{number}" for number in range(10)] + ["x" * 99, "y" * 99, "z"]
    world.write("a.jsonl", [{"text": text} for text in texts])
    world.prepare("a.jsonl")
    file = pq.ParquetFile(world.out / "documents.parquet")
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


def test_importing_the_room_loads_no_daft_and_changes_no_environment():
    code = (
        "import os, sys; before = dict(os.environ); import gapless.corpus; "
        "assert 'daft' not in sys.modules and dict(os.environ) == before; "
        "from gapless.corpus.engine import load_daft; load_daft(); "
        "print(os.environ['DO_NOT_TRACK'], os.environ['DAFT_PROGRESS_BAR'])"
    )
    quiet = {"DO_NOT_TRACK", "DAFT_PROGRESS_BAR", "DAFT_ANALYTICS_ENABLED"}
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    environment["DAFT_PROGRESS_BAR"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "1"]


def test_a_run_says_nothing(world):
    world.write("data/a.jsonl", [{"text": json.dumps(number)} for number in range(100)])
    world.out.mkdir()
    command = [sys.executable, "-c", RUN, str(world.folder / "data"), str(world.out)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
