"""One job: workers that take request after request, and what becomes of each.

Drawing --> worker: Gate --> Line --> read_reply --> Keeping --> Answers
              ^------------- Again -----'  `-- Refused: held back until the server has shown
                                              that it answers anything at all
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson

from gapless.endpoints.drawing import Drawing, Keeping
from gapless.endpoints.formats import Formats
from gapless.endpoints.gate import Gate
from gapless.endpoints.line import MOST_BYTES, Line, LineError, TooLongError
from gapless.endpoints.mistakes import all_refused, failed, hopeless, too_long, with_count
from gapless.endpoints.replies import Again, Hopeless, Refused, read_reply
from gapless.endpoints.request import Answer, Request
from gapless.endpoints.store import Answers
from gapless.endpoints.waiting import back_off
from gapless.errors import DataError

if TYPE_CHECKING:
    from gapless.recipe.endpoints import Endpoint

MOST_HELD = 16
"""So many refusals in a row, and nothing answered between, are not about single requests."""
_WITHOUT_FORMAT = frozenset({400, 404, 415, 422, 501})
"""What servers say to a response format that they do not know."""
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Asked:
    """What a job has come to, so far or in the end."""

    asked: int = 0
    """Requests answered now, and on disk; those refused are among them."""
    already: int = 0
    """Requests that had an answer, or are in the job twice."""
    refused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    """Of the answers got now, as the server counted them."""
    unmetered: int = 0
    """Answers got now whose tokens the server did not count."""
    tries: int = 0
    """Times that a request was sent."""
    seconds: float = 0
    stopped: bool = False
    """Whether ``stop`` ended it before its last request."""


def ask_through(
    lines: Callable[[], Line],
    requests: Iterable[Request],
    endpoint: Endpoint,
    answers: Answers,
    *,
    where: str,
    told: Callable[[Asked], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Asked:
    """Do what `client.ask` does, over the lines that ``lines`` makes: one for each worker."""
    # One thread for the disk: while it waits for a commit the loop goes on.
    with ThreadPoolExecutor(1, thread_name_prefix="answers") as disk:
        job = _Job(requests, endpoint, answers, disk)
        job.where, job.told, job.stop = where, told, stop
        try:
            _run(job, lines)
        finally:  # also after Ctrl-C: what has come is paid for
            job.rescue()
    if isinstance(job.error, DataError):
        raise with_count(job.error, job.asked().asked) from job.error.__cause__
    if job.error is not None:
        raise job.error
    return job.asked()


def _run(job: _Job, lines: Callable[[], Line]) -> None:
    """Run an event loop; in a thread of its own where this one runs one, as a notebook's does."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(job.run(lines))
        return
    with ThreadPoolExecutor(1) as own:
        running = own.submit(asyncio.run, job.run(lines))
        try:
            running.result()
        except KeyboardInterrupt:
            job.stop = lambda: True  # what is under way is finished and kept
            raise


class _WithoutFormat:
    """The server may not know the format: the request is sent without it."""


class _Job:
    """The state of a job; everything but the disk happens in one thread."""

    where: str
    told: Callable[[Asked], None] | None
    stop: Callable[[], bool]

    def __init__(
        self, requests: Iterable[Request], endpoint: Endpoint, answers: Answers, disk: Executor
    ) -> None:
        self.endpoint = endpoint
        self.gate = Gate(endpoint)
        self.drawing = Drawing(requests, answers, disk)
        self.keeping = Keeping(answers, disk, self._kept, most=endpoint.concurrency)
        name = f"{endpoint.model} at {endpoint.url.rstrip('/')}"
        self.formats = Formats(endpoint.structured, name, answers)
        self.error: Exception | None = None
        self._answers, self._note = answers, f"answered: {name}"
        self._held: list[Answer] = []
        self._sum = Asked()
        self._tries = self._got = 0
        self._stopped = False
        self._begun = time.monotonic()

    def asked(self) -> Asked:
        """Return what the job has come to."""
        return replace(
            self._sum,
            already=self.drawing.num_already,
            tries=self._tries,
            seconds=time.monotonic() - self._begun,
            stopped=self._stopped,
        )

    async def run(self, lines: Callable[[], Line]) -> None:
        """Ask until there is nothing left, `stop` says so, or nothing can be asked."""
        keeper = asyncio.create_task(self._keep())
        watcher = asyncio.create_task(self._watch())
        try:
            workers = [self._work(lines) for _ in range(self.endpoint.concurrency)]
            await asyncio.gather(*workers)
            await self._end_held()
        finally:
            watcher.cancel()
            self.keeping.end()
        await keeper
        if self.told is not None and self.error is None:
            self.told(self.asked())

    def fail(self, error: Exception) -> None:
        """Begin nothing any more; the first error is the one that is told."""
        self.error = self.error or error
        self.gate.halt()

    def rescue(self) -> None:
        """Write what came and is not on disk yet, after the loop was broken off."""
        try:
            self.keeping.rescue()
        except DataError:
            if self.error is None:
                raise

    async def _keep(self) -> None:
        try:
            await self.keeping.run()
        except Exception as error:  # noqa: BLE001 - raised again when the others have ended
            self.fail(error)

    async def _watch(self) -> None:
        while not self._must_end():
            await asyncio.sleep(_POLL_SECONDS)

    def _must_end(self) -> bool:
        if not self.gate.halted and self.stop():
            self._stopped = True
            self.gate.halt()
        return self.gate.halted

    async def _work(self, lines: Callable[[], Line]) -> None:
        line: Line | None = None
        try:
            while not self._must_end() and (request := await self.drawing.next()):
                line = line or lines()
                if self.formats.is_open(request):
                    async with self.formats.turn:
                        if self.formats.is_open(request):
                            await self._settle(request, line)
                            continue
                await self._settle(request, line)
        except Exception as error:  # noqa: BLE001 - raised again when the others have ended
            self.fail(error)
        finally:
            if line is not None:
                await line.close()

    async def _settle(self, request: Request, line: Line) -> None:
        """Ask until there is an answer, and hand it over; not when the job ends before."""
        failures = limited = 0
        without = False
        while True:
            got = self._got
            verdict = await self._try(request, line, without=without)
            if verdict is None:
                return
            if isinstance(verdict, Answer):
                await self._take(verdict)
                return
            if isinstance(verdict, _WithoutFormat):
                without = True
                continue
            if isinstance(verdict, Refused):
                await self._hold(request, verdict)
                return
            if isinstance(verdict, Hopeless):
                raise hopeless(verdict, self.endpoint, self.where)
            if verdict.everyone:  # no fault while others are answered
                limited = 0 if self._got > got else limited + 1
            else:
                failures += 1
            if self.endpoint.tries in {failures, limited}:
                formatted = bool(request.fields) and not without
                raise failed(verdict, self.endpoint, self.where, formatted=formatted)
            if not verdict.everyone:
                await self.gate.sleep(back_off(request.key, failures))

    async def _try(
        self, request: Request, line: Line, *, without: bool
    ) -> Answer | Again | Refused | Hopeless | _WithoutFormat | None:
        """Send a request once and say what came of it; None when the job has ended."""
        added = {} if without else self.formats.of(request)
        content = orjson.dumps(request.body() | added)
        guessed = await self.gate.passed(len(content), request.sampling.max_tokens)
        if guessed is None or self._must_end():
            return None
        self._tries += 1
        begun = time.monotonic()
        try:
            raw = await line.post(content)
        except LineError as error:
            return Again(str(error))
        except TooLongError:
            raise too_long(MOST_BYTES, self.where) from None
        verdict = read_reply(request.key, raw.status, raw.headers, raw.content)
        if isinstance(verdict, Answer):
            verdict = replace(verdict, model=verdict.model or request.model)
            self.gate.learn(guessed, len(content), verdict)
            self.formats.learn(request, verdict, formatted=bool(added), refused=without)
        elif isinstance(verdict, Again) and verdict.everyone:
            self.gate.shut(verdict.wait, begun)
        elif added and raw.status in _WITHOUT_FORMAT and self.formats.may_go_without():
            certain = isinstance(verdict, Refused) and verdict.certain
            return verdict if certain else _WithoutFormat()
        return verdict

    async def _take(self, answer: Answer) -> None:
        self._got += 1
        await self.keeping.add(answer)
        if self._got == 1 and self._answers.note(self._note) is None:
            self._answers.put_note(self._note, "yes")
        held, self._held = self._held, []
        for refused in held:
            await self.keeping.add(refused)

    async def _hold(self, request: Request, refused: Refused) -> None:
        """Keep a refusal, at once or when another request has been answered.

        A server that is set up wrongly refuses everything, and what is kept is never asked again.
        """
        answer = Answer(request.key, "", "refused", request.model, 0, 0, refused.detail)
        if refused.certain and self._got:
            await self.keeping.add(answer)
            return
        self._held.append(answer)
        if len(self._held) == MOST_HELD:
            raise all_refused(refused.detail, MOST_HELD, self.where)

    async def _end_held(self) -> None:
        """Keep the last refusals, if this server has ever answered, now or in another job."""
        if not self._held or self.error is not None:
            return
        if self._got or self._answers.note(self._note):
            for answer in self._held:
                await self.keeping.add(answer)
        elif not self._stopped:
            self.fail(all_refused(self._held[-1].detail, len(self._held), self.where))

    def _kept(self, answers: list[Answer]) -> None:
        self.drawing.end(answer.key for answer in answers)
        old = self._sum
        self._sum = replace(
            old,
            asked=old.asked + len(answers),
            refused=old.refused + sum(a.finish == "refused" for a in answers),
            prompt_tokens=old.prompt_tokens + sum(max(0, a.prompt_tokens) for a in answers),
            completion_tokens=old.completion_tokens
            + sum(max(0, a.completion_tokens) for a in answers),
            unmetered=old.unmetered
            + sum(min(a.prompt_tokens, a.completion_tokens) < 0 for a in answers),
        )
        if self.told is not None:
            self.told(self.asked())
