"""The filter of system calls, read by a slow interpreter of its instructions."""

import errno
import re
import struct
from pathlib import Path

import pytest

from gapless.sandbox import SandboxError
from gapless.sandbox.system_calls import CLONE, CLONE3, MACHINES, NUMBERS, call_filter

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
THREAD = 0x3D0F00
"""The flags with which the C library makes a thread."""


def answer(program: bytes, *, machine: int, number: int, argument: int = 0) -> int:
    """Return what the kernel would answer to a system call."""
    lines = list(struct.iter_unpack("=HBBI", program))
    call = {0: number, 4: machine, 16: argument}
    at, loaded = 0, 0
    while True:
        code, met, unmet, value = lines[at]
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            loaded = call[value]
            continue
        tests = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}
        at += met if tests[code] else unmet


@pytest.mark.parametrize("name", MACHINES)
def test_what_is_listed_is_refused_and_the_rest_allowed(name: str) -> None:
    column, machine = MACHINES[name]
    program = call_filter(name)

    def of(number: int, argument: int = 0) -> int:
        return answer(program, machine=machine, number=number, argument=argument)

    refused = {row[column] for row in NUMBERS.values()} - {None}
    assert len(refused) > 30
    special = {CLONE[column], CLONE3[column]}
    for number in set(range(500)) - special:
        assert of(number) == (REFUSE | errno.EPERM if number in refused else ALLOW), number
    assert of(CLONE3[column], THREAD) == REFUSE | errno.ENOSYS
    assert of(CLONE[column], THREAD) == ALLOW
    for flags in (0, 0x11, 0x4111, 0x10000011 & ~0x10000, 0x7E020000):
        assert of(CLONE[column], flags) == REFUSE | errno.EPERM
    assert of(0x40000000 + 1) == REFUSE | errno.ENOSYS
    assert answer(program, machine=0x40000003, number=1) == KILL


def test_a_machine_without_numbers_is_refused() -> None:
    with pytest.raises(SandboxError, match="kind 'riscv64'"):
        call_filter("riscv64")


@pytest.mark.parametrize(
    ("column", "header"),
    [(0, "x86_64-linux-gnu/asm/unistd_64.h"), (1, "asm-generic/unistd.h")],
)
def test_the_numbers_are_the_kernel_s(column: int, header: str) -> None:
    path = Path("/usr/include") / header
    if not path.exists():
        pytest.skip("the kernel's headers are not installed")
    listed = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", path.read_text())
    numbers = {name: int(number) for name, number in listed}
    assert len(numbers) > 250
    ours = {name: row[column] for name, row in NUMBERS.items() if row[column] is not None}
    ours |= {"clone": CLONE[column], "clone3": CLONE3[column]}
    newer = ours.keys() - numbers.keys()
    assert len(newer) < 5
    assert {name: numbers[name] for name in ours.keys() - newer} == {
        name: number for name, number in ours.items() if name not in newer
    }
