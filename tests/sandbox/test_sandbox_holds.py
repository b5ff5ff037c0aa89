"""Programs that try to do harm, and the host that does not notice."""

import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gapless.sandbox import Limits, Sandbox

FORK_BOMB = """
import os, time
children = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(60)
        children += 1
except OSError as error:
    raise ValueError(children)
"""


def left_over(mark: int) -> list[str]:
    """Return the processes of this machine that have the number in their command."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(mark).encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def wait_until(what: object) -> None:
    assert callable(what)
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def marked(brief: Limits) -> Limits:
    """Limits with a number by which their processes are known among all others."""
    return replace(brief, file_bytes=(1 << 20) + 1_000_000 + secrets.randbelow(1_000_000))


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("import os\nos.fork()", "PermissionError"),
        ("import subprocess, sys\nsubprocess.run([sys.executable])", "PermissionError"),
        ("import multiprocessing as m\nm.Process(target=print).start()", "PermissionError"),
        ("import os\nos.system('true') and open('/bin/sh')", "FileNotFoundError"),
        ("open('/etc/passwd')", "FileNotFoundError"),
        ("open('/proc/self/environ')", "FileNotFoundError"),
        ("import numpy", "ModuleNotFoundError"),
        ("import gapless", "ModuleNotFoundError"),
        ("import pip", "ModuleNotFoundError"),
        ("open('/made', 'w')", "OSError: [Errno 30] Read-only file system"),
        ("open('/python/made', 'w')", "OSError: [Errno 30] Read-only file system"),
        ("import os\nopen(os.__file__, 'a')", "[Errno"),
        ("open('/dev/made', 'w')", "OSError: [Errno 30] Read-only file system"),
        ("import os\nos.setuid(0)", "[Errno"),
        ("import os\nos.chroot('/tmp')", "PermissionError"),
        ("import os\nos.memfd_create('x')", "PermissionError"),
        ("import socket\nsocket.socket()", "PermissionError"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 80))", "PermissionError"),
        ("f = open('x', 'wb')\nwhile True: f.write(bytes(1 << 16))", "OSError: [Errno 27]"),
        ("n = 0\nwhile 1:\n  n += 1\n  open(str(n), 'wb').write(bytes(9 ** 5))", "[Errno 28]"),
        ("import os\nwhile True: os.pipe()", "OSError: [Errno 24] Too many open files"),
    ],
)
def test_what_is_not_there_is_refused(
    sandbox: Sandbox, brief: Limits, program: str, error: str
) -> None:
    verdict = sandbox.run(program, limits=brief)
    assert verdict.kind == "failed"
    assert error in verdict.message


def test_a_program_sees_nothing_of_the_host(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "gold")
    (tmp_path / "file").write_text("gold")
    names = {"LD_LIBRARY_PATH", "MALLOC_ARENA_MAX", "PYTHONHASHSEED", "PWD"}
    program = f"""
import os, sys
assert not os.path.exists({str(tmp_path / "file")!r}) and not os.path.exists({str(Path.home())!r})
assert set(os.environ) == {names}, os.environ
assert not any({sys.base_prefix!r} in path for path in sys.path), sys.path
assert os.listdir() == [] and os.getcwd() == "/tmp"
assert sys.argv == ["program.py"]
assert os.uname().nodename == "sandbox"
def is_open(number):
    try:
        return bool(os.fstat(number))
    except OSError:
        return False
assert sum(map(is_open, range(3, 1 << 12))) == 2, "more than the report and the token"
open("mark", "w").write("x")
"""
    for _ in range(2):
        verdict = sandbox.run(program)
        assert (verdict.kind, verdict.message) == ("passed", "")


def test_a_listening_host_hears_nothing(sandbox: Sandbox, unfiltered: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        port = server.getsockname()[1]
        program = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)"
        refused = sandbox.run(program)
        behind = unfiltered.run(program)
        with pytest.raises(TimeoutError):
            server.accept()
        socket.create_connection(("127.0.0.1", port)).close()
        server.accept()[0].close()
    assert refused.message.startswith("line 2: PermissionError")
    assert behind.message.startswith("line 2: ConnectionRefusedError")


def test_threads_stop_at_their_number(sandbox: Sandbox) -> None:
    program = """
import threading
done, begun = threading.Event(), 1
try:
    while True:
        threading.Thread(target=done.wait, daemon=True).start()
        begun += 1
except RuntimeError:
    raise ValueError(begun)
"""
    found = [sandbox.run(program, limits=Limits(threads=n)).message for n in (1, 5, 9)]
    assert found == [f"line 9: ValueError: {n}" for n in (1, 5, 9)]


def test_processes_too_stop_at_that_number_were_they_let_through(
    unfiltered: Sandbox, marked: Limits
) -> None:
    verdict = unfiltered.run(FORK_BOMB, limits=marked)
    assert verdict.message == f"line 10: ValueError: {marked.threads - 1}"
    wait_until(lambda: not left_over(marked.file_bytes))


@pytest.mark.parametrize(
    "program",
    [
        (
            "import signal, time\nfor n in range(1, 32):\n    if n not in (9, 19): "
            "signal.signal(n, signal.SIG_IGN)\nwhile True: time.sleep(1)"
        ),
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        (
            "import threading, time\nfor _ in range(5): threading.Thread(target=time.sleep, "
            "args=(60,)).start()\ntime.sleep(60)"
        ),
        "import os, time\nos.closerange(0, 64)\ntime.sleep(60)",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        "import os\nn = 0\nwhile True:\n    os.mkdir(str(n))\n    n += 1",
        (
            "import os, time\nfor n in (1, -1):\n    try: os.kill(n, 9)\n    except OSError: pass\n"
            "time.sleep(60)"
        ),
    ],
    ids=["deaf", "deaf to XCPU", "threads", "closed", "forks", "folders", "kills its init"],
)
def test_a_program_without_end_is_ended_and_leaves_nothing(
    sandbox: Sandbox, marked: Limits, program: str
) -> None:
    verdict = sandbox.run(program, limits=marked)
    assert verdict.kind == "timed_out", verdict
    wait_until(lambda: not left_over(marked.file_bytes))


@pytest.mark.parametrize(
    "program",
    [
        (
            "import sys\nsys.setrecursionlimit(10 ** 9)\nx = []\nfor _ in range(10 ** 6): x = [x]\n"
            "repr(x)"
        ),
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): return f()\nf()",
        "exec('(' * 10 ** 6)",
        "x = [0]\nwhile True: x += x",
        "10 ** 10 ** 10",
        "import threading\nthreading.stack_size(1 << 30)\nthreading.Thread(target=print).start()",
    ],
)
def test_no_excess_passes_and_the_next_program_does(
    sandbox: Sandbox, brief: Limits, program: str
) -> None:
    kinds = [found.kind for found in sandbox.run_all([program, "x = 1"], workers=1, limits=brief)]
    assert kinds[0] in {"failed", "crashed", "out_of_memory", "timed_out"}
    assert kinds[1] == "passed"


def test_a_passed_program_leaves_no_thread_behind(sandbox: Sandbox, marked: Limits) -> None:
    program = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()"
    verdict = sandbox.run(program, limits=marked)
    assert verdict.kind == "passed"
    wait_until(lambda: not left_over(marked.file_bytes))


def test_a_program_dies_with_the_process_that_runs_it(sandbox: Sandbox, marked: Limits) -> None:
    size = marked.file_bytes
    code = f"""
from gapless.sandbox import Limits, Sandbox
limits = Limits(seconds=300, file_bytes={size})
Sandbox.choose().run("import time\\ntime.sleep(300)", limits=limits)
"""
    child = subprocess.Popen([sys.executable, "-"], stdin=subprocess.PIPE)
    assert child.stdin is not None
    child.stdin.write(code.encode())
    child.stdin.close()
    wait_until(lambda: len(left_over(size)) == 3)
    child.send_signal(signal.SIGKILL)
    child.wait()
    wait_until(lambda: not left_over(size))


def test_nothing_stays_open_and_programs_run_beside_one_another(sandbox: Sandbox) -> None:
    files = Path("/proc/self/fd")
    before = len(list(files.iterdir()))
    found = sandbox.run_all(["x = 1", "assert False"] * 8, workers=4)
    assert [verdict.kind for verdict in found] == ["passed", "failed"] * 8
    assert len(list(files.iterdir())) == before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sandbox")]
