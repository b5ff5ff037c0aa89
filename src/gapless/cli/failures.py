"""What a user sees when a verb fails: a message with a mend, or an apology with a traceback.

0   done                    2    the recipe or the command line is wrong
1   data, model, run, disk  70   a fault of ours           130   stopped with Ctrl-C
"""

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from gapless.errors import GaplessError

STOPPED, FAULT = 130, 70
_FULL_DISK = {errno.ENOSPC, errno.EDQUOT}
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
    except KeyboardInterrupt:
        _leave("stopped; the same command goes on from the last checkpoint", STOPPED)
    except BrokenPipeError:
        _close_stdout()
        raise SystemExit(1) from None
    except OSError as error:
        if error.filename and error.errno in _PLACE:
            what = f"error: {error.filename}: {error.strerror}"
            _leave(f"{what}\n  Choose a place that can be written, with --run-dir.", 1)
        if error.errno not in _FULL_DISK:
            _apologise(error)
        place = f" (at {error.filename})" if error.filename else ""
        what = f"error: the disk is full{place}; nothing already made is lost"
        _leave(f"{what}\n  Free some space; the same command goes on from there.", 1)
    except Exception as error:  # noqa: BLE001 - the last stop of every fault
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
