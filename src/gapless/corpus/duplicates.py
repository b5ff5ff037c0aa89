"""Copies among the documents of all sources: which stay, and which fall to which.

    parts --mark_part--> ids and signatures on disk --find_duplicates--> {source: Removals}

Documents stand in one line: source after source by precedence, each in its own order. Of copies,
the first in line stays. What lies in memory are ids and signatures, never text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gapless.records.documents import batches
from gapless.records.removals import Removals

if TYPE_CHECKING:
    from gapless.recipe.cleanings import Deduplication, NearDuplicates

DUPLICATE, NEAR_DUPLICATE = "duplicate", "near_duplicate"
_KEY = np.dtype([("high", "<u8"), ("low", "<u8")])


def mark_part(part: Path, out: Path, near: NearDuplicates | None) -> None:
    """Write the ids of a part's documents, and their signatures when near copies are wanted."""
    columns = ["id"] if near is None else ["id", "text"]
    keys, signed = [], []
    for rows in batches(part, columns):
        digits = "".join(rows.column("id").to_pylist())
        keys.append(np.frombuffer(bytes.fromhex(digits), dtype=_KEY))
        if near is not None:
            from gapless.corpus.signatures import signatures

            hashes = near.bands * near.rows
            signed.append(signatures(rows.column("text"), ngram=near.ngram, hashes=hashes))
    _ids_file(out, part).write_bytes(np.concatenate([np.zeros(0, _KEY), *keys]).tobytes())
    if near is not None:
        with _signatures_file(out, part).open("wb") as file:
            for block in signed:
                file.write(np.ascontiguousarray(block, dtype=np.uint32).tobytes())


def find_duplicates(
    parts: Mapping[str, Sequence[Path]], marks: Path, spec: Deduplication
) -> dict[str, Removals]:
    """Return the removals of every source, from the marks of its parts."""
    sources = _in_line(list(parts), spec.precedence)
    line = [part for source in sources for part in parts[source]]
    keys = np.concatenate([np.fromfile(_ids_file(marks, part), dtype=_KEY) for part in line])
    copy_of = _exact(keys) if spec.exact else np.full(len(keys), -1, dtype=np.int64)
    similarity = (copy_of >= 0).astype(np.float32)
    is_exact = copy_of >= 0
    if spec.near is not None:
        _add_near(copy_of, similarity, _signatures(marks, line, spec.near), spec.near)
    firsts = _firsts(sources, parts, marks)
    return {
        source: _removals(copy_of, similarity, is_exact, sources, firsts, number)
        for number, source in enumerate(sources)
    }


def _in_line(sources: list[str], precedence: Sequence[str]) -> list[str]:
    return [*precedence, *(source for source in sources if source not in precedence)]


def _exact(keys: np.ndarray) -> np.ndarray:
    """Return for every document the first with the same id, or -1 where it is the first."""
    order = np.lexsort((keys["low"], keys["high"]))  # stable: of equal ids, the first comes first
    is_new = np.ones(len(keys), dtype=np.bool_)
    is_new[1:] = keys[order[1:]] != keys[order[:-1]]
    first = order[np.maximum.accumulate(np.where(is_new, np.arange(len(keys)), 0))]
    answer = np.full(len(keys), -1, dtype=np.int64)
    answer[order[~is_new]] = first[~is_new]
    return answer


def _add_near(
    copy_of: np.ndarray, similarity: np.ndarray, signed: np.ndarray, near: NearDuplicates
) -> None:
    """Find near copies among the documents that are no exact ones."""
    from gapless.corpus.near_copies import near_copies

    alone = np.flatnonzero(copy_of < 0)
    found = near_copies(signed[alone] if len(alone) < len(signed) else signed, near)
    removed = found.copy_of >= 0
    copy_of[alone[removed]] = alone[found.copy_of[removed]]
    similarity[alone[removed]] = found.similarity[removed]
    # A copy of a document that has now gone itself falls to the one that stays.
    exact = np.flatnonzero((copy_of >= 0) & (copy_of[copy_of] >= 0))
    similarity[exact] = similarity[copy_of[exact]]
    copy_of[exact] = copy_of[copy_of[exact]]


def _signatures(marks: Path, line: Sequence[Path], near: NearDuplicates) -> np.ndarray:
    """Map all signatures as one array, in line."""
    whole = marks / "signatures.u32"
    with whole.open("wb") as file:
        for part in line:
            own = _signatures_file(marks, part)
            file.write(own.read_bytes())
            own.unlink()
    width = near.bands * near.rows
    if whole.stat().st_size == 0:
        return np.zeros((0, width), dtype=np.uint32)
    mapped: np.ndarray = np.memmap(whole, dtype=np.uint32, mode="r").reshape(-1, width)
    return mapped


def _firsts(sources: Sequence[str], parts: Mapping[str, Sequence[Path]], marks: Path) -> np.ndarray:
    """Return where each source begins in line, and the end."""

    def sizes() -> Iterator[int]:
        for source in sources:
            yield sum(_ids_file(marks, part).stat().st_size for part in parts[source])

    return np.cumsum([0, *sizes()], dtype=np.int64) // _KEY.itemsize


def _removals(
    copy_of: np.ndarray,
    similarity: np.ndarray,
    is_exact: np.ndarray,
    sources: Sequence[str],
    firsts: np.ndarray,
    number: int,
) -> Removals:
    begin, end = list(pairwise(firsts.tolist()))[number]
    removed = begin + np.flatnonzero(copy_of[begin:end] >= 0)
    kept = copy_of[removed]
    homes = np.searchsorted(firsts, kept, side="right") - 1
    return Removals(
        documents=removed - begin,
        reasons=[DUPLICATE if exact else NEAR_DUPLICATE for exact in is_exact[removed].tolist()],
        by=[
            f"{sources[home]}:{document}"
            for home, document in zip(homes.tolist(), (kept - firsts[homes]).tolist(), strict=True)
        ],
        similarity=similarity[removed],
    )


def _ids_file(marks: Path, part: Path) -> Path:
    return marks / f"{part.parent.name}-{part.stem}.ids"


def _signatures_file(marks: Path, part: Path) -> Path:
    return marks / f"{part.parent.name}-{part.stem}.signatures"
