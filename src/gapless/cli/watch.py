"""`status --watch`: look at a run every few seconds until it ends or somebody presses q."""

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.live import Live as Screen
from rich.text import Text

from gapless.cli.live_view import LiveView, finding_lines, status_line
from gapless.cli.tables import plain
from gapless.records.live_views import Live

_SECONDS = 2.0
_SECONDS_BETWEEN_LINES = 30.0


def watch(look: Callable[[], Live], console: Console | None = None) -> None:
    """Show a run as it goes on: a screen in a terminal, else plain lines."""
    console = console or Console(highlight=False)
    with suppress(KeyboardInterrupt):  # the run is somebody else's, and goes on
        if console.is_terminal:
            _on_screen(look, console)
        else:
            _in_lines(look, console)


def _on_screen(look: Callable[[], Live], console: Console) -> None:
    """Show the screen; what was there before comes back, with the last look below it."""
    live = look()
    with (
        _keys() as left,
        Screen(LiveView(live), console=console, screen=True, auto_refresh=False) as screen,
    ):
        screen.refresh()
        size = console.size
        while not live.ended and not left(_SECONDS):
            now = look()
            if now != live or console.size != size:
                live, size = now, console.size
                screen.update(LiveView(live), refresh=True)
    console.print(LiveView(live, whole=True))


def _in_lines(look: Callable[[], Live], console: Console) -> None:
    """Print a line per arm when there is something new, until nobody works in the folder."""
    printed: dict[str, str] = {}
    known: set[tuple[str, str, str]] = set()
    due = float("-inf")
    while True:
        live = look()
        if time.monotonic() >= due or not live.worked_on:
            due = time.monotonic() + _SECONDS_BETWEEN_LINES
            for arm in live.arms:
                line = status_line(arm)
                if printed.get(arm.name) != line:
                    printed[arm.name] = line
                    console.print(Text(line), soft_wrap=True)
                for found in finding_lines(arm, known):
                    console.print(Text(found), soft_wrap=True)
        if not live.worked_on:
            stages = f"{live.stages_done} of {live.stages} stages done"
            told = "done" if live.ended else f"nobody works in the folder: {stages}"
            console.print(Text(told), soft_wrap=True)
            if live.ended and live.report:
                console.print(Text(plain(f"report: {live.report}")), soft_wrap=True)
            return
        time.sleep(_SECONDS)


@contextmanager
def _keys() -> Iterator[Callable[[float], bool]]:
    """Give a function that waits for some seconds and says whether q was pressed.

    Keys come at once, not after a line, as long as this lasts.
    """
    if not sys.stdin.isatty():
        yield _wait
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield _wait_for_q
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _wait(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _wait_for_q(seconds: float) -> bool:
    end, keyboard = time.monotonic() + seconds, sys.stdin.fileno()
    while (left := end - time.monotonic()) > 0:
        # Nothing to read is the end: the terminal is gone.
        if select.select([keyboard], [], [], left)[0] and os.read(keyboard, 1) in {b"q", b"Q", b""}:
            return True
    return False
