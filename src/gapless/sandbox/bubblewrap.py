"""Start one program under bubblewrap: new namespaces, a root folder made for it, and no rights.

/python   the interpreter, read-only       /tmp   its folder, in memory, of a fixed size
/dev      null                             the rest is not there: no /proc, no /etc, no home
"""

import json
import os
import subprocess
from contextlib import ExitStack
from functools import cache
from io import FileIO
from pathlib import Path, PurePosixPath

from gapless.errors import SandboxError
from gapless.sandbox.inside import NOBODY
from gapless.sandbox.interpreter import SHARED, Interpreter
from gapless.sandbox.verdicts import Limits
from gapless.sandbox.watching import Watch

INSTALL = (
    "Install bubblewrap 0.7 or newer (`apt-get install bubblewrap`). Code that a model has "
    "written is never run without it."
)
ALLOW = (
    "It needs bubblewrap 0.7 or newer and the right to make user namespaces: docs/sandbox.md, "
    "'When it is refused'."
)
_ENVIRONMENT = {"LD_LIBRARY_PATH": SHARED, "MALLOC_ARENA_MAX": "1", "PYTHONHASHSEED": "0"}


def start(
    bubblewrap: list[str],
    interpreter: Interpreter,
    limits: Limits,
    *,
    sent: tuple[bytes, bytes, bytes],
    held: ExitStack,
) -> Watch:
    """Start a program and return its watch; whatever it holds is released, and killed, by `held`.

    `sent` is the program, the filter of system calls and the token of success.

    Raises:
        SandboxError: the process could not be made.

    """
    source, calls, token = (_sealed(data, held) for data in sent)
    output, output_end = _pipe(held)
    report, report_end = _pipe(held)
    gate = _Gate(held) if _is_true_root() else None
    command = [*bubblewrap, *_world(interpreter, limits), "--seccomp", str(calls.fileno())]
    command += gate.arguments if gate else ["--uid", str(NOBODY), "--gid", str(NOBODY)]
    command += _inner(interpreter, limits, report=report_end.fileno(), token=token.fileno())
    kept = [calls, token, report_end, *(gate.ends if gate else [])]
    try:
        process = subprocess.Popen(  # noqa: S603 - the program itself is never in the command
            command,
            stdin=source,
            stdout=output_end,
            stderr=subprocess.STDOUT,
            pass_fds=[file.fileno() for file in kept],
            start_new_session=True,
            env={},
        )
    except OSError as error:
        what = f"the sandbox did not start: {error.strerror}"
        raise SandboxError(what, where=bubblewrap[0], mend=ALLOW) from error
    held.callback(_end, process)
    for file in (output_end, *kept):
        file.close()
    if gate:
        gate.open()
    return Watch(process, output=output.fileno(), report=report.fileno())


def _world(interpreter: Interpreter, limits: Limits) -> list[str]:
    """Return the arguments that make what the program sees."""
    places = [place for _, place in interpreter.binds]
    folders = {str(folder) for place in places for folder in PurePosixPath(place).parents}
    arguments = ["--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
    arguments += ["--cap-drop", "ALL", "--hostname", "sandbox", "--clearenv"]
    for name, value in _ENVIRONMENT.items():
        arguments += ["--setenv", name, value]
    for folder in sorted(folders - {"/"} | {"/dev"}):
        arguments += ["--perms", "0755", "--dir", folder]
    for path, place in interpreter.binds:
        arguments += ["--ro-bind", path, place]
    for folder in interpreter.hidden:
        arguments += ["--tmpfs", folder, "--remount-ro", folder]
    arguments += ["--dev-bind", "/dev/null", "/dev/null"]
    arguments += ["--perms", "1777", "--size", str(limits.file_bytes), "--tmpfs", "/tmp"]  # noqa: S108
    return [*arguments, "--chdir", "/tmp", "--remount-ro", "/"]  # noqa: S108 - the sandbox's own


def _inner(interpreter: Interpreter, limits: Limits, *, report: int, token: int) -> list[str]:
    """Return the command that is run inside: an interpreter without packages, and our first lines.

    The kernel counts threads by user: bubblewrap's own process inside counts too, but for root,
    whose programs are another user.
    """
    tasks = limits.threads + (not _is_true_root())
    numbers = [report, token, limits.cpu_seconds, limits.memory_bytes, limits.file_bytes, tasks]
    python = [interpreter.program, "-s", "-S", "-P", "-B", "-X", "utf8", "-c", _first_lines()]
    return [*python, *map(str, numbers)]


@cache
def _first_lines() -> str:
    return Path(__file__).with_name("inside.py").read_text(encoding="utf-8")


def _is_true_root() -> bool:
    """Whether this is root over others too, and not a user who only looks so (rootless container).

    Such a one cannot map a second user, and the kernel holds him to his threads without.
    """
    if os.geteuid() != 0:
        return False
    users = (map(int, line.split()) for line in Path("/proc/self/uid_map").read_text().splitlines())
    return any(first <= NOBODY < first + number for first, _, number in users)


class _Gate:
    """For root: a user namespace with two users, so that the program can be another than root.

    Root inside is root outside, as far as the kernel's count of threads and the owner of files go.
    bubblewrap maps one user only, but waits while somebody else does it.
    """

    def __init__(self, held: ExitStack) -> None:
        self._told, told_end = _pipe(held)
        waits, self._opened = _pipe(held)
        self.ends = [told_end, waits]
        self.arguments = ["--info-fd", str(told_end.fileno())]
        self.arguments += ["--userns-block-fd", str(waits.fileno())]
        self.arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]

    def open(self) -> None:
        """Map the users and let bubblewrap go on; when it is gone already, its output says why."""
        said = b""
        while b"}" not in said:
            piece = os.read(self._told.fileno(), 4096)
            if not piece:
                return
            said += piece
        folder = Path("/proc") / str(json.loads(said)["child-pid"])
        try:
            for name in ("uid_map", "gid_map"):
                (folder / name).write_text(f"0 0 1\n{NOBODY} {NOBODY} 1\n")
        except OSError as error:
            what = f"the sandbox's users could not be mapped: {error.strerror}"
            raise SandboxError(what, where=f"uid_map, for user {NOBODY}", mend=ALLOW) from error
        self._opened.write(b"1")


def _pipe(held: ExitStack) -> tuple[FileIO, FileIO]:
    source, sink = os.pipe()
    return held.enter_context(FileIO(source, "rb")), held.enter_context(FileIO(sink, "wb"))


def _sealed(data: bytes, held: ExitStack) -> FileIO:
    """Return a file in memory with the data, at its beginning, that nobody can change."""
    import fcntl

    file = held.enter_context(
        FileIO(os.memfd_create("gapless", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "r+b")
    )
    file.write(data)
    file.seek(0)
    sizes = fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, sizes | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL)
    return file


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what an exception has left running."""
    if process.poll() is None:
        process.kill()
        process.wait()
