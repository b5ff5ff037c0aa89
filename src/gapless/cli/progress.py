"""A run while it goes on: a live bar in a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from gapless.cli.tables import plain
from gapless.records.views import Progress as Watcher
from gapless.units import format_seconds, format_tokens

_SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def watching(console: Console | None = None, *, quiet: bool = False) -> Iterator[Watcher]:
    """Give the watcher that suits where the output goes; a quiet one prints nothing."""
    console = console or Console(highlight=False, quiet=quiet)
    if quiet or not console.is_terminal:
        yield LineProgress(console)
        return
    bar = Progress(
        TextColumn("{task.fields[what]}", markup=False),
        BarColumn(bar_width=18),
        TextColumn("{task.fields[numbers]}", markup=False),
        console=console,
        transient=True,
    )
    with bar:
        yield LiveProgress(bar)


class LineProgress:
    """Plain lines: stages at once, training about every five seconds and at its end."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._arm = ""
        self._last = float("-inf")

    def stage(self, name: str, detail: str) -> None:
        """Print that a stage begins."""
        self._print(f"{name}  {detail}".rstrip())

    def done(self, name: str, detail: str) -> None:
        """Print that a stage is made."""
        self._print(f"{name}  done  {detail}".rstrip())

    def training(
        self,
        arm: str,
        tokens_seen: int,
        total_tokens: int,
        tokens_per_second: float,
        loss: float,
        gain: float | None,
        forgetting: float | None,
    ) -> None:
        """Print where training is, unless it was printed just now."""
        now = self._clock()
        due = arm != self._arm or now - self._last >= _SECONDS_BETWEEN_LINES
        if due or tokens_seen >= total_tokens:
            self._arm, self._last = arm, now
            numbers = _numbers(tokens_seen, total_tokens, tokens_per_second)
            told = _told(loss, gain, forgetting)
            self._print(f"training {arm}  {tokens_seen / total_tokens:4.0%}  {numbers}  {told}")

    def note(self, text: str) -> None:
        """Print a note."""
        self._print(text)

    def _print(self, line: str) -> None:
        self._console.print(Text(plain(line)), soft_wrap=True)


class LiveProgress:
    """One live line at the bottom; stages that are made stay above it."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._what = ""

    def stage(self, name: str, detail: str) -> None:
        """Begin the live line of a stage; its bar runs until there is something to count."""
        self._clear()
        self._begin(f"{name}  {detail}".rstrip(), None)

    def done(self, name: str, detail: str) -> None:
        """Leave one line for the stage."""
        self._clear()
        line = Text.assemble(("done ", "green"), plain(name), "  ", (plain(detail), "dim"))
        self._bar.console.print(line, soft_wrap=True)

    def training(
        self,
        arm: str,
        tokens_seen: int,
        total_tokens: int,
        tokens_per_second: float,
        loss: float,
        gain: float | None,
        forgetting: float | None,
    ) -> None:
        """Move the bar."""
        what = f"training {arm}"
        if self._what != what:
            self._clear()
            self._begin(what, total_tokens)
        assert self._task is not None
        numbers = _numbers(tokens_seen, total_tokens, tokens_per_second)
        told = _told(loss, gain, forgetting)
        self._bar.update(self._task, completed=tokens_seen, numbers=f"{numbers}\n{told}")

    def note(self, text: str) -> None:
        """Leave a line."""
        self._bar.console.print(Text(plain(text)))

    def _begin(self, what: str, total: int | None) -> None:
        self._what = what
        self._task = self._bar.add_task("", total=total, what=plain(what), numbers="")

    def _clear(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task, self._what = None, ""


def _numbers(tokens_seen: int, total_tokens: int, tokens_per_second: float) -> str:
    speed = f"{format_tokens(round(tokens_per_second))} tokens/s"
    if tokens_per_second <= 0:
        return speed
    left = format_seconds(max(0, total_tokens - tokens_seen) / tokens_per_second)
    return f"{speed}, {left} left"


def _told(loss: float, gain: float | None, forgetting: float | None) -> str:
    changes = {"gain": gain, "forgetting": forgetting}
    known = [f"{name} {value:+.3f}" for name, value in changes.items() if value is not None]
    return ", ".join([f"loss {loss:.3f}", *known])
