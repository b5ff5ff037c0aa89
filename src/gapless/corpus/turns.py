"""The turns of a batch of conversations, kept in step with their texts while these are cleaned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gapless.corpus.conversations import Turn, as_json, as_text

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.corpus.cleaners import Cleaner

NO_ANSWER = "no_answer"
"""The assistant says nothing: there is nothing to learn."""
NO_QUESTION = "no_question"
"""The assistant speaks before anybody has asked."""
EMPTY_TURN = "empty_turn"
"""A user or the assistant says nothing in a turn. A tool may."""


class Turns:
    """The conversations of a batch; null where a record is none."""

    def __init__(self, messages: pa.LargeStringArray) -> None:
        """Take the column of `conversations.as_json`."""
        self._all: list[list[Turn] | None] = [
            None if each is None else json.loads(each) for each in messages.to_pylist()
        ]

    def cleaned(
        self, clean: Cleaner, rows: np.ndarray, shown: pa.Array, answered: pa.Array
    ) -> pa.Array:
        """Change turn by turn the conversations ``rows`` whose texts a cleaner changed.

        ``shown`` are their texts as the cleaner saw them and ``answered`` as it left them; returned
        are the texts of the changed turns. What a cleaner would refuse alone it leaves as it is.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = shown.to_pylist()
        for at in np.flatnonzero(pc.not_equal(shown, answered)):
            turns = self._all[rows[at]]
            if turns is None:
                continue
            contents = pa.array([turn["content"] for turn in turns], pa.large_string())
            for turn, content in zip(turns, clean(contents).texts.to_pylist(), strict=True):
                turn["content"] = content
            texts[at] = as_text(turns)
        return pa.array(texts, pa.large_string())

    def reasons(self) -> pa.Array:
        """Return why a conversation cannot be learned from (null: it can)."""
        import pyarrow as pa

        return pa.array([turns and _reason(turns) for turns in self._all], pa.large_string())

    def column(self) -> pa.Array:
        """Return the conversations as they came."""
        import pyarrow as pa

        found = [None if turns is None else as_json(turns) for turns in self._all]
        return pa.array(found, pa.large_string())


def _reason(turns: Sequence[Turn]) -> str | None:
    roles = [turn["role"] for turn in turns]
    if "assistant" not in roles:
        return NO_ANSWER
    if "user" not in roles[: roles.index("assistant")]:
        return NO_QUESTION
    if any(not turn["content"].strip() for turn in turns if turn["role"] != "tool"):
        return EMPTY_TURN
    return None
