"""The held-out split: by the work's id alone, so that it is the same in every recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gapless.corpus.engine import batch_column
from gapless.records.documents import is_held_out

if TYPE_CHECKING:
    import daft


def with_held_out(frame: daft.DataFrame, fraction: float) -> daft.DataFrame:
    """Add the column ``held_out`` by the column ``work`` (null where there is no work)."""

    def held_out(works: Any) -> list[bool | None]:
        return [None if work is None else is_held_out(work, fraction) for work in works.to_pylist()]

    return frame.with_column("held_out", batch_column(held_out, "bool", "work"))
