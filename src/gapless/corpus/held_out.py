"""The held-out split: by the work's id alone, so that it is the same in every recipe."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from gapless.corpus.engine import batch_column

if TYPE_CHECKING:
    import daft

_POINTS = 1 << 64


def is_held_out(work: str, fraction: float) -> bool:
    """Whether a work is kept out of training; a larger fraction holds out these and more."""
    digest = hashlib.blake2b(work.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") < fraction * _POINTS


def with_held_out(frame: daft.DataFrame, fraction: float) -> daft.DataFrame:
    """Add the column ``held_out`` by the column ``work`` (null where there is no work)."""

    def held_out(works: Any) -> list[bool | None]:
        return [None if work is None else is_held_out(work, fraction) for work in works.to_pylist()]

    return frame.with_column("held_out", batch_column(held_out, "bool", "work"))
