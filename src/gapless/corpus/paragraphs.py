"""A source's documents without the paragraphs that stood in it before.

    files --prepare_part--> raw parts --mark--> hashes of their paragraphs
    hashes of all parts, in order --judge--> which paragraphs are copies, which documents must go
    raw parts, verdicts --write_part--> parts

Raw parts, marks and verdicts lie in a folder ``raw`` beside the parts, which goes at the end. Every
step is complete by the file it writes last and makes the same of the same, so that work that was
stopped anywhere goes on from there. Marks are read in blocks; what lies in memory is the table of
hashes, 12 bytes for each document and long paragraph of the source.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from gapless.corpus.cleaning import added_up
from gapless.corpus.prepare import prepare_part
from gapless.corpus.resolve import SourceFile
from gapless.corpus.tables import DocumentTables
from gapless.records.artifact import write_text
from gapless.records.documents import DOCUMENTS, REMOVED, batches, is_held_out, part_name
from gapless.records.fingerprint import of_text

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.recipe.cleanings import Cleaning, Paragraphs
    from gapless.recipe.schema import Source

    Each = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], list[Any]]

DUPLICATE_PARAGRAPHS = "duplicate_paragraphs"
_BLOCK_DOCUMENTS = 4096


def prepare_distinct(
    source: Source,
    cleaning: Cleaning,
    parts: Sequence[Sequence[SourceFile]],
    out: Path,
    *,
    spec: Paragraphs,
    each: Each,
) -> list[dict[str, Any]]:
    """Write the parts of a source, without copied paragraphs; return the counts of each.

    The counts are those of `prepare_part`; ``changed`` counts the documents that lost paragraphs
    as ``paragraphs``, and ``paragraphs`` holds what they lost. ``each(function, tasks)`` answers
    the function of every task, in order, wherever it does them.

    Raises:
        DataError: as `prepare_part`.

    """
    numbers = range(len(parts))
    if not all(_counts_file(out, number).is_file() for number in numbers):
        raw = out / "raw"
        raw.mkdir(exist_ok=True)
        counts = each(
            prepare_part, [(source, cleaning, parts[number], raw, number) for number in numbers]
        )
        each(mark_part_paragraphs, [(raw, number, spec.min_characters) for number in numbers])
        least = max(spec.min_characters, cleaning.min_characters)
        loses = _judge_parts(raw, len(parts), least)
        each(
            write_part,
            [
                (source, cleaning, raw, number, counts[number], spec if loses[number] else None)
                for number in numbers
            ],
        )
    if (out / "raw").is_dir():
        shutil.rmtree(out / "raw")
    return [json.loads(_counts_file(out, number).read_text()) for number in numbers]


def mark_part_paragraphs(raw: Path, number: int, least: int) -> None:
    """Write the marks of a raw part's documents and of their paragraphs, unless they are there.

    The hash of a document is the upper half of its id.
    """
    from gapless.corpus.paragraph_loops import HASH, mark_documents

    marks = _Marks.of(raw, number)
    if marks.documents.is_file():
        return
    waiting = marks.documents.with_suffix(".partial")
    with waiting.open("wb") as documents, marks.paragraphs.open("wb") as paragraphs:
        for rows in batches(raw / part_name(DOCUMENTS, number), ["id", "text"]):
            own, inside = mark_documents(rows.column("text"), least)
            own[:, HASH] = [int(key[:16], 16) for key in rows.column("id").to_pylist()]
            own.tofile(documents)
            inside.tofile(paragraphs)
    waiting.replace(marks.documents)


def write_part(
    source: Source,
    cleaning: Cleaning,
    raw: Path,
    number: int,
    counts: dict[str, Any],
    spec: Paragraphs | None,
) -> None:
    """Write a part beside its raw one, and its counts, unless they are there.

    A part that loses nothing has no ``spec`` here: its tables move to their place as they are.
    """
    out = raw.parent
    place = _counts_file(out, number)
    if place.is_file():
        return
    if spec is None:
        folder, lost = raw, {"paragraphs_removed": 0, "paragraph_bytes_removed": 0}
    else:
        folder = raw / f"cut-{number:05d}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        counts, lost = _cut_part(source, cleaning, folder, number, counts, spec)
        _put_before(raw / part_name(REMOVED, number), folder / part_name(REMOVED, number))
    for table in (DOCUMENTS, REMOVED):
        ready = folder / part_name(table, number)
        if ready.is_file():  # it has moved already if the work was stopped right after
            ready.replace(out / ready.name)
    write_text(place, json.dumps(counts | {"paragraphs": lost}))


def _judge_parts(raw: Path, num_parts: int, least: int) -> list[bool]:
    """Write the verdicts on all parts; return which of them lose something."""
    from gapless.corpus.paragraph_loops import PARAGRAPHS, judge, new_table

    line = [_Marks.of(raw, number) for number in range(num_parts)]
    table = new_table(sum(marks.num_documents() + marks.num_paragraphs() for marks in line))
    answers = []
    for marks in line:
        loses = False
        with ExitStack() as files:
            documents = files.enter_context(marks.documents.open("rb"))
            paragraphs = files.enter_context(marks.paragraphs.open("rb"))
            gone_file = files.enter_context(marks.gone.open("wb"))
            copies_file = files.enter_context(marks.copies.open("wb"))
            while len(block := _read(documents, 3, _BLOCK_DOCUMENTS)):
                inside = _read(paragraphs, 2, int(block[:, PARAGRAPHS].sum()))
                copies = np.zeros(len(inside), dtype=np.bool_)
                gone = judge(block, inside, least, table, copies)
                gone.tofile(gone_file)
                copies.tofile(copies_file)
                loses |= bool(gone.any() or copies.any())
        answers.append(loses)
    return answers


def _cut_part(
    source: Source,
    cleaning: Cleaning,
    folder: Path,
    number: int,
    counts: dict[str, Any],
    spec: Paragraphs,
) -> tuple[dict[str, Any], dict[str, int]]:
    """Write a part's tables into a folder of the raw ones; return its counts and what it lost.

    The removed table has only the documents that go here.
    """
    raw, marks = folder.parent, _Marks.of(folder.parent, number)
    columns = ["id", "work", "text", "origin", "held_out", *source.scores]
    changed = lost_paragraphs = lost_bytes = 0
    with ExitStack() as files:
        tables = files.enter_context(
            DocumentTables(folder, number, scores=source.scores, keep_removed=cleaning.keep_removed)
        )
        verdicts = [files.enter_context(path.open("rb")) for path in (marks.gone, marks.copies)]
        for rows in batches(raw / part_name(DOCUMENTS, number), columns):
            table, lost = _cut_rows(rows, verdicts, spec.min_characters, source.held_out)
            tables.add(table)
            changed += int(np.count_nonzero(lost))
            lost_paragraphs += int(lost.sum())
            lost_bytes += _num_bytes(rows.column("text")) - _num_bytes(table.column("text"))
    counts = counts | {
        "kept": tables.kept,
        "held_out": tables.held_out,
        "removed": added_up([counts["removed"], tables.removed]),
        "first_removed": tables.first_removed | counts["first_removed"],
        "changed": counts["changed"] | ({"paragraphs": changed} if changed else {}),
        "bytes": tables.bytes,
    }
    return counts, {"paragraphs_removed": lost_paragraphs, "paragraph_bytes_removed": lost_bytes}


def _cut_rows(
    rows: pa.RecordBatch, verdicts: Sequence[IO[bytes]], least: int, held_out: float
) -> tuple[pa.Table, np.ndarray]:
    """Return rows as they stay, with the reasons of those that go, and the paragraphs each lost.

    A changed text has another id, and another work and side of the split where the id is the work.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from gapless.corpus.paragraph_loops import PARAGRAPHS, cut_out, mark_documents

    own, _ = mark_documents(rows.column("text"), least)
    gone = np.fromfile(verdicts[0], dtype=np.bool_, count=len(rows))
    copies = np.fromfile(verdicts[1], dtype=np.bool_, count=int(own[:, PARAGRAPHS].sum()))
    texts, lost = cut_out(rows.column("text"), least, gone, copies)
    mask = pa.array(lost > 0)
    old = rows.select(["id", "work"]).filter(mask).to_pylist()
    ids = [of_text(text) for text in texts.filter(mask).to_pylist()]
    works = [
        key if row["work"] == row["id"] else row["work"] for key, row in zip(ids, old, strict=True)
    ]
    # Arrow 25's replace_with_mask goes wrong on a slice of booleans.
    is_out = rows.column("held_out").to_numpy(zero_copy_only=False).copy()
    is_out[lost > 0] = [is_held_out(work, held_out) for work in works]
    columns = {name: rows.column(name) for name in rows.schema.names}
    columns |= {"text": texts, "held_out": pa.array(is_out)}
    for name, values in (("id", ids), ("work", works)):
        new = pa.array(values, pa.large_string())
        columns[name] = pc.replace_with_mask(columns[name], mask, new)
    reasons = pc.if_else(pa.array(gone), DUPLICATE_PARAGRAPHS, pa.scalar(None, pa.string()))
    return pa.table(columns | {"reason": reasons}), lost


def _put_before(first: Path, second: Path) -> None:
    """Put the rows of a table before those of another, row group by row group."""
    import pyarrow.parquet as pq

    joined = second.with_suffix(".joined")
    with pq.ParquetWriter(joined, pq.read_schema(second), compression="zstd") as writer:
        for path in (first, second):
            with pq.ParquetFile(path) as table:
                for group in range(table.num_row_groups):
                    rows = table.read_row_group(group)
                    writer.write_table(rows, row_group_size=rows.num_rows)
    joined.replace(second)


@dataclass(frozen=True)
class _Marks:
    """The files of a raw part's marks and verdicts."""

    documents: Path
    """uint64, shape (documents, 3); see `paragraph_loops`."""
    paragraphs: Path
    """uint64, shape (paragraphs, 2)."""
    gone: Path
    """bool, shape (documents,): those that must go."""
    copies: Path
    """bool, shape (paragraphs,)."""

    @classmethod
    def of(cls, raw: Path, number: int) -> _Marks:
        names = ("documents", "paragraphs", "gone", "copies")
        return cls(*(raw / f"{name}-{number:05d}.marks" for name in names))

    def num_documents(self) -> int:
        return self.documents.stat().st_size // (3 * 8)

    def num_paragraphs(self) -> int:
        return self.paragraphs.stat().st_size // (2 * 8)


def _read(file: IO[bytes], width: int, rows: int) -> np.ndarray:
    return np.fromfile(file, dtype=np.uint64, count=width * rows).reshape(-1, width)


def _num_bytes(texts: pa.Array) -> int:
    import pyarrow.compute as pc

    return int(pc.sum(pc.binary_length(texts)).as_py() or 0)


def _counts_file(out: Path, number: int) -> Path:
    return out / f"counts-{number:05d}.json"
