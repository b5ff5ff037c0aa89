import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gapless.corpus import prepare_documents, source_files
from gapless.recipe.schema import Cleaning, Source


class World:
    """A folder of a source's files, and what becomes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"

    def write(self, name, content) -> Path:
        """Write bytes, a text, or a list of JSON records."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(record) + "\n" for record in content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def prepare(self, *paths, cleaning=None, **source) -> dict:
        self.out.mkdir(exist_ok=True)
        files = source_files(paths, self.folder)
        part = Source(role="domain", path=paths, **({"held_out": 0} | source))
        return prepare_documents(part, cleaning or Cleaning(min_characters=1), files, self.out)

    def kept(self, *columns) -> list[tuple]:
        return self._rows("documents.parquet", columns)

    def removed(self, *columns) -> list[tuple]:
        return self._rows("removed.parquet", columns)

    def _rows(self, name, columns):
        table = pq.read_table(self.out / name, columns=list(columns))
        rows = [tuple(row[column] for column in columns) for row in table.to_pylist()]
        return [row[0] for row in rows] if len(columns) == 1 else rows


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)
