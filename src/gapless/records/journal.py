"""Journals: append-only JSON Lines that a resumed run can cut back to a known point."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


class Journal:
    """One JSON Lines file.

    A kill in the middle of a write leaves half a line: reading stops before it, ``cut`` drops it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, *rows: dict[str, Any]) -> None:
        """Add rows at the end; readers see them at once, the disk has them after ``sync``.

        They go in one write, so that a kill leaves all of them or none, as far as a system can.
        """
        lines = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
        with self.path.open("ab") as file:
            file.write(lines)

    def sync(self) -> None:
        """Return when every row is on the disk."""
        if self.path.is_file():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the whole rows, oldest first."""
        for line in self._whole_lines():
            yield json.loads(line)

    def cut(self, keep: Callable[[dict[str, Any]], bool]) -> None:
        """Drop everything from the first row on that ``keep`` refuses."""
        if not self.path.is_file():
            return
        size = 0
        for line in self._whole_lines():
            if not keep(json.loads(line)):
                break
            size += len(line)
        with self.path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())

    def _whole_lines(self) -> Iterator[bytes]:
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield line


class JournalCopy(Journal):
    """A journal that another process writes: read once, then kept in memory alone."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._rows = list(super().rows())

    def append(self, *rows: dict[str, Any]) -> None:
        """Add rows at the end."""
        self._rows.extend(rows)

    def sync(self) -> None:
        """Do nothing: the process that writes does it."""

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows, oldest first."""
        yield from self._rows

    def cut(self, keep: Callable[[dict[str, Any]], bool]) -> None:
        """Drop everything from the first row on that ``keep`` refuses."""
        kept = next((i for i, row in enumerate(self._rows) if not keep(row)), len(self._rows))
        del self._rows[kept:]
