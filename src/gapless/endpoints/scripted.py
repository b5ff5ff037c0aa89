"""A chat server that does as it is told: the double for tests of what speaks to one.

    with ScriptedServer([RateLimited(1), Reply("42")]) as server:
        ...                     # ask server.url
    assert server.num_calls == 2

It is a real HTTP server on the loopback device, in a thread of its own, with the standard library
alone. `python -m gapless.endpoints.scripted --latency 0.1` runs one by itself. It serves
``/v1/chat/completions``, ``/v1/models`` and ``/scripted``, its own numbers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from gapless.endpoints.behaviours import (
    Behaviour,
    Broken,
    Cut,
    Drip,
    Long,
    NoChoices,
    Performance,
    RateLimited,
    Redirect,
    Refusal,
    Reply,
    Silence,
    TruncatedJson,
    WrongShape,
    completion,
)
from gapless.endpoints.scripted_connection import Connection

__all__ = [
    "Behaviour",
    "Broken",
    "Call",
    "Cut",
    "Drip",
    "Long",
    "NoChoices",
    "Performance",
    "RateLimited",
    "Redirect",
    "Refusal",
    "Reply",
    "Script",
    "ScriptedServer",
    "Silence",
    "TruncatedJson",
    "WrongShape",
    "completion",
]

Script = Callable[[Mapping[str, Any]], "Behaviour | str"] | Sequence["Behaviour | str"]
"""What a call gets: by its body, or by its number; after the last one, ordinary answers."""


@dataclass(frozen=True)
class Call:
    """A chat request as it came."""

    headers: Mapping[str, str]
    """Names in small letters."""
    body: Mapping[str, Any]
    at: float
    """Seconds of ``time.monotonic``."""


@dataclass
class _Meter:
    """How many calls are under way, over time."""

    num_calls: int = 0
    num_answered: int = 0
    under_way: int = 0
    highest: int = 0
    area: float = 0
    first: float = 0
    last: float = 0

    def change(self, by: int) -> None:
        now = time.monotonic()
        if self.num_calls == 0:
            self.first = self.last = now
        self.area += self.under_way * (now - self.last)
        self.last = now
        self.under_way += by
        self.highest = max(self.highest, self.under_way)
        if by > 0:
            self.num_calls += 1
        else:
            self.num_answered += 1


@dataclass
class ScriptedServer:
    """A chat server that follows a script; its address is ``url`` while the context is open."""

    script: Script = ()
    latency: float = 0
    """Seconds from the end of a request to the first byte of its answer."""
    at_once: int | None = None
    """So many calls are worked on at once, the others wait in line; all when left out."""
    record: bool = True
    """Whether calls are kept; for long runs they had better not be."""
    port: int = 0
    """0 takes a free one."""
    models: Sequence[str] = ("scripted",)
    calls: list[Call] = field(default_factory=list)
    """The chat requests, in the order they came."""
    _meter: _Meter = field(default_factory=_Meter)
    _waiting: deque[Callable[[], None]] = field(default_factory=deque)
    _working: int = 0

    @property
    def url(self) -> str:
        """Return the address up to ``/v1``."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def num_calls(self) -> int:
        """Return how many chat requests came."""
        return self._meter.num_calls

    @property
    def highest(self) -> int:
        """Return the most chat requests that were under way at once, those in line included."""
        return self._meter.highest

    def numbers(self) -> dict[str, float]:
        """Return calls, the highest and the mean number of them under way, and over which time."""
        meter = self._meter
        seconds = meter.last - meter.first
        return {
            "num_calls": meter.num_calls,
            "num_answered": meter.num_answered,
            "highest": meter.highest,
            "mean": meter.area / seconds if seconds else 0,
            "seconds": seconds,
        }

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._loop = asyncio.new_event_loop()
        self._connections: set[Connection] = set()
        starting = self._loop.create_server(
            lambda: Connection(self._begin, self._end, self._page, self._connections),
            "127.0.0.1",
            self.port,
        )
        try:
            self._server = self._loop.run_until_complete(starting)
        except OSError:
            self._loop.close()
            raise
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections and stop."""
        self._loop.call_soon_threadsafe(self._close)
        self._thread.join()
        self._loop.close()

    def _close(self) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.cut()
        self._loop.call_later(0.01, self._loop.stop)  # after the connections have been lost

    def _begin(self, connection: Connection, headers: Mapping[str, str], content: bytes) -> None:
        number = self._meter.num_calls
        self._meter.change(1)
        try:
            body = json.loads(content)
            performance = self._performance(number, body)
        except ValueError:
            body, performance = {}, Broken(400, "the body is no JSON").performance({})
        if self.record:
            self.calls.append(Call(headers, body, time.monotonic()))

        def work() -> None:
            self._working += 1
            self._loop.call_later(self.latency, connection.answer, performance)

        if self.at_once is None or self._working < self.at_once:
            work()
        else:
            self._waiting.append(work)

    def _page(self, path: str) -> Performance:
        if path == "/v1/models":
            models = [{"id": name, "object": "model"} for name in self.models]
            return WrongShape({"object": "list", "data": models}).performance({})
        if path == "/scripted":
            return WrongShape(self.numbers()).performance({})
        return Broken(404, f"there is no {path}").performance({})

    def _performance(self, number: int, body: Mapping[str, Any]) -> Performance:
        if callable(self.script):
            behaviour = self.script(body)
        else:
            behaviour = self.script[number] if number < len(self.script) else Reply()
        if isinstance(behaviour, str):
            behaviour = Reply(behaviour)
        return behaviour.performance(body)

    def _end(self) -> None:
        self._meter.change(-1)
        self._working -= 1
        while self._waiting and (self.at_once is None or self._working < self.at_once):
            self._waiting.popleft()()


def main() -> None:
    """Run a server until it is interrupted; its address is the first line of output."""
    parser = argparse.ArgumentParser(prog="python -m gapless.endpoints.scripted")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0, help="seconds before each answer")
    parser.add_argument("--text", default="yes", help="of each answer")
    options = parser.parse_args()
    server = ScriptedServer(
        lambda _: Reply(options.text), options.latency, port=options.port, record=False
    )
    with server:
        print(server.url, flush=True)  # noqa: T201 - the command's output
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(json.dumps(server.numbers()), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
