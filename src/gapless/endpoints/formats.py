"""Whether a server is held to a JSON schema, and how that is found out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Literal

from gapless.endpoints.request import Answer, Request
from gapless.endpoints.store import Answers

_MOST_DOUBTS = 3


def schema_format(fields: Sequence[str]) -> dict[str, Any]:
    """Return the response format of an object with these texts and nothing else."""
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in fields},
        "required": list(fields),
        "additionalProperties": False,
    }
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": schema},
    }


class Formats:
    """Decides which requests carry a response format.

    With ``auto`` the first request that names fields goes alone. The server is held to a schema
    from then on when its answer is such an object; not when the answer is something else, or when
    the server refused and took the same request without. Either is noted in the store for this
    model and address. An answer that was cut at its limit shows nothing: the next request is asked.
    After three such, or three in a row that a server refuses which used to take them, the job goes
    on without a schema, and nothing is noted.
    """

    def __init__(
        self, mode: Literal["auto", "json_schema", "text"], name: str, answers: Answers
    ) -> None:
        self._mode, self._name, self._answers = mode, f"json_schema: {name}", answers
        self._doubts = 0
        self.turn = asyncio.Lock()
        """Held by the request that finds out."""
        self._held: bool | None = mode == "json_schema"
        if mode == "auto":
            noted = answers.note(self._name)
            self._held = None if noted is None else noted == "yes"

    def is_open(self, request: Request) -> bool:
        """Return whether this request must find it out, or wait until another has."""
        return bool(request.fields) and self._held is None

    def of(self, request: Request) -> dict[str, Any]:
        """Return what is added to the body of a request."""
        if not request.fields or self._held is False:
            return {}
        return {"response_format": schema_format(request.fields)}

    def may_go_without(self) -> bool:
        """Return whether a request that was refused with its format is asked without it."""
        return self._mode == "auto"

    def learn(self, request: Request, answer: Answer, *, formatted: bool, refused: bool) -> None:
        """Take in an answer; ``refused``: without the format, after it was refused with it."""
        if self._mode != "auto" or not request.fields:
            return
        if formatted and self._held is None and answer.finish == "stop":
            self._decide(held=is_object(answer.text, request.fields))
        elif refused and self._held is None and answer.finish != "refused":
            self._decide(held=False)
        elif formatted and self._held:
            self._doubts = 0
        elif self._held is not False:
            self._doubts += 1
            if self._doubts == _MOST_DOUBTS:
                self._held = False

    def _decide(self, *, held: bool) -> None:
        self._held = held
        self._answers.put_note(self._name, "yes" if held else "no")


def is_object(text: str, fields: Sequence[str]) -> bool:
    """Return whether a text is a JSON object with these texts and nothing else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(value, dict)
        and set(value) == set(fields)
        and all(isinstance(part, str) for part in value.values())
    )
