"""What a scripted server does with a call: answer it, or one of the ways in which servers fail.

To add one: a frozen dataclass with `performance(body)`, which says what is sent, and when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Performance:
    """What is sent for a call."""

    payload: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None
    """Bytes of the payload that are sent before the connection is cut; all when left out."""
    seconds_per_byte: float = 0
    """The payload is sent byte by byte; 0 sends it whole."""
    silent: bool = False
    """Nothing is sent at all, and the connection stays open."""


class Behaviour(Protocol):
    """One thing that a scripted server can do with a call."""

    def performance(self, body: Mapping[str, Any], /) -> Performance:
        """Return what is sent for a call with this body."""


def completion(text: Any, *, finish: str | None = "stop", model: str = "scripted") -> Any:
    """Return the payload of an ordinary answer; its tokens are the characters of ``text``."""
    usage = {"prompt_tokens": 10, "completion_tokens": len(text or "")}
    return {
        "id": "scripted",
        "object": "chat.completion",
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish,
            }
        ],
        "usage": usage | {"total_tokens": sum(usage.values())},
    }


def _json(payload: Any) -> bytes:
    return json.dumps(payload).encode()


@dataclass(frozen=True)
class Reply:
    """An ordinary answer."""

    text: str = "yes"
    finish: str | None = "stop"

    def performance(self, body: Mapping[str, Any]) -> Performance:
        """Return it under the model's name that was asked for."""
        return Performance(
            _json(completion(self.text, finish=self.finish, model=body.get("model", "")))
        )


@dataclass(frozen=True)
class Broken:
    """An error of HTTP, with OpenAI's body for it."""

    status: int = 500
    message: str = "the scripted server is broken"
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def performance(self, _body: Mapping[str, Any]) -> Performance:
        """Return it, whatever was asked."""
        error = {"message": self.message, "type": "scripted", "code": self.code}
        return Performance(_json({"error": error}), self.status, self.headers)


@dataclass(frozen=True)
class RateLimited:
    """429: too many requests."""

    retry_after: float | str | None = None
    """Seconds, or an HTTP date; no such header when left out."""

    def performance(self, body: Mapping[str, Any]) -> Performance:
        """Return it, whatever was asked."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return Broken(429, "slow down", "rate_limit_exceeded", headers).performance(body)


@dataclass(frozen=True)
class Refusal:
    """No answer to this request: by the filter's finish, by the message, or with status 400."""

    detail: str = "I can't help with that."
    by: str = "filter"
    """``filter``, ``message`` or ``status``."""

    def performance(self, body: Mapping[str, Any]) -> Performance:
        """Return it, whatever was asked."""
        if self.by == "status":
            return Broken(400, self.detail, "content_filter").performance(body)
        payload = completion(None, finish="content_filter" if self.by == "filter" else "stop")
        if self.by == "message":
            payload["choices"][0]["message"]["refusal"] = self.detail
        return Performance(_json(payload))


@dataclass(frozen=True)
class Silence:
    """Not a byte: the client must give up."""

    def performance(self, _body: Mapping[str, Any]) -> Performance:
        """Return nothing to send."""
        return Performance(silent=True)


@dataclass(frozen=True)
class Cut:
    """An ordinary answer whose connection is cut midway; before its first byte with ``share`` 0."""

    share: float = 0.5

    def performance(self, body: Mapping[str, Any]) -> Performance:
        """Return a share of it."""
        whole = Reply().performance(body).payload
        return Performance(whole, sent=int(self.share * len(whole)))


@dataclass(frozen=True)
class TruncatedJson:
    """Half an answer, sent as if it were whole."""

    def performance(self, body: Mapping[str, Any]) -> Performance:
        """Return its first half."""
        whole = Reply().performance(body).payload
        return Performance(whole[: len(whole) // 2])


@dataclass(frozen=True)
class NoChoices:
    """An answer with an empty list of choices."""

    def performance(self, _body: Mapping[str, Any]) -> Performance:
        """Return it, whatever was asked."""
        return Performance(_json(completion("") | {"choices": []}))


@dataclass(frozen=True)
class WrongShape:
    """Any JSON: what another kind of server, or a faulty one, would say."""

    payload: Any

    def performance(self, _body: Mapping[str, Any]) -> Performance:
        """Return it, whatever was asked."""
        return Performance(_json(self.payload))


@dataclass(frozen=True)
class Long:
    """An ordinary answer of so many characters."""

    characters: int

    def performance(self, body: Mapping[str, Any]) -> Performance:
        """Return it."""
        return Reply("x" * self.characters).performance(body)


@dataclass(frozen=True)
class Drip:
    """An ordinary answer, a byte at a time."""

    seconds_per_byte: float
    text: str = "yes"

    def performance(self, body: Mapping[str, Any]) -> Performance:
        """Return it."""
        whole = Reply(self.text).performance(body).payload
        return Performance(whole, seconds_per_byte=self.seconds_per_byte)


@dataclass(frozen=True)
class Redirect:
    """An order to go elsewhere."""

    to: str
    status: int = 307

    def performance(self, _body: Mapping[str, Any]) -> Performance:
        """Return it, whatever was asked."""
        return Performance(b"", self.status, {"Location": self.to})
