"""Which requests are still to be asked, and how answers get to the disk."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from itertools import islice

from gapless.endpoints.request import Answer, Request
from gapless.endpoints.store import Answers

_AT_ONCE = 128
_GATHER_SECONDS = 0.01


class Drawing:
    """Draws requests one by one and leaves out those that have an answer or are under way."""

    def __init__(self, requests: Iterable[Request], answers: Answers, disk: Executor) -> None:
        self._requests, self._answers, self._disk = iter(requests), answers, disk
        self._ready: deque[Request] = deque()
        self._drawing = asyncio.Lock()
        self._under_way: set[str] = set()
        self._exhausted = False
        self.num_already = 0

    async def next(self) -> Request | None:
        """Return a request without an answer, or None after the last one."""
        async with self._drawing:
            while not (self._ready or self._exhausted):
                await self._draw()
            return self._ready.popleft() if self._ready else None

    def end(self, keys: Iterable[str]) -> None:
        """Forget requests that were under way: their answers are on disk."""
        self._under_way.difference_update(keys)

    async def _draw(self) -> None:
        drawn = list(islice(self._requests, _AT_ONCE))
        self._exhausted = not drawn
        # What is under way now may be on disk when the look-up is done, and is asked in no case.
        fresh = {request.key: request for request in drawn if request.key not in self._under_way}
        loop = asyncio.get_running_loop()
        known = await loop.run_in_executor(self._disk, self._answers.known, list(fresh))
        self._ready.extend(request for key, request in fresh.items() if key not in known)
        self._under_way.update(request.key for request in self._ready)
        self.num_already += len(drawn) - len(self._ready)


class Keeping:
    """Writes answers in groups: one commit for what comes within 10 ms, or for ``most``.

    No more than ``most`` are on their way to the disk; who has another one waits.
    """

    def __init__(
        self,
        answers: Answers,
        disk: Executor,
        kept: Callable[[list[Answer]], None],
        *,
        most: int,
    ) -> None:
        self._answers, self._disk, self._kept, self._most = answers, disk, kept, most
        self._pending: list[Answer] = []
        self._num_held = 0
        self._room = asyncio.Event()
        self._came, self._full = asyncio.Event(), asyncio.Event()
        self._ended = self._broken = False

    async def add(self, answer: Answer) -> None:
        """Hand over an answer."""
        while self._num_held >= self._most and not self._broken:
            self._room.clear()
            await self._room.wait()
        self._num_held += 1
        self._pending.append(answer)
        self._came.set()
        if len(self._pending) == self._most:
            self._full.set()

    async def run(self) -> None:
        """Write until `end`, and then the rest.

        Raises:
            DataError: the store cannot be written.

        """
        while self._pending or not self._ended:
            await self._came.wait()
            if not self._ended:
                await self._gather()
            some, self._pending = self._pending, []
            self._came.clear()
            self._full.clear()
            if some:
                await self._write(some)

    def end(self) -> None:
        """Say that no answer will come any more."""
        self._ended = True
        self._came.set()

    def rescue(self) -> None:
        """Write what is left after `run` was broken off."""
        some, self._pending = self._pending, []
        if some:
            self._answers.put_all(some)

    async def _gather(self) -> None:
        try:
            async with asyncio.timeout(_GATHER_SECONDS):
                await self._full.wait()
        except TimeoutError:
            pass

    async def _write(self, some: list[Answer]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._disk, self._answers.put_all, some)
        except BaseException:
            self._pending = some + self._pending
            self._broken = True
            raise
        finally:
            self._num_held -= len(some)
            self._room.set()
        self._kept(some)
