"""A source's files to its documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.corpus.cleaning import with_ids, with_reasons
from gapless.corpus.held_out import with_held_out
from gapless.corpus.readers import read_files
from gapless.corpus.rows import Columns
from gapless.corpus.tables import DocumentTables
from gapless.errors import DataError

if TYPE_CHECKING:
    from gapless.recipe.schema import Cleaning, Source


def prepare_documents(
    source: Source, cleaning: Cleaning, files: Sequence[Path], out: Path
) -> dict[str, Any]:
    """Write the source's documents and removals into the folder ``out`` and return their counts.

    Raises:
        DataError: a file cannot serve the source, or no document is left.

    """
    columns = Columns(source.text, source.id, source.scores)
    columns.check()
    seen: set[bytes] = set()
    with DocumentTables(out, columns.scores) as tables:
        for rows in read_files(files, columns):
            documents = with_reasons(with_ids(rows), cleaning, seen)
            tables.add(with_held_out(documents, source.held_out).sort("position").to_arrow())
    if tables.kept == 0:
        raise _none_left(tables.removed, tables.first_removed)
    return {
        "read": tables.kept + tables.removed.total(),
        "kept": tables.kept,
        "held_out": tables.held_out,
        "removed": dict(sorted(tables.removed.items())),
        "bytes": tables.bytes,
    }


def _none_left(removed: Counter[str], first: dict[str, str]) -> DataError:
    if not removed:
        return DataError("there are no records in the files of the source")
    reasons = ", ".join(
        f"{reason} {count} (the first: {first[reason]})" for reason, count in removed.most_common()
    )
    mend = "Look at the records named; `text` of the source and `cleaning` decide what stays."
    return DataError(f"no document is left of {removed.total()}: {reasons}", mend=mend)
