"""Batches: requests written to a file, answered elsewhere, read back; in OpenAI's format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import orjson

from gapless.endpoints.formats import schema_format
from gapless.endpoints.replies import Again, Hopeless, Refused, read_reply
from gapless.endpoints.request import Answer, Request
from gapless.endpoints.store import Answers
from gapless.errors import DataError

_URL = "/v1/chat/completions"
_AT_ONCE = 1000
_MOST_LINES = 100
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Read:
    """What a file of responses has come to."""

    new: int = 0
    """Answers that the store did not have."""
    already: int = 0
    """Answers that it had; those stay as they were."""
    refused: int = 0
    """Of the new ones."""
    bad: Mapping[str, int] = field(default_factory=dict)
    """Reason to number of lines without an answer; their requests may be asked again."""
    bad_lines: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Reason to the numbers of its first 100 lines, counted from 1."""


def write_requests(
    requests: Iterable[Request], answers: Answers, file: Path, *, structured: bool = False
) -> int:
    """Write the requests without an answer, each once, and return how many.

    With ``structured`` those that name fields ask for that JSON schema. The file appears when it is
    whole.

    Raises:
        DataError: the file cannot be written.

    """
    partial = file.with_name(f"{file.name}.partial")
    num_written = 0
    try:
        with partial.open("wb") as out:
            for request in _unanswered(requests, answers):
                body = request.body()
                if structured and request.fields:
                    body["response_format"] = schema_format(request.fields)
                line = {"custom_id": request.key, "method": "POST", "url": _URL, "body": body}
                out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
                num_written += 1
        partial.replace(file)
    except OSError as error:
        what = f"the file of requests cannot be written: {error.strerror}"
        raise DataError(what, where=str(file), mend="Name another place.") from error
    return num_written


def read_responses(file: Path, answers: Answers) -> Read:
    """Read a file of responses into the store; reading it again changes nothing.

    An answer is known by its ``custom_id`` alone: one that nobody has asked for is stored like the
    others, and lies there unused. What is no answer (an error, a status of the server, a line cut
    short) is counted under its reason, and its request has still none.

    Raises:
        DataError: the file cannot be read.

    """
    new = already = refused = 0
    bad: Counter[str] = Counter()
    bad_lines: dict[str, list[int]] = {}
    for lines in _batched(_lines(file)):
        found: dict[str, Answer] = {}
        for number, line in lines:
            answer = _answer(line)
            if isinstance(answer, str):
                bad[answer] += 1
                places = bad_lines.setdefault(answer, [])
                if len(places) < _MOST_LINES:
                    places.append(number)
            elif answer.key in found:
                already += 1
            else:
                found[answer.key] = answer
        known = answers.known(list(found))
        fresh = [answer for key, answer in found.items() if key not in known]
        added = answers.put_all(fresh)
        new += added
        already += len(found) - added
        refused += sum(answer.finish == "refused" for answer in fresh)
    kept_lines = {reason: tuple(numbers) for reason, numbers in bad_lines.items()}
    return Read(new, already, refused, dict(bad), kept_lines)


def _unanswered(requests: Iterable[Request], answers: Answers) -> Iterator[Request]:
    written: set[bytes] = set()  # 16 bytes for each line of a file that has to be held somewhere
    for some in _batched(requests):
        known = answers.known([request.key for request in some])
        for request in some:
            short = bytes.fromhex(request.key)
            if request.key not in known and short not in written:
                written.add(short)
                yield request


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with file.open("rb") as source:
            for number, line in enumerate(source, 1):
                if line.strip():
                    yield number, line
    except OSError as error:
        what = f"the file of responses cannot be read: {error.strerror}"
        raise DataError(what, where=str(file), mend="Look at its name and rights.") from error


def _answer(line: bytes) -> Answer | str:
    """Return the answer of a line, or the reason why there is none."""
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "no JSON"
    key = entry.get("custom_id") if isinstance(entry, dict) else None
    if not isinstance(key, str) or not key:
        return "no custom_id"
    if entry.get("error"):
        return f"error: {_code(entry['error'])}"
    response = entry.get("response")
    if not isinstance(response, dict):
        return "no response"
    status = response.get("status_code", 200)
    if not isinstance(status, int):
        return "no status"
    return _read(key, status, response.get("body"))


def _read(key: str, status: int, body: Any) -> Answer | str:
    verdict = read_reply(key, status, {}, orjson.dumps(body))
    if isinstance(verdict, Answer):
        return verdict
    if isinstance(verdict, Refused) and verdict.certain:
        return Answer(key, "", "refused", "", 0, 0, verdict.detail)
    if isinstance(verdict, Again) and status == 200:
        return verdict.reason
    assert isinstance(verdict, Again | Refused | Hopeless)
    return f"HTTP {status}"


def _code(error: Any) -> str:
    code = error.get("code") if isinstance(error, dict) else error
    return str(code)[:60] if code else "unnamed"


def _batched(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while some := list(islice(iterator, _AT_ONCE)):
        yield some
