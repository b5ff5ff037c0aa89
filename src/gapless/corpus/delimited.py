"""Tables as text: CSV and TSV, plain or packed. The first row names the columns.

Fields with separators, line feeds or quotes stand in double quotes, and a quote within is doubled
(RFC 4180); TSV differs in the separator only, as spreadsheets and pandas write it. Quoting that
breaks these rules makes a problem row: to guess where such a field ends could join documents.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.corpus import lines
from gapless.corpus.rows import (
    BAD_SCORE,
    BROKEN_TEXT,
    LINE_TOO_LONG,
    NO_TEXT,
    UNREADABLE_LINE,
    WRONG_WIDTH,
    Columns,
    RowBuffer,
    column_twice,
    file_name,
    missing_column,
)
from gapless.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN_BYTES = 1000


def read_csv(path: Path, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Give the rows of a CSV file, each numbered by the line that it begins on."""
    return _read(path, columns, ",")


def read_tsv(path: Path, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Give the rows of a TSV file, each numbered by the line that it begins on."""
    return _read(path, columns, "\t")


def _read(path: Path, columns: Columns, separator: str) -> Iterator[pa.RecordBatch]:
    buffer, file = RowBuffer(columns, file_name(path)), _Lines(path)
    records = _records(file, separator)
    header, problem = next(records, ([], None))
    if problem is not None:
        what, mend = f"the header cannot be read ({problem})", "Name the columns in the first row."
        raise DataError(what, where=file.where(), mend=mend)
    if not header:
        return
    columns = columns.of_file(header, file.where())
    places = _places(header, columns, file.where())
    for fields, problem in records:
        if len(fields) == len(header):
            row = _row(fields, places, columns, problem)
        else:
            row = {"text": file.shown, "problem": problem or WRONG_WIDTH}
        batch = buffer.add(file.first, **row)
        if batch is not None:
            yield batch
    yield from buffer.rest()


def _places(header: list[str], columns: Columns, where: str) -> dict[str, int]:
    """Return where each column stands that the recipe names."""
    for name, setting in columns.settings():
        if name not in header:
            raise missing_column(name, setting, header, where)
        if header.count(name) > 1:
            raise column_twice(name, where)
    return {name: place for place, name in enumerate(header)}


def _row(
    fields: list[str], places: dict[str, int], columns: Columns, problem: str | None
) -> dict[str, Any]:
    """Return the text, work, scores and problem of a row; an empty field is null."""
    if columns.turns is not None:
        names = columns.turns.columns.values()
        found = columns.conversation({name: fields[places[name]] or None for name in names})
    else:
        text = fields[places[columns.text]] or None
        found = {"text": text, "problem": NO_TEXT if text is None else None}
    work = (fields[places[columns.id]] or None) if columns.id is not None else None
    problem = problem or found["problem"]
    scores = []
    for name in columns.scores:
        score, is_good = _score(fields[places[name]])
        problem = problem or (None if is_good else BAD_SCORE)
        scores.append(score)
    return {**found, "work": work, "problem": problem, "scores": scores}


def _score(field: str) -> tuple[float | None, bool]:
    if not field or field.isspace():
        return None, True
    try:
        return (None, False) if "_" in field else (float(field), True)
    except ValueError:
        return None, False


class _LongLine(Exception):  # noqa: N818
    """A record begins with a line that is too long."""


class _Lines:
    """The lines of a file for csv.reader, which takes as many as the record at hand has."""

    def __init__(self, path: Path) -> None:
        self.first = 0
        """Number of the record's first line."""
        self.shown = ""
        """Its beginning."""
        self.is_utf_8 = True
        self._size = 0
        self._name = file_name(path)
        self._lines = lines.numbered_lines(path)

    def begin(self) -> None:
        """Begin a record."""
        self._size, self.is_utf_8 = 0, True

    def where(self) -> str:
        """Return the place of the record."""
        return f"{self._name}:{self.first}"

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        is_first = self._size == 0
        self._size += len(line.content) + 1
        if is_first:
            self.first = line.number
            self.shown = line.content[:_SHOWN_BYTES].decode(errors="replace")
            if not line.is_whole:
                raise _LongLine
        elif not line.is_whole or self._size > lines.LONGEST_LINE:
            what = f"the quoted field that begins here does not end within {self._size} bytes"
            raise DataError(what, where=self.where(), mend="Close the quote, or drop the row.")
        try:
            return line.content.decode() + "\n"
        except UnicodeDecodeError:
            self.is_utf_8 = False
            return line.content.decode(errors="replace") + "\n"


def _records(file: _Lines, separator: str) -> Iterator[tuple[list[str], str | None]]:
    """Give the fields of each record that is not blank, and why they are none."""
    # The module's own limit, a process's one setting, would refuse long documents.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * lines.LONGEST_LINE))
    rows = csv.reader(file, delimiter=separator, strict=True)
    while True:
        file.begin()
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield [], UNREADABLE_LINE
        except _LongLine:
            yield [], LINE_TOO_LONG
        else:
            if fields:
                yield fields, None if file.is_utf_8 else BROKEN_TEXT
