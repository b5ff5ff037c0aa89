"""The gate that every try passes: the job's limits, and the pauses that the server asks for."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gapless.endpoints.limits import Bucket, TokenGuess
from gapless.endpoints.request import Answer
from gapless.endpoints.waiting import back_off

if TYPE_CHECKING:
    from gapless.recipe.endpoints import Endpoint

_LOOK_AGAIN_SECONDS = 0.5
"""Others may have given back tokens by then."""


class Gate:
    """Lets tries through at the pace of the endpoint; once halted, none any more."""

    def __init__(self, endpoint: Endpoint) -> None:
        per_minute = endpoint.requests_per_minute
        self._requests = Bucket(per_minute) if per_minute else None
        self._tokens = Bucket(endpoint.tokens_per_minute) if endpoint.tokens_per_minute else None
        self._guess = TokenGuess()
        self._opens = self._shut_at = 0.0
        self._pauses = 0
        self._halted = asyncio.Event()

    @property
    def halted(self) -> bool:
        """Return whether no more tries may begin."""
        return self._halted.is_set()

    def halt(self) -> None:
        """Let nothing through any more; who waits is told at once."""
        self._halted.set()

    async def passed(self, num_bytes: int, max_tokens: int) -> float | None:
        """Wait for this try's turn; return the tokens that it took, or None when halted."""
        guessed = 0.0
        if self._requests is not None:
            await self._turn(self._requests, 1)
        if self._tokens is not None:
            guessed = self._guess.tokens(num_bytes, max_tokens)
            await self._turn(self._tokens, guessed)
        while not self.halted and (left := self._opens - time.monotonic()) > 0:
            await self.sleep(left)
        return None if self.halted else guessed

    async def _turn(self, bucket: Bucket, amount: float) -> None:
        ticket = bucket.take(amount, time.monotonic())
        while not self.halted and (left := bucket.wait(ticket, time.monotonic())) > 0:
            await self.sleep(min(left, _LOOK_AGAIN_SECONDS))

    async def sleep(self, seconds: float) -> None:
        """Sleep, or until the gate is halted."""
        try:
            async with asyncio.timeout(seconds):
                await self._halted.wait()
        except TimeoutError:
            pass

    def learn(self, guessed: float, num_bytes: int, answer: Answer) -> None:
        """Take in what an answer really cost, and that the server answers again."""
        self._pauses = 0
        if self._tokens is not None and min(answer.prompt_tokens, answer.completion_tokens) >= 0:
            cost = answer.prompt_tokens + answer.completion_tokens
            self._tokens.give(guessed - cost, time.monotonic())
            self._guess.learn(num_bytes, answer.prompt_tokens, answer.completion_tokens)

    def shut(self, wait: float | None, begun: float) -> None:
        """Shut for the seconds that the server asks for, or longer each time when it names none.

        ``begun`` is when the try began: of those that were under way together one counts.
        """
        now = time.monotonic()
        if wait is None:
            if begun < self._shut_at:
                return
            self._pauses += 1
            wait = back_off("everyone", self._pauses)
        self._shut_at = now
        self._opens = max(self._opens, now + wait)
