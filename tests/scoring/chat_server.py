"""A small OpenAI-compatible server on loopback: it answers as a test tells it to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Response:
    """What to send: an answer's text, or a status with a raw body."""

    text: str | None = None
    status: int = 200
    body: bytes = b""
    wait_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    usage: bool = True


Answer = Callable[[dict[str, Any], int], Response]
"""Takes a request's body and how often the same body came before."""


@dataclass
class ChatServer:
    """The server's address, and what it was asked."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    most_at_once: int = 0


@contextmanager
def serve(answer: Answer) -> Iterator[ChatServer]:
    """Serve ``/v1/chat/completions`` until the block ends."""
    lock = threading.Lock()
    at_once = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal at_once
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                before = seen.requests.count(request)
                seen.requests.append(request)
                seen.keys.append(self.headers.get("authorization"))
                at_once += 1
                seen.most_at_once = max(seen.most_at_once, at_once)
            response = answer(request, before)
            if self.path != "/v1/chat/completions":
                response = Response(status=404, body=b"no such path")
            time.sleep(response.wait_s)
            with lock:
                at_once -= 1
            self._send(response)

        def _send(self, response: Response) -> None:
            body = response.body
            if response.status == 200 and not body:
                message = {"role": "assistant", "content": response.text}
                completion: dict[str, Any] = {"choices": [{"index": 0, "message": message}]}
                if response.usage:
                    completion["usage"] = {"prompt_tokens": 100, "completion_tokens": 3}
                body = json.dumps(completion).encode()
            try:
                self.send_response(response.status)
                for name, value in response.headers.items():
                    self.send_header(name, value)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # a client that gave up waiting
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen = ChatServer(f"http://127.0.0.1:{server.server_address[1]}/v1")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def document_of(request: dict[str, Any]) -> str:
    """Return the document that a request asks about."""
    prompt: str = request["messages"][0]["content"]
    return prompt.partition("<document>\n")[2].rpartition("\n</document>")[0]
