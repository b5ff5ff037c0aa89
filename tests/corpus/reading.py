"""Files of a test, and the rows that a reader makes of them."""

import json
from pathlib import Path

import pytest

from gapless.corpus.readers import read_rows
from gapless.corpus.rows import Columns, schema
from gapless.errors import DataError


def write(folder: Path, name: str, content) -> Path:
    """Write bytes, a text, or a list of JSON records."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, list):
        content = "".join(json.dumps(record) + "\n" for record in content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path, **columns) -> list[dict]:
    """Return a file's rows, the origin as the number of the line."""
    wanted = Columns(**columns)
    rows = []
    for batch in read_rows(path, wanted):
        assert batch.schema == schema(wanted)
        batch.validate(full=True)
        rows += batch.to_pylist()
    for row in rows:
        name, _, line = row["origin"].rpartition(":")
        assert name == path.name
        row["line"] = int(line)
    return rows


def good(path: Path, *names: str, **columns) -> list[tuple]:
    """Return line, text and the named columns of the rows without a problem."""
    rows = [row for row in read(path, **columns) if row["problem"] is None]
    return [(row["line"], row["text"], *(row[name] for name in names)) for row in rows]


def bad(path: Path, **columns) -> list[tuple]:
    """Return line, problem and text of the others."""
    rows = [row for row in read(path, **columns) if row["problem"] is not None]
    return [(row["line"], row["problem"], row["text"]) for row in rows]


def failure(path: Path, **columns) -> DataError:
    """Return the error that reading the file ends in."""
    with pytest.raises(DataError) as caught:
        read(path, **columns)
    assert caught.value.where
    assert caught.value.mend
    return caught.value
