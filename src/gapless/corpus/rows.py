"""Rows: what every reader makes of a record, whatever the format.

text      string or null        work       the user's id of the document, or null
origin    ``file name:line``    problem    why the record is no document, or null
messages  a conversation as JSON, or null; only where the source's records are conversations
one float64 column per score
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.corpus.conversations import (
    ChatColumns,
    as_json,
    as_text,
    chat_columns,
    no_conversations,
)
from gapless.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from gapless.recipe.chats import Chat

UNREADABLE_LINE = "unreadable_line"
"""The line is no JSON object, or no row of a table."""
LINE_TOO_LONG = "line_too_long"
"""The line is longer than lines.LONGEST_LINE."""
WRONG_WIDTH = "wrong_width"
"""The row of a table has more or fewer fields than its header."""
BROKEN_TEXT = "broken_text"
"""The bytes are no UTF-8."""
NO_TEXT = "no_text"
"""The record has no text, or null."""
NOT_TEXT = "not_text"
"""The text is a number, a list or another thing that is no string."""
BAD_ID = "bad_id"
"""The id is neither a string nor a whole number."""
BAD_SCORE = "bad_score"
"""A score is there and is no number."""
NO_MAIN_TEXT = "no_main_text"
"""The page has no text beside its navigation."""

HEAD_RECORDS = 1000
"""A column that none of a file's first records has is a mistake in the recipe."""
_BATCH_ROWS, _BATCH_CHARACTERS = 2048, 4 << 20
_SURROGATE = re.compile("[\ud800-\udfff]")
_SHOWN_NAMES = 20
_RESERVED = frozenset(
    ("id", "work", "text", "origin", "held_out", "problem", "position", "reason", "messages")
)


@dataclass(frozen=True)
class Columns:
    """Where a record keeps its text, its id and its scores."""

    text: str = "text"
    id: str | None = None
    scores: tuple[str, ...] = ()
    chat: Chat | None = None
    """Set where the records are conversations: then there is no column ``text``."""
    turns: ChatColumns | None = None
    """Where these stand, once a file's columns are known."""

    def of_file(self, names: Sequence[str], where: str) -> Columns:
        """Return the same for a file that has columns ``names``.

        Raises:
            DataError: it has no conversations, and the source's records are some.

        """
        if self.chat is None:
            return self
        turns = chat_columns(self.chat, names, where)
        if turns is None:
            raise no_conversations(self.chat, names, where)
        return replace(self, turns=turns)

    def conversation(self, record: Mapping[str, Any]) -> dict[str, str | None]:
        """Return the text, the messages and the problem of a record that is a conversation."""
        assert self.turns is not None
        messages, problem = self.turns.read(record)
        if messages is None:
            shown = json.dumps(record, ensure_ascii=False, default=str)
            return {"text": shown, "messages": None, "problem": problem}
        return {"text": as_text(messages), "messages": as_json(messages), "problem": None}

    def check(self) -> None:
        """Refuse scores whose names the document table has already."""
        for name in self.scores:
            if name in _RESERVED or self.scores.count(name) > 1:
                what = f"a score cannot be named {name!r}: that column is there already"
                mend = "Rename the column in the source's files and in its `scores`."
                raise DataError(what, mend=mend)

    def settings(self) -> Iterator[tuple[str, str]]:
        """Give each column with the setting of the recipe that names it."""
        if self.chat is None:
            yield self.text, "text"
        for name in self.turns.columns.values() if self.turns else ():
            yield name, "chat"
        if self.id is not None:
            yield self.id, "id"
        for name in self.scores:
            yield name, "scores"


def schema(columns: Columns) -> pa.Schema:
    """Return the schema of a reader's batches."""
    import pyarrow as pa

    names = ["text", "work", "origin", "problem"] + ["messages"] * (columns.chat is not None)
    return pa.schema(
        [(name, pa.large_string()) for name in names]
        + [(name, pa.float64()) for name in columns.scores]
    )


@dataclass
class RowBuffer:
    """Gathers rows one by one into batches of a bounded size."""

    columns: Columns
    file_name: str
    _rows: list[tuple[Any, ...]] = field(default_factory=list)
    _characters: int = 0

    def add(
        self,
        line: int,
        *,
        text: str | None,
        work: str | None = None,
        problem: str | None = None,
        messages: str | None = None,
        scores: Iterable[float | None] = (),
    ) -> pa.RecordBatch | None:
        """Take a row; give a batch when enough have come together."""
        given = tuple(scores) or (None,) * len(self.columns.scores)
        turns = (messages,) if self.columns.chat is not None else ()
        self._rows.append((text, work, f"{self.file_name}:{line}", problem, *turns, *given))
        self._characters += len(text) if text is not None else 0
        if len(self._rows) >= _BATCH_ROWS or self._characters >= _BATCH_CHARACTERS:
            return self._batch()
        return None

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Give the last rows."""
        if self._rows:
            yield self._batch()

    def _batch(self) -> pa.RecordBatch:
        import pyarrow as pa

        target = schema(self.columns)
        arrays = [
            text_array(values)
            if pa.types.is_large_string(column.type)
            else pa.array(values, column.type)
            for values, column in zip(zip(*self._rows, strict=True), target, strict=True)
        ]
        self._rows, self._characters = [], 0
        return pa.RecordBatch.from_arrays(arrays, schema=target)


def text_array(values: Iterable[str | None]) -> pa.Array:
    """Return texts as an array; half a surrogate pair, which it cannot hold, becomes U+FFFD."""
    import pyarrow as pa

    texts = list(values)
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell and UTF-8 cannot
        repaired = [text and _SURROGATE.sub("\ufffd", text) for text in texts]
        return pa.array(repaired, pa.large_string())


@dataclass
class Head:
    """Watches the first records of a file for the columns that the recipe names."""

    columns: Columns
    file_name: str
    _missing: dict[str, str] = field(init=False)
    _present: dict[str, None] = field(default_factory=dict)
    _first_line: int = 0
    _records: int = 0
    _has_turns: bool = False

    def __post_init__(self) -> None:
        self._missing = dict(self.columns.settings())

    def saw(self, line: int, names: Iterable[str], *, turns: bool = False) -> None:
        """Take a record's column names; fail when the head ends without a named column.

        ``turns`` says whether they are those of a conversation.
        """
        if self._records >= HEAD_RECORDS:
            return
        self._first_line = self._first_line or line
        self._records += 1
        self._present.update(dict.fromkeys(names))
        self._has_turns = self._has_turns or turns
        if self._records == HEAD_RECORDS:
            self.end()

    def end(self) -> None:
        """Fail when no record had a named column."""
        if self._records and self.columns.chat is not None:
            where = f"{self.file_name}:{self._first_line}"
            if not self._has_turns:
                raise no_conversations(self.columns.chat, list(self._present), where)
        for name, setting in self._missing.items() if self._records else ():
            if name not in self._present:
                where = f"{self.file_name}:{self._first_line}"
                raise missing_column(name, setting, list(self._present), where)


def missing_column(name: str, setting: str, present: list[str], where: str) -> DataError:
    """Return the error for a column that the recipe names and the file has not."""
    shown = ", ".join(present[:_SHOWN_NAMES]) or "none"
    more = f" and {len(present) - _SHOWN_NAMES} more" if len(present) > _SHOWN_NAMES else ""
    near = difflib.get_close_matches(name, present, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return DataError(
        f"there is no column {name!r}; the columns are: {shown}{more}",
        where=where,
        mend=f"{hint}Set `{setting}` of the source to the name of a column.",
    )


def column_twice(name: str, where: str) -> DataError:
    """Return the error for a column that the recipe names and the file has more than once."""
    what = f"there is more than one column {name!r}"
    return DataError(what, where=where, mend="Rename all but one of them in the file.")


def refuse_columns(columns: Columns, where: str, kind: str) -> None:
    """Fail when the source names a column and the file, one document, can have none."""
    if columns.id is not None or columns.scores or columns.chat is not None:
        setting = "id" if columns.id is not None else "scores" if columns.scores else "chat"
        what = f"{kind} has no columns, and the source names one in `{setting}`"
        mend = f"Leave `{setting}` out, or put the texts into JSON Lines or Parquet."
        raise DataError(what, where=where, mend=mend)


def file_name(path: Path) -> str:
    """Return the name of a file as text that can be stored, whatever bytes it has."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
