"""Run programs that a model has written, and judge what came of them."""

import secrets
import shutil
import signal
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from gapless.errors import SandboxError
from gapless.sandbox.bubblewrap import ALLOW, INSTALL, start
from gapless.sandbox.inside import TOKEN_BYTES
from gapless.sandbox.interpreter import Interpreter, this_interpreter
from gapless.sandbox.probe import probe
from gapless.sandbox.system_calls import call_filter
from gapless.sandbox.verdicts import Kind, Limits, Verdict, one_line
from gapless.sandbox.watching import Ending

_DEFAULT = Limits()
_SAID: dict[bytes, Kind] = {
    b"passed": "passed",
    b"failed": "failed",
    b"out_of_memory": "out_of_memory",
}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A place to run programs, shown to hold; made by `Sandbox.choose()`, safe among threads."""

    bubblewrap: str
    interpreter: Interpreter
    call_filter: bytes

    @classmethod
    def choose(cls) -> "Sandbox":
        """Return the sandbox of this machine after a program has tried to get out of it.

        Takes about half a second, most of it to list the interpreter's shared libraries.

        Raises:
            SandboxError: there is none, or it does not hold; with the mend.

        """
        if sys.platform != "linux":
            mend = "Run this part of the recipe on Linux."
            raise SandboxError("a sandbox needs Linux", where=sys.platform, mend=mend)
        bubblewrap = shutil.which("bwrap")
        if bubblewrap is None:
            what = "no sandbox: bubblewrap (bwrap) is not installed"
            raise SandboxError(what, where="PATH", mend=INSTALL)
        sandbox = cls(bubblewrap, this_interpreter(), call_filter())
        verdict = sandbox.run(probe(_DEFAULT))
        if verdict.kind != "passed":
            what = f"the sandbox does not hold: its probe {verdict.kind}, {verdict.message}"
            raise SandboxError(what, where=bubblewrap, mend=ALLOW)
        return sandbox

    def run(self, program: str, *, limits: Limits = _DEFAULT) -> Verdict:
        """Run one program in a fresh interpreter and say what came of it.

        It has passed when its last line has run: tests are `assert` statements in it. It is
        `__main__`, stdin is empty, its folder is empty before and gone afterwards, and sets of
        strings have the same order every time.

        Raises:
            SandboxError: the machine could not start the sandbox; says nothing of the program.

        """
        token = secrets.token_hex(TOKEN_BYTES // 2).encode()
        with ExitStack() as held:
            watch = start(
                [self.bubblewrap],
                self.interpreter,
                limits,
                sent=(program.encode("utf-8", "surrogatepass"), self.call_filter, token),
                held=held,
            )
            ending = watch.until_end(seconds=limits.seconds, output_bytes=limits.output_bytes)
        if not ending.started:
            why = one_line(ending.tail.decode("utf-8", "replace"))
            why = why or f"{ending.seconds:.0f} seconds, status {ending.status}"
            what = f"the sandbox did not start: {why}"
            raise SandboxError(what, where=self.bubblewrap, mend=ALLOW)
        kind, message = _judge(ending, token, limits)
        return Verdict(kind=kind, message=one_line(message), seconds=ending.seconds)

    def run_all(
        self, programs: Iterable[str], *, workers: int, limits: Limits = _DEFAULT
    ) -> list[Verdict]:
        """Run each program by itself, so many at a time; verdicts in the programs' order.

        They use `workers * (limits.memory_bytes + limits.file_bytes)` of memory at most.
        """
        pool = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
        try:
            return list(pool.map(partial(self.run, limits=limits), programs))
        finally:
            pool.shutdown(cancel_futures=True)


def _judge(ending: Ending, token: bytes, limits: Limits) -> tuple[Kind, str]:
    """Return what an ending means. Too much output comes first: how much was read is no chance."""
    if ending.stopped == "output":
        return "too_much_output", f"more than {limits.output_bytes} bytes"
    _, reported, said = ending.report.partition(token)
    word, _, message = said.partition(b" ")
    if reported and word in _SAID:
        return _SAID[word], message.decode("utf-8", "replace")
    if ending.stopped == "time":
        return "timed_out", f"{limits.seconds:g} seconds of wall time"
    number = ending.status - 128
    if number not in set(signal.Signals):
        return "failed", f"left before its last line with exit status {ending.status}"
    # A program that ignores SIGXCPU is killed a second later.
    used_up = number == signal.SIGKILL and ending.seconds >= limits.cpu_seconds
    if number == signal.SIGXCPU or used_up:
        return "timed_out", f"{limits.cpu_seconds} seconds of processor time"
    return "crashed", signal.Signals(number).name
