"""A source's files to its documents, part by part.

A part is a stretch of files; parts know nothing of one another, so they can be made anywhere at
once, and a part that is complete is never made again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.corpus.cleaning import CleaningLine, added_up
from gapless.corpus.readers import read_rows
from gapless.corpus.resolve import SourceFile, size_of
from gapless.corpus.rows import Columns
from gapless.corpus.tables import DocumentTables
from gapless.corpus.turns import Turns
from gapless.errors import DataError
from gapless.records.artifact import write_text
from gapless.records.documents import is_held_out
from gapless.records.fingerprint import of_text

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.recipe.cleanings import Cleaning
    from gapless.recipe.schema import Source

_PART_BYTES = 64 << 20
_BATCH_ROWS, _BATCH_BYTES = 1024, 2 << 20
_FIRST_RECORDS = 1000
"""A part with too many bad records among its first ones is given up at once."""


def parts_of(
    files: Sequence[SourceFile], *, part_bytes: int = _PART_BYTES
) -> list[list[SourceFile]]:
    """Divide files into stretches of about a size; a larger file is a part by itself."""
    stretches: list[list[SourceFile]] = []
    size = 0
    for file in files:
        own = size_of(file)
        if not stretches or size + own > part_bytes:
            stretches.append([])
            size = 0
        stretches[-1].append(file)
        size += own
    return stretches


def prepare_part(
    source: Source, cleaning: Cleaning, files: Sequence[SourceFile], out: Path, number: int
) -> dict[str, Any]:
    """Write part ``number`` of the source's documents and removals; return its counts.

    A part that is complete is left as it is.

    Raises:
        DataError: a file cannot serve the source, or too many of its records cannot be read.

    """
    place = out / f"counts-{number:05d}.json"
    if place.is_file():
        return dict(json.loads(place.read_text()))
    columns = Columns(source.text, source.id, source.scores, source.chat)
    columns.check()
    line = CleaningLine(cleaning)
    bad = _BadRecords(cleaning.max_bad_records)
    with DocumentTables(
        out,
        number,
        scores=columns.scores,
        keep_removed=cleaning.keep_removed,
        messages=source.chat is not None,
    ) as tables:
        for rows in _gathered(chain.from_iterable(read_rows(file, columns) for file in files)):
            bad.watch(rows)
            tables.add(_documents(rows, line, source.held_out))
    counts = {
        "kept": tables.kept,
        "held_out": tables.held_out,
        "removed": dict(sorted(tables.removed.items())),
        "first_removed": tables.first_removed,
        "changed": {name: count for name, count in sorted(line.changed.items()) if count},
        "bad": bad.count,
        "first_bad": bad.first,
        "bytes": tables.bytes,
    }
    write_text(place, json.dumps(counts))
    return counts


def add_up(parts: Sequence[dict[str, Any]], cleaning: Cleaning) -> dict[str, Any]:
    """Return the counts of a whole source.

    Raises:
        DataError: no document is left, or too many records could not be read.

    """
    removed = added_up([part["removed"] for part in parts])
    first: dict[str, str] = {}
    for part in parts:
        first = part["first_removed"] | first
    kept, bad = sum(part["kept"] for part in parts), sum(part["bad"] for part in parts)
    read = kept + sum(removed.values())
    if bad > cleaning.max_bad_records * read:
        places = [place for part in parts for place in part["first_bad"]]
        raise _too_many_bad(bad, read, places, cleaning.max_bad_records)
    if kept == 0:
        raise _none_left(Counter(removed), first)
    return {
        "read": read,
        "kept": kept,
        "held_out": sum(part["held_out"] for part in parts),
        "removed": removed,
        "changed": added_up([part["changed"] for part in parts]),
        "bytes": sum(part["bytes"] for part in parts),
    }


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join small batches, such as those of files with one document each."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    rows = num_bytes = 0
    for batch in batches:
        waiting.append(batch)
        rows, num_bytes = rows + batch.num_rows, num_bytes + batch.nbytes
        if rows >= _BATCH_ROWS or num_bytes >= _BATCH_BYTES:
            yield pa.concat_batches(waiting)
            waiting, rows, num_bytes = [], 0, 0
    if waiting:
        yield pa.concat_batches(waiting)


def _documents(rows: pa.RecordBatch, line: CleaningLine, held_out: float) -> pa.Table:
    """Clean a batch; give each text its id and its side of the held-out split."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = {name: rows.column(name) for name in rows.schema.names}
    turns = Turns(columns["messages"]) if "messages" in columns else None
    texts, reasons = line.cleaned(columns["text"], columns["problem"], turns)
    if turns is not None:
        columns["messages"] = turns.column()
    ids = pa.array(
        [None if text is None else of_text(text) for text in texts.to_pylist()], pa.large_string()
    )
    works = pc.coalesce(rows.column("work"), ids)
    is_out = [work is not None and is_held_out(work, held_out) for work in works.to_pylist()]
    columns |= {"text": texts, "id": ids, "work": works, "reason": reasons}
    return pa.table(columns | {"held_out": pa.array(is_out, pa.bool_())})


class _BadRecords:
    """Counts the records that could not be read, and stops a hopeless part early."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._records = 0
        self.count = 0
        self.first: list[str] = []
        """Where the first of them are, with what is wrong."""

    def watch(self, rows: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        self._records += rows.num_rows
        problems = rows.filter(pc.is_valid(rows.column("problem")))
        self.count += problems.num_rows
        for row in problems.slice(0, 3).select(["origin", "problem"]).to_pylist():
            if len(self.first) < 3:
                self.first.append(f"{row['origin']} ({row['problem']})")
        if self._records >= _FIRST_RECORDS and self.count > self._limit * self._records:
            raise _too_many_bad(self.count, self._records, self.first, self._limit)


def _too_many_bad(bad: int, read: int, places: Sequence[str], limit: float) -> DataError:
    return DataError(
        f"{bad:,} of {read:,} records cannot be read, more than {limit:.3g} of them; "
        f"the first: {', '.join(places[:3])}",
        mend="Mend the files, or raise cleaning.max_bad_records to skip more.",
    )


def _none_left(removed: Counter[str], first: dict[str, str]) -> DataError:
    if not removed:
        return DataError("there are no records in the files of the source")
    reasons = ", ".join(
        f"{reason} {count} (the first: {first[reason]})" for reason, count in removed.most_common()
    )
    mend = "Look at the records named; `text` of the source and `cleaning` decide what stays."
    return DataError(f"no document is left of {removed.total()}: {reasons}", mend=mend)
