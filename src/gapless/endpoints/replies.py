"""What a server's reply means: an answer, a refusal, another try, or the end of the job.

200, a completion ------------> Answer       429, 503 with Retry-After -> Again, for everyone
200, anything else -----------> Again        408, 409, 5xx ------------> Again
400, 413, 422, 451 -----------> Refused      401, 403, 404, 3xx, ... --> Hopeless
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gapless.endpoints.request import Answer, Finish
from gapless.endpoints.waiting import retry_after

_About = Literal["key", "address", "model", "format", "quota"]

UNKNOWN = -1
"""Stands for tokens that the server did not count."""
LONGEST_WAIT_SECONDS = 3600
MOST_SAID = 300
"""Characters that are kept of a server's own words."""

_TRANSIENT = frozenset({408, 409, 425, 429})
_REFUSING = frozenset({400, 413, 422, 451})
_ABOUT: dict[int, _About] = {401: "key", 402: "quota", 403: "key"}
_UNFIT = re.compile(
    r"context.?(length|size|window)|maximum length|too long|too many (input )?tokens"
    r"|content.?(filter|management policy|policy)|safety"
)
_NO_MODEL = re.compile(
    r"model_not_found|(unknown|no such|invalid) model|model\b.{0,200}\b(does not exist|not found)"
)
_FORMAT = re.compile(
    r"response_format|json_schema|structured output|grammar|guided"
    r"|(unsupported|unknown|unrecognized).{0,20}(parameter|value|argument)"
)
_QUOTA = re.compile(r"insufficient_quota|billing|credit balance")


@dataclass(frozen=True)
class Again:
    """No answer this time."""

    reason: str
    wait: float | None = None
    """Seconds that the server asks to wait."""
    everyone: bool = False
    """The server is not to be asked anything for that time."""


@dataclass(frozen=True)
class Refused:
    """The server does not want this request."""

    detail: str
    certain: bool
    """Its words show that it is this request, and not everything that we ask."""


@dataclass(frozen=True)
class Hopeless:
    """Nothing that we ask will be answered."""

    what: str
    about: _About


def read_reply(
    key: str, status: int, headers: Mapping[str, str], content: bytes
) -> Answer | Again | Refused | Hopeless:
    """Return what a reply means for the request of this key; ``headers`` in small letters."""
    if 200 <= status < 300:
        return read_completion(key, _parsed(content))
    told = _told(content)
    what = f"HTTP {status}" + (f": {shown(told)}" if told else "")
    if status in _TRANSIENT or status >= 500:
        return _later(status, headers, what, told.lower())
    if 300 <= status < 400:
        what += f": it sends us on to {shown(headers.get('location', 'nowhere'))}"
    return _never(status, what, told.lower())


def read_completion(key: str, payload: Any) -> Answer | Again:
    """Return the answer of a chat completion, parsed; `Again` when it is none.

    Content that is null is an empty text, for it was paid for; a list of parts is joined. Tokens
    that are not counted are `UNKNOWN`.
    """
    if not isinstance(payload, dict):
        return Again("a body that is no JSON object")
    if payload.get("error"):
        return Again(f"an error in place of an answer: {shown(_words(payload))}")
    choices = payload.get("choices")
    if not isinstance(choices, list) or not choices:
        return Again("an answer without choices")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict) or (text := _text(message.get("content"))) is None:
        return Again("an answer without a message")
    finish, detail = _finish(choice, message)
    usage = payload.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    model = payload.get("model")
    return Answer(
        key=key,
        text="" if finish == "refused" else _whole(text),
        finish=finish,
        model=_whole(model) if isinstance(model, str) else "",
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        detail=detail,
    )


def shown(text: str) -> str:
    """Return a server's words as one printable line, cut."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MOST_SAID else line[: MOST_SAID - 3] + "..."


def _later(status: int, headers: Mapping[str, str], what: str, lower: str) -> Again | Hopeless:
    if status == 429 and _QUOTA.search(lower):
        return Hopeless(what, "quota")
    wait = retry_after(headers.get("retry-after")) if status in {429, 503} else None
    if wait is not None and wait > LONGEST_WAIT_SECONDS:
        return Hopeless(f"{what}: it asks to wait {wait:.0f} s", "quota")
    return Again(what, wait, everyone=status == 429 or wait is not None)


def _never(status: int, what: str, lower: str) -> Refused | Hopeless:
    if _NO_MODEL.search(lower):
        return Hopeless(what, "model")
    if status in _REFUSING:
        certain = status in {413, 451} or bool(_UNFIT.search(lower))
        if not certain and _FORMAT.search(lower):
            return Hopeless(what, "format")
        return Refused(what, certain)
    return Hopeless(what, _ABOUT.get(status, "address"))


def _finish(choice: Mapping[str, Any], message: Mapping[str, Any]) -> tuple[Finish, str]:
    reason = choice.get("finish_reason")
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        return "refused", shown(refusal)
    if reason == "content_filter":
        return "refused", "content_filter"
    return ("length" if reason in {"length", "max_tokens"} else "stop"), ""


def _text(content: Any) -> str | None:
    if content is None:
        return ""
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _count(value: Any) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if is_count else UNKNOWN


def _whole(text: str) -> str:
    """Replace halves of characters, which no file can hold."""
    return (
        text
        if text.isascii()
        else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


def _parsed(content: bytes) -> Any:
    import orjson

    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:  # halves of characters, which a model may write and orjson refuses
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _told(content: bytes) -> str:
    """Return the words of an error's body; OpenAI, vLLM, FastAPI and plain text have their own."""
    payload = _parsed(content[:65536])
    return _words(payload) if isinstance(payload, dict) else content[:2048].decode(errors="replace")


def _words(payload: Mapping[str, Any]) -> str:
    error = payload.get("error")
    told = error if isinstance(error, dict) else payload
    words = [told.get(name) for name in ("message", "detail", "code", "type")]
    if isinstance(error, str):
        words.insert(0, error)
    kept = [word if isinstance(word, str) else json.dumps(word) for word in words if word]
    return ", ".join(dict.fromkeys(kept))
