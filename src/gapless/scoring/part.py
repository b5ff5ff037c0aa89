"""Score a part of a source's documents: the one function that a stage maps over parts."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.records.documents import batches, part_name
from gapless.records.scores import SCORES, VALUE, write_scores
from gapless.scoring.build import ScorerSpec, build_scorer

if TYPE_CHECKING:
    import pyarrow as pa


def score_part(spec: ScorerSpec, part: Path, out: Path, number: int) -> dict[str, Any]:
    """Write part ``number`` of a score; return how many documents it has and how many got none.

    A part that is complete is left as it is.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = out / part_name(SCORES, number)
    if not place.is_file():
        score = _scorer(spec)
        ids: list[pa.Array] = []
        answers: dict[str, list[pa.Array]] = {suffix: [] for suffix in spec.score.suffixes}
        for rows in batches(part, ["id", "text"]):
            ids.append(rows.column("id"))
            for suffix, values in score(rows.column("text")).items():
                answers[suffix].append(values)
        if not ids:  # the part lost every document; its columns have types all the same
            nothing = score(pa.array([], pa.large_string()))
            answers = {suffix: [nothing[suffix]] for suffix in answers}
        columns = {"id": pa.chunked_array(ids, pa.large_string())}
        for suffix, chunks in answers.items():
            columns[VALUE + suffix] = pa.chunked_array(chunks)
        write_scores(out, number, columns)
    values = pq.read_table(place, columns=[VALUE]).column(VALUE)
    return {"documents": len(values), "unscored": _missing(values)}


@lru_cache(maxsize=1)
def _scorer(spec: ScorerSpec) -> Any:
    """Build a scorer once per process: it may hold a model."""
    return build_scorer(spec)


def _missing(values: pa.ChunkedArray) -> int:
    import pyarrow as pa

    missing = int(values.null_count)
    if pa.types.is_floating(values.type):
        missing += int(np.isnan(values.drop_null().to_numpy()).sum())
    return missing
