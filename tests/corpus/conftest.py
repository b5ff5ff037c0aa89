import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gapless.corpus import add_up, parts_of, prepare_part, source_files
from gapless.recipe.cleanings import Cleaning
from gapless.recipe.schema import Source
from gapless.records.documents import parts


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

    def prepare(self, *paths, cleaning=None, part_bytes=1 << 20, **source) -> dict:
        self.out.mkdir(exist_ok=True)
        files = source_files(paths, self.folder)
        spec = Source(role="domain", path=paths, **({"held_out": 0} | source))
        cleaning = cleaning or Cleaning(min_characters=1, max_bad_records=1)
        counts = [
            prepare_part(spec, cleaning, part, self.out, number)
            for number, part in enumerate(parts_of(files, part_bytes=part_bytes))
        ]
        return add_up(counts, cleaning)

    def kept(self, *columns) -> list[tuple]:
        return self._rows("documents", columns)

    def removed(self, *columns) -> list[tuple]:
        return self._rows("removed", columns)

    def _rows(self, table, columns):
        rows = [
            tuple(row[column] for column in columns)
            for part in parts(self.out, table)
            for row in pq.read_table(part, columns=list(columns)).to_pylist()
        ]
        return [row[0] for row in rows] if len(columns) == 1 else rows


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)
