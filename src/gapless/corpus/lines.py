"""Lines of a file, numbered, each held only up to a limit."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gapless.corpus.packed import damages, open_bytes
from gapless.corpus.rows import file_name
from gapless.errors import DataError

LONGEST_LINE = 64 << 20
"""Bytes. A longer line is no record: it is counted, and its memory is given back."""
_KEPT_BYTES = 1000
"""Of a line that is too long, this much stays, to show what it was."""
_BLOCK_BYTES = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line without its line feed; only its beginning where it is not whole."""

    number: int
    content: bytes
    is_whole: bool

    def is_blank(self) -> bool:
        """Whether there is nothing in it, or nothing but spaces."""
        return self.is_whole and (not self.content or self.content.isspace())


def numbered_lines(path: Path) -> Iterator[Line]:
    """Give every line of a plain or packed file, numbered from 1, without the byte order mark.

    Raises:
        DataError: the packed file is damaged or cut short; names the last line that was whole.

    """
    number = 0
    try:
        with open_bytes(path) as file:
            for line in _split(file):
                number = line.number
                yield line
    except damages() as error:
        what = f"the packed file is damaged after line {number}: {error}"
        mend = "Fetch or pack it again; a file cut short in a download looks like this."
        raise DataError(what, where=f"{file_name(path)}:{number}", mend=mend) from error


def _split(file: io.BufferedReader | gzip.GzipFile) -> Iterator[Line]:
    number, held = 1, _Held()
    while block := file.read1(_BLOCK_BYTES):  # what lies before damage, too
        *ended, rest = block.split(b"\n")
        for piece in ended:
            held.take(piece)
            yield held.line(number)
            number += 1
        held.take(rest)
    if not held.is_empty():
        yield held.line(number)


class _Held:
    """The line that is being gathered, from one or more blocks."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_whole = True

    def is_empty(self) -> bool:
        return self._size == 0

    def take(self, piece: bytes) -> None:
        if not piece:
            return
        self._size += len(piece)
        if self._is_whole:
            self._pieces.append(piece)
        if self._size > LONGEST_LINE and self._is_whole:
            self._is_whole = False
            beginnings = (held[:_KEPT_BYTES] for held in self._pieces)
            self._pieces = [b"".join(beginnings)[:_KEPT_BYTES]]

    def line(self, number: int) -> Line:
        """Return the line and begin the next one."""
        content = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        line = Line(number, content, self._is_whole)
        self._pieces, self._size, self._is_whole = [], 0, True
        if number == 1:
            line = line._replace(content=content.removeprefix(_BYTE_ORDER_MARK))
        return line
