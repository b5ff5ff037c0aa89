r"""Records to conversations: the formats that they come in, and their readable text.

    {"instruction": ..., "output": ...} --ChatColumns.read--> [{"role": ..., "content": ...}, ...]
    [{"role": ..., "content": ...}, ...] --as_text--> "User: ...\n\nAssistant: ..."

Roles are system, user, assistant and tool, or their other names. Only text is read: a turn with
calls of tools or with pictures makes a problem row. An empty system turn is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gapless.errors import DataError
from gapless.recipe.chats import SHAPES

if TYPE_CHECKING:
    from gapless.recipe.chats import Chat

Turn = dict[str, str]
"""One turn: its ``role`` and its ``content``."""

BAD_TURN = "bad_turn"
"""A turn has no known role, or content that is not text alone, or calls of tools."""
NO_TURNS = "no_turns"
"""The record has no conversation: a column is missing or null."""

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "ipython": "tool",
}
_LABELS = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}
_PLACES = {
    "question": "user",
    "prompt": "user",
    "instruction": "user",
    "answer": "assistant",
    "completion": "assistant",
    "output": "assistant",
}
"""Whose turn stands in a column that holds one."""


def as_text(messages: Sequence[Turn]) -> str:
    """Return a conversation as people read it: ``User: ...``, and so on, a blank line between."""
    return "\n\n".join(f"{_LABELS[turn['role']]}: {turn['content']}" for turn in messages)


def as_json(messages: Sequence[Turn]) -> str:
    """Return a conversation as the documents' column ``messages`` holds it."""
    return json.dumps(messages, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class ChatColumns:
    """Where a file's records keep their conversation, in one known format."""

    format: str
    columns: Mapping[str, str]
    """The format's own names of its columns to the file's."""

    @property
    def needed(self) -> list[str]:
        """The file's columns that no record can do without."""
        return [self.columns[name] for name in SHAPES[self.format].needed]

    def read(self, record: Mapping[str, Any]) -> tuple[list[Turn] | None, str | None]:
        """Return the conversation of a record, or the problem that makes it none."""
        parts = {name: record.get(column) for name, column in self.columns.items()}
        if any(parts[name] is None for name in SHAPES[self.format].needed):
            return None, NO_TURNS
        try:
            return list(self._turns(parts)), None
        except (TypeError, KeyError, ValueError, AttributeError):
            return None, BAD_TURN

    def present(self, names: Iterable[str]) -> ChatColumns:
        """Return the same without the optional columns that a file does not have."""
        needed, there = SHAPES[self.format].needed, set(names)
        kept = {n: c for n, c in self.columns.items() if n in needed or c in there}
        return replace(self, columns=kept)

    def _turns(self, parts: Mapping[str, Any]) -> Iterator[Turn]:
        """Give the turns; fails in any way where they are none."""
        if not _is_empty(parts.get("system")):
            yield {"role": "system", "content": _content(parts["system"])}
        for name in SHAPES[self.format].needed:
            value = parts[name]
            if name in {"messages", "conversations"} or isinstance(value, list):
                yield from _listed(value)
                continue
            content = _content(value)
            if name == "instruction" and not _is_empty(parts.get("input")):
                content = f"{content}\n\n{_content(parts['input'])}"
            yield {"role": _PLACES[name], "content": content}


def chat_columns(chat: Chat, names: Iterable[str], where: str) -> ChatColumns | None:
    """Return the columns of a source's conversations in a file that has columns ``names``.

    None when the columns of no format are there.

    Raises:
        DataError: the format is left open, and the columns of more than one are there.

    """
    there = set(names)
    known = [chat.format] if chat.format != "auto" else list(SHAPES)
    fit = [found for found in map(_named(chat), known) if there.issuperset(found.needed)]
    if len(fit) > 1:
        formats = " and ".join(found.format for found in fit)
        what = f"the conversations may stand in the columns of {formats}"
        raise DataError(what, where=where, mend="Name one of them in `chat.format` of the source.")
    return fit[0].present(there) if fit else None


def _named(chat: Chat) -> Any:
    def columns(name: str) -> ChatColumns:
        shape = SHAPES[name]
        own = [*shape.needed, *shape.optional]
        return ChatColumns(name, {column: chat.columns.get(column, column) for column in own})

    return columns


def no_conversations(chat: Chat, names: Sequence[str], where: str) -> DataError:
    """Return the error for a file that has the columns of no format."""
    wanted = "; ".join(
        f"{name}: {' and '.join(_named(chat)(name).needed)}"
        for name in ([chat.format] if chat.format != "auto" else SHAPES)
    )
    shown = ", ".join(list(names)[:20]) or "none"
    return DataError(
        f"there are no columns of conversations ({wanted}); the columns are: {shown}",
        where=where,
        mend="Set `chat.format` of the source, and in `chat.columns` what its columns are called.",
    )


def _listed(value: Any) -> Iterator[Turn]:
    """Give the turns of a list, or of JSON text that is one."""
    turns = json.loads(value) if isinstance(value, str) else value
    if not isinstance(turns, list) or not turns:
        raise ValueError("no list of turns")
    for turn in turns:
        role = _ROLES[_either(turn, "role", "from").lower()]
        if turn.get("tool_calls"):
            raise ValueError("calls of tools are not read")
        content = _content(_either(turn, "content", "value"))
        if role != "system" or not _is_empty(content):
            yield {"role": role, "content": content}


def _either(turn: Mapping[str, Any], *names: str) -> Any:
    """Return what stands under the first name that has something."""
    for name in names:
        if turn.get(name) is not None:
            return turn[name]
    raise KeyError(names[0])


def _content(value: Any) -> str:
    """Return text, or a list of pieces of text as one."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or any(piece["type"] != "text" for piece in value):
        raise TypeError("not text")
    return "".join(piece["text"] for piece in value)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
