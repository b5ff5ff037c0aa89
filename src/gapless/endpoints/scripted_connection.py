"""One client's connection to a scripted server: HTTP/1.1, as little of it as clients need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from gapless.endpoints.behaviours import Performance

_REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests"}


class Connection(asyncio.Protocol):
    """Requests one after the other, each with a Content-Length."""

    def __init__(
        self,
        begin: Callable[[Connection, Mapping[str, str], bytes], None],
        end: Callable[[], None],
        page: Callable[[str], Performance],
        connections: set[Connection],
    ) -> None:
        """Hand chat requests to ``begin``, which sees to `answer`; ``end`` hears of each end."""
        self._begin, self._end, self._page = begin, end, page
        self._connections = connections
        self._buffer = b""
        self._at_work = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the open connections."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Leave them; a chat request that the client has given up is over."""
        self._connections.discard(self)
        if self._at_work:
            self._over()

    def data_received(self, data: bytes) -> None:
        """Take in bytes, and begin with a request when it is whole."""
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if self._at_work or not separator:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        _, path, _ = first.split(" ", 2)
        if path == "/v1/chat/completions":
            self._at_work = True
            self._begin(self, headers, rest[:length])
        else:
            self._send(self._page(path))

    def answer(self, performance: Performance) -> None:
        """Send the chat request's answer, unless the client has given it up."""
        if not self._at_work or performance.silent:
            return
        if performance.seconds_per_byte:
            self._write_head(performance)
            self._drip(performance, 0)
        else:
            self._over()
            self._send(performance)

    def cut(self) -> None:
        """End the connection."""
        self._transport.abort()

    def _send(self, performance: Performance) -> None:
        if performance.sent == 0:
            self.cut()
            return
        self._write_head(performance)
        self._transport.write(performance.payload[: performance.sent])
        if performance.sent is not None:
            self._transport.close()
        elif self._buffer:
            self.data_received(b"")

    def _drip(self, performance: Performance, place: int) -> None:
        if not self._at_work:
            return
        if place == len(performance.payload):
            self._over()
            return
        self._transport.write(performance.payload[place : place + 1])
        pause = performance.seconds_per_byte
        asyncio.get_running_loop().call_later(pause, self._drip, performance, place + 1)

    def _write_head(self, performance: Performance) -> None:
        status = performance.status
        lines = [
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Scripted')}",
            "Content-Type: application/json",
            f"Content-Length: {len(performance.payload)}",
            *(f"{name}: {value}" for name, value in performance.headers.items()),
        ]
        self._transport.write("\r\n".join([*lines, "\r\n"]).encode("latin-1"))

    def _over(self) -> None:
        self._at_work = False
        self._end()
