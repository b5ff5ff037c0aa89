"""What a program may use, and what came of it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["passed", "failed", "timed_out", "out_of_memory", "too_much_output", "crashed"]

MESSAGE_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one program may use; all above 0.

    The harness of HumanEval (Chen et al. 2021) and those after it allow 3 seconds of wall time.
    Here they are processor time, which does not depend on what else the machine is doing.
    """

    seconds: float = 10.0
    """Wall time from the program's first line."""
    cpu_seconds: int = 3
    """Processor time of all its threads, with some 0.02 seconds of the interpreter's start."""
    memory_bytes: int = 1 << 30
    """Address space, the interpreter's included."""
    file_bytes: int = 16 << 20
    """All its files together; they are held in memory, beside `memory_bytes`."""
    threads: int = 16
    """Threads at one time, the first included. New processes are refused altogether."""
    output_bytes: int = 1 << 20
    """What it prints, to stdout and stderr together. Nothing of it is kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What came of one program.

    passed            its last line ran
    failed            an exception, or it left before its last line: sys.exit(0) is no success
    timed_out         wall or processor time was used up
    out_of_memory     MemoryError, or the system had no memory for it
    too_much_output   it printed more than it may
    crashed           a signal ended it
    """

    kind: Kind
    message: str
    """Line, exception and its text, or the signal: one line, printable, 500 characters at most."""
    seconds: float
    """Wall time from the program's first line to its end."""


def one_line(text: str) -> str:
    """Return text without control characters, terminal escapes or line ends, cut to a message."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:MESSAGE_CHARACTERS]
