"""Answers of an annotator, kept on disk by the hash of the request: nothing is asked twice.

{"request": <32 hex digits>, "text": ..., "prompt_tokens": 512, "completion_tokens": 4}

The texts asked about, the endpoint's address and its key are not in it.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gapless.errors import DataError
from gapless.records.fingerprint import of_value
from gapless.records.journal import Journal

_ROWS_PER_SYNC = 32


@dataclass(frozen=True)
class Reply:
    """What a model answered, and the tokens it took where the server says."""

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def key_of(body: dict[str, Any]) -> str:
    """Return the hash of a request's body: the model's name, the prompt and the settings."""
    return of_value(body)


class Answers:
    """The file of answers; workers may add to it at once. One process writes it at a time."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a half-written last line is dropped.

        Raises:
            DataError: another line is not one of ours.

        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(path)
        self._known: dict[str, Reply] = {}
        self._lock = threading.Lock()
        self._unsaved = 0
        try:
            for row in self._journal.rows():
                key = row.pop("request")
                self._known[key] = Reply(**row)
            self._journal.cut(lambda _: True)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"line {len(self._known) + 1} or after is not a kept answer"
            mend = "Delete that line; its document is asked about again."
            raise DataError(what, where=str(path), mend=mend) from error

    def get(self, key: str) -> Reply | None:
        """Return the answer to a request, when it was given before."""
        return self._known.get(key)

    def put(self, key: str, reply: Reply) -> None:
        """Keep an answer; every 32 are flushed to the disk together, and the rest at the end."""
        with self._lock:
            self._known[key] = reply
            self._journal.append({"request": key, **asdict(reply)})
            self._unsaved += 1
            if self._unsaved >= _ROWS_PER_SYNC:
                self._save()

    def _save(self) -> None:
        self._journal.sync()
        self._unsaved = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._save()
