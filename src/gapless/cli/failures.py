"""What a user sees when a verb fails: a message with a mend, or an apology with a traceback.

0   done                    2    the recipe or the command line is wrong
1   data, model, run, disk  70   a fault of ours
130 stopped with Ctrl-C     143  stopped by SIGTERM, as clusters do
"""

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from gapless.errors import GaplessError, Terminated
from gapless.workflow.full_disk import disk_is_full

STOPPED, TERMINATED, FAULT = 130, 143, 70
_PLACE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


@contextmanager
def explained() -> Iterator[None]:
    """Turn what a verb raises into one message on stderr and an exit status."""
    try:
        yield
    except GaplessError as error:
        _leave(f"error: {error}", error.exit_status)
    except typer.BadParameter:  # the command line itself; typer explains it
        raise
    except Terminated:
        _leave("stopped by SIGTERM; the same command goes on from the last checkpoint", TERMINATED)
    except KeyboardInterrupt:
        _leave("stopped; the same command goes on from the last checkpoint", STOPPED)
    except BrokenPipeError:
        _close_stdout()
        raise SystemExit(1) from None
    except Exception as error:  # noqa: BLE001 - the last stop of every fault
        _explain(error)


def _explain(error: Exception) -> None:
    """Say what a disk's fault is; everything else is ours."""
    place = getattr(error, "filename", None)
    if isinstance(error, OSError) and place and error.errno in _PLACE:
        what = f"error: {place}: {error.strerror}"
        _leave(f"{what}\n  Choose a place that can be written, with --run-dir.", 1)
    if disk_is_full(error):
        what = f"error: the disk is full{f' (at {place})' if place else ''}"
        _leave(
            f"{what}; nothing already made is lost\n"
            "  Free some space, or lift what limits it; the same command goes on from there.",
            1,
        )
    _apologise(error)


def _leave(message: str, status: int) -> None:
    sys.stderr.write(f"{message}\n")
    raise SystemExit(status) from None


def _apologise(error: Exception) -> None:
    traceback.print_exception(error)
    _leave("\nSorry: this is a fault in gapless, not in what you asked. Please report it.", FAULT)


def _close_stdout() -> None:
    """Whoever read our output is gone: let the interpreter's last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
