"""What is said of a program, and that it cannot say it itself."""

import re
import tracemalloc
from pathlib import Path

import pytest

from gapless.sandbox import Limits, Sandbox, Verdict

GUIDE = Path(__file__).parents[2] / "docs" / "sandbox.md"
DOUBLE = "def double(n):\n    return {}\n\nassert double(3) == 6, 'three'\n"


def test_a_program_passes_when_its_last_line_has_run(sandbox: Sandbox) -> None:
    verdict = sandbox.run(DOUBLE.format("2 * n"))
    assert (verdict.kind, verdict.message) == ("passed", "")
    assert 0 < verdict.seconds < Limits().seconds


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (DOUBLE.format("n"), "line 4: AssertionError: three"),
        ("x = 1\nassert x == 2", "line 2: AssertionError"),
        ("def f(:\n", "line 1: SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(0)\nassert False", "line 2: SystemExit: 0"),
        ("quit()", "line 1: NameError: name 'quit' is not defined"),
        ("raise KeyboardInterrupt", "line 1: KeyboardInterrupt"),
        ("input()", "line 1: EOFError: EOF when reading a line"),
        ("if __name__ == '__main__':\n    1 / 0", "line 2: ZeroDivisionError: division by zero"),
        ("import os\nos._exit(0)", "left before its last line with exit status 0"),
        ("import os\nos._exit(200)", "left before its last line with exit status 200"),
        ("def f():\n    f()\nf()", "line 2: RecursionError: maximum recursion depth exceeded"),
        ("class E(Exception):\n    def __str__(self): raise self\nraise E", "line 3: E"),
    ],
)
def test_a_failure_names_its_line_and_reason(sandbox: Sandbox, program: str, message: str) -> None:
    verdict = sandbox.run(program)
    assert (verdict.kind, verdict.message) == ("failed", message)


@pytest.mark.parametrize(
    ("program", "kind", "message"),
    [
        ("while True: pass", "timed_out", "1 seconds of processor time"),
        ("import time\ntime.sleep(60)", "timed_out", "3 seconds of wall time"),
        ("x = []\nwhile True: x.append(bytes(1 << 20))", "out_of_memory", "line 2: MemoryError"),
        (
            "import mmap\nmmap.mmap(-1, 1 << 40)",
            "out_of_memory",
            "line 2: OSError: [Errno 12] Cannot allocate memory",
        ),
        ("while True: print('x' * 999)", "too_much_output", "more than 1048576 bytes"),
        ("import ctypes\nctypes.string_at(0)", "crashed", "SIGSEGV"),
        ("import os\nos.abort()", "crashed", "SIGABRT"),
        ("import os\nos.kill(os.getpid(), 9)", "crashed", "SIGKILL"),
    ],
)
def test_each_ending_has_its_kind(
    sandbox: Sandbox, brief: Limits, program: str, kind: str, message: str
) -> None:
    verdict = sandbox.run(program, limits=brief)
    assert (verdict.kind, verdict.message) == (kind, message)


@pytest.mark.parametrize(
    "program",
    [
        (
            "import os\nfor n in range(3, 64):\n    try: os.write(n, b'0' * 32 + b'passed ')\n"
            "    except OSError: pass\nassert False"
        ),
        "import os\nos.closerange(0, 64)\nassert False",
        "import sys\nprint('passed')\nsys.exit(0)",
        "import atexit, os\natexit.register(os._exit, 0)\nassert False",
        "import os, sys\nos._exit = os.write = sys.exit = print\nassert False",
        "import builtins\nbuiltins.compile = builtins.str = None\nassert False",
    ],
)
def test_no_accident_is_a_success(sandbox: Sandbox, program: str) -> None:
    assert sandbox.run(program).kind == "failed"


def test_a_program_that_means_to_cheat_can_and_the_guide_says_so(sandbox: Sandbox) -> None:
    program = """
import os
for token in range(3, 64):
    try:
        said = os.read(token, 32)
        break
    except OSError:
        pass
for report in range(3, 64):
    try:
        os.write(report, said + b"passed ")
    except OSError:
        pass
os._exit(0)
"""
    assert sandbox.run(program).kind == "passed"


def test_output_that_is_closed_or_broken_is_no_failure(sandbox: Sandbox) -> None:
    program = "import os, sys\nsys.stdout.close()\nos.close(1)\nos.close(2)\nsys.stderr = None"
    assert sandbox.run(program).kind == "passed"


def test_ordinary_programs_find_an_ordinary_python(sandbox: Sandbox) -> None:
    program = """
import asyncio, bz2, collections, ctypes, dataclasses, decimal, hashlib, json, lzma, math, os
import pickle, re, sqlite3, tempfile, threading, typing, unittest, zlib

@dataclasses.dataclass
class Point:
    x: "int"

assert typing.get_type_hints(Point) == {"x": int}
assert pickle.loads(pickle.dumps(Point(3))) == Point(3)

async def three():
    return await asyncio.to_thread(lambda: 3)

assert asyncio.run(three()) == 3
with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "text"), "w") as file:
        file.write("\u4e2d")
    assert open(file.name).read() == "\u4e2d"
thread = threading.Thread(target=print)
thread.start()
thread.join()
"""
    verdict = sandbox.run(program)
    assert (verdict.kind, verdict.message) == ("passed", "")


def test_a_message_is_one_printable_line(sandbox: Sandbox) -> None:
    program = "raise ValueError('\\x1b[31mred\\x07\\u202e\\n\\r\\tnext \\ud800' + 'x' * 10 ** 7)"
    message = sandbox.run(program).message
    assert message.startswith("line 1: ValueError: [31mred next ?xxx")
    assert message.isprintable()
    assert len(message) == 500


@pytest.mark.parametrize("program", ["x = '\ud800'", "x = 1\0", "# coding: nonsense\n"])
def test_text_that_is_no_source_fails(sandbox: Sandbox, program: str) -> None:
    assert sandbox.run(program).kind == "failed"


def test_programs_may_be_long(sandbox: Sandbox) -> None:
    assert sandbox.run(f"assert len({'x' * 5_000_000!r}) == 5_000_000").kind == "passed"


def test_sets_have_the_same_order_in_every_run(sandbox: Sandbox) -> None:
    program = "raise ValueError(list({str(n) for n in range(50)}))"
    assert len({sandbox.run(program).message for _ in range(3)}) == 1


def test_output_is_counted_to_the_byte_and_not_kept(sandbox: Sandbox) -> None:
    program = "import os\nfor n in range(2048): os.write(1 + n % 2, bytes(1 << 14))"
    exact = 2048 << 14
    tracemalloc.start()
    passed = sandbox.run(program, limits=Limits(output_bytes=exact))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert passed.kind == "passed"
    assert peak < 1 << 20
    assert sandbox.run(program, limits=Limits(output_bytes=exact - 1)).kind == "too_much_output"


def test_verdicts_come_in_the_order_of_the_programs(sandbox: Sandbox) -> None:
    programs = [f"import time\ntime.sleep({(7 - n) / 50})\nassert {n} % 3" for n in range(8)]

    def kinds(workers: int) -> list[tuple[str, str]]:
        found = sandbox.run_all(iter(programs), workers=workers)
        return [(verdict.kind, verdict.message) for verdict in found]

    assert kinds(1) == kinds(3)
    assert [kind for kind, _ in kinds(4)] == [
        "passed" if n % 3 else "failed" for n in range(len(programs))
    ]
    assert sandbox.run_all([], workers=2) == []


def test_a_verdict_is_a_value() -> None:
    verdict = Verdict(kind="passed", message="", seconds=1.0)
    assert verdict == Verdict(kind="passed", message="", seconds=1.0)
    with pytest.raises(AttributeError):
        verdict.kind = "failed"  # type: ignore[misc]


def test_the_guide_shows_what_works_and_the_limits_as_they_are(sandbox: Sandbox) -> None:
    text = GUIDE.read_text()
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(block, {})  # noqa: S102 - our own guide
    units = {"": 1, " MiB": 1 << 20, " GiB": 1 << 30}
    rows = re.findall(r"^\| `(\w+)` \| (\d+)( [MG]iB)? \|", text, re.MULTILINE)
    shown = {name: int(number) * units[unit] for name, number, unit in rows}
    assert shown == {name: getattr(Limits(), name) for name in Limits.__slots__}
