"""Read what a sandbox says, never more than it may say, and end it when its time is up."""

import os
import selectors
import subprocess
import time
from dataclasses import dataclass
from typing import Literal

from gapless.sandbox.inside import STARTED

_START_SECONDS = 60.0
_END_SECONDS = 10.0
_REPORT_BYTES = 1 << 16
_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Ending:
    """How a sandbox ended: what it reported, or why it was stopped."""

    report: bytes
    tail: bytes
    """The last 2000 bytes of its output: where bubblewrap says why it could not start."""
    stopped: Literal["time", "output"] | None
    status: int
    """Exit status as bubblewrap gives it: 128 and the signal's number after a signal."""
    seconds: float

    @property
    def started(self) -> bool:
        """Whether the program's first line was reached, with all limits set."""
        return self.report.startswith(STARTED)


class Watch:
    """One running sandbox: two pipes that are read, and a clock."""

    def __init__(self, process: subprocess.Popen[bytes], *, output: int, report: int) -> None:
        self._process = process
        self._output, self._report = output, report
        self._tail = b""
        self._said = b""
        self._printed = 0
        self._began = time.monotonic()

    def until_end(self, *, seconds: float, output_bytes: int) -> Ending:
        """Read until the sandbox is gone; the clock starts anew with the program's first line."""
        with selectors.DefaultSelector() as ready:
            for pipe in (self._output, self._report):
                ready.register(pipe, selectors.EVENT_READ)
            stopped = self._read_all(ready, seconds, output_bytes)
            ended = time.monotonic()
            if stopped:
                # With bubblewrap all processes of its namespace die, and their ends of the pipes.
                self._process.kill()
                self._read_rest(ready)
        status = self._process.wait(_END_SECONDS)
        return Ending(self._said, self._tail, stopped, status, ended - self._began)

    def _read_all(
        self, ready: selectors.BaseSelector, seconds: float, output_bytes: int
    ) -> Literal["time", "output"] | None:
        """Read to the end of both pipes; return what there was too much of before."""
        while ready.get_map():
            allowed = seconds if self._said else _START_SECONDS
            left = self._began + allowed - time.monotonic()
            if left <= 0:
                return "time"
            for key, _ in ready.select(left):
                if not self._read(key.fd):
                    ready.unregister(key.fd)
            if self._printed > output_bytes or len(self._said) > _REPORT_BYTES:
                return "output"
        return None

    def _read_rest(self, ready: selectors.BaseSelector) -> None:
        until = time.monotonic() + _END_SECONDS
        while ready.get_map() and time.monotonic() < until:
            for key, _ in ready.select(_END_SECONDS):
                if not os.read(key.fd, 1 << 16):
                    ready.unregister(key.fd)

    def _read(self, pipe: int) -> bool:
        """Take what is there; False at the end of the pipe."""
        piece = os.read(pipe, 1 << 16)
        if pipe == self._output:
            self._printed += len(piece)
            self._tail = (self._tail + piece)[-_TAIL_BYTES:]
        else:
            if piece and not self._said:
                self._began = time.monotonic()
            self._said += piece
        return bool(piece)
