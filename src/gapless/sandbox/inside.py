"""The first lines that run in the sandbox: set the limits, run the program, say how it ended.

Its text is given to the sandbox's interpreter (`python -c`), so it imports nothing but the
standard library and knows nothing of gapless. The program arrives on stdin.

Success is a token that waits unread in a file descriptor while the program runs and is sent back
after its last line. No exit status, no output and no accident claims it. A program that *means* to
cheat can read it there: two pieces of code in one process have no secrets from each other.
"""

import errno
import os
import resource
import sys

NOBODY = 65534
PROGRAM = "<program>"
STARTED = b"started\n"
TOKEN_BYTES = 32
_RESERVE_BYTES = 4 << 20
_MOST_FILES = 64
_HIGHEST_FILE = 1 << 20
_MOST_CHARACTERS = 2000


def main() -> None:
    """Run the program of stdin; arguments: two descriptors (report, token) and four limits."""
    report, token, cpu_seconds, memory_bytes, file_bytes, tasks = map(int, sys.argv[1:])
    source = sys.stdin.buffer.read()
    _close_all_but(report, token)
    _become_nobody()
    _limit(cpu_seconds, memory_bytes, file_bytes, tasks)
    # Held here, because the program may overwrite any name of any module.
    read, write, leave = os.read, os.write, os._exit
    module = type(sys)("__main__")
    sys.modules["__main__"] = module
    sys.argv[:] = ["program.py"]
    write(report, STARTED)
    kind, message = "passed", ""
    reserve = bytearray(_RESERVE_BYTES)
    try:
        code = compile(source, PROGRAM, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 - this is what the sandbox is for
    except BaseException as error:  # noqa: BLE001 - sys.exit() too is an end before the last line
        del reserve
        kind, message = _said(error)
    write(report, read(token, TOKEN_BYTES) + f"{kind} {message}".encode("utf-8", "replace"))
    leave(0)


def _close_all_but(first: int, second: int) -> None:
    """Close every descriptor above 2 but these: bubblewrap leaves some of its own open."""
    low, high = sorted((first, second))
    os.closerange(3, low)
    os.closerange(low + 1, high)
    os.closerange(high + 1, _HIGHEST_FILE)


def _become_nobody() -> None:
    """Give up root, which the sandbox of a user who is root starts with, and cannot come back to.

    The kernel does not hold root to its number of threads.
    """
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def _limit(cpu_seconds: int, memory_bytes: int, file_bytes: int, tasks: int) -> None:
    limits = {
        # 0 still lets the kernel hand a core dump to a program of the host; 1 does not.
        resource.RLIMIT_CORE: 1,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_STACK: 8 << 20,
        resource.RLIMIT_NOFILE: _MOST_FILES,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NPROC: tasks,
        resource.RLIMIT_AS: memory_bytes,
    }
    for which, most in limits.items():
        hard = resource.getrlimit(which)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (allowed, allowed))
    # At the first number SIGXCPU, which tells why; at the second SIGKILL, which nobody ignores.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))


def _said(error: BaseException) -> tuple[str, str]:
    """Return the kind of an ending and its message: line, exception, text."""
    starved = isinstance(error, OSError) and error.errno == errno.ENOMEM
    kind = "out_of_memory" if starved or isinstance(error, MemoryError) else "failed"
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == PROGRAM:
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        text = str(error.msg if isinstance(error, SyntaxError) else error)[:_MOST_CHARACTERS]
    except BaseException:  # noqa: BLE001 - the program's own __str__ may raise anything
        text = ""
    place = "" if line is None else f"line {line}: "
    return kind, f"{place}{type(error).__name__}{': ' if text else ''}{text}"


if __name__ == "__main__":
    main()
