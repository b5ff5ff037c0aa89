"""What a document must be to stay: a table of cleaners.

A cleaner takes the dataframe and gives it back with ``reason`` set where it was null and the
document must go. A reason that is set stays. To add one: a function, a line in CLEANERS, a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.corpus.engine import batch_column, load_daft
from gapless.corpus.rows import BROKEN_TEXT
from gapless.records.fingerprint import of_text

if TYPE_CHECKING:
    import daft

    from gapless.recipe.schema import Cleaning

_NOT_BLANK = r"\S"
_BROKEN = r"[\x{FFFD}\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]"
"""U+FFFD and the control characters, but for tab and the ends of lines."""


def with_ids(frame: daft.DataFrame) -> daft.DataFrame:
    """Add ``id``, the hash of the text, and let it stand for a missing ``work``."""

    def hashes(texts: Any) -> list[str | None]:
        return [None if text is None else of_text(text) for text in texts.to_pylist()]

    engine = load_daft()
    frame = frame.with_column("id", batch_column(hashes, "string", "text"))
    work = engine.functions.coalesce(engine.col("work"), engine.col("id"))
    return frame.with_column("work", work)


def with_reasons(frame: daft.DataFrame, cleaning: Cleaning, seen: set[bytes]) -> daft.DataFrame:
    """Add ``reason``: null for the documents that stay.

    ``seen`` holds the ids of the source's documents before these, and takes those of these.
    """
    frame = frame.with_column("reason", load_daft().col("problem"))
    for clean in CLEANERS:
        frame = clean(frame, cleaning, seen)
    return frame


def empty(frame: daft.DataFrame, _cleaning: Cleaning, _seen: set[bytes]) -> daft.DataFrame:
    """Remove texts of nothing but white space."""
    text = load_daft().col("text")
    return _removed(frame, ~text.regexp(_NOT_BLANK), "empty")


def too_short(frame: daft.DataFrame, cleaning: Cleaning, _seen: set[bytes]) -> daft.DataFrame:
    """Remove texts of few characters."""
    text = load_daft().col("text")
    return _removed(frame, text.length() < cleaning.min_characters, "too_short")


def broken_text(frame: daft.DataFrame, cleaning: Cleaning, _seen: set[bytes]) -> daft.DataFrame:
    """Remove texts with many characters that stand for lost ones."""
    text = load_daft().col("text")
    limit = text.length() * cleaning.max_broken_fraction
    return _removed(frame, text.regexp_count(_BROKEN) > limit, BROKEN_TEXT)


def duplicate(frame: daft.DataFrame, cleaning: Cleaning, seen: set[bytes]) -> daft.DataFrame:
    """Remove texts that stand before in the source. What is kept in memory are ids, not texts."""
    if not cleaning.remove_duplicates:
        return frame
    engine = load_daft()
    frame = frame.collect()
    stays = frame.where(engine.col("reason").is_null()).select("position", "id").sort("position")
    columns = stays.to_pydict()
    later = []
    for position, text_id in zip(columns["position"], columns["id"], strict=True):
        key = bytes.fromhex(text_id)
        if key in seen:
            later.append(position)
        seen.add(key)

    def is_later(positions: Any) -> Any:
        return engine.Series.from_numpy(np.isin(positions.to_arrow().to_numpy(), later))

    return _removed(frame, batch_column(is_later, "bool", "position"), "duplicate")


CLEANERS: tuple[Callable[[daft.DataFrame, Cleaning, set[bytes]], daft.DataFrame], ...] = (
    empty,
    too_short,
    broken_text,
    duplicate,
)
"""In this order: a document has the first reason that fits."""


def _removed(frame: daft.DataFrame, goes: Any, reason: str) -> daft.DataFrame:
    """Set the reason of the documents that go for no other one."""
    engine = load_daft()
    known = engine.col("reason")
    found = engine.functions.when(goes, engine.lit(reason))
    return frame.with_column("reason", engine.functions.coalesce(known, found))
