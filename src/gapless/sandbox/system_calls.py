"""The system calls that a program may not make, as a filter that the kernel runs (seccomp).

Without new processes, every limit of one process is a limit of the program; without shared memory
that outlives its mapping, address space bounds memory; without sockets there is nothing to talk to,
on whatever kind of network. The rest are calls that ordinary programs never make and that have let
programs out of sandboxes before. Numbers: the kernel's asm/unistd_64.h and asm-generic/unistd.h.
"""

import errno
import platform
import struct

from gapless.errors import SandboxError

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of `NUMBERS` and the kernel's AUDIT_ARCH, by the machine's name."""

CLONE, CLONE3 = (56, 220), (435, 435)

NUMBERS: dict[str, tuple[int | None, int | None]] = {
    # new processes (clone, which also makes threads, is looked at more closely)
    "fork": (57, None),
    "vfork": (58, None),
    # memory that no limit counts
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    # other worlds
    "socket": (41, 198),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    # other processes, and parts of the kernel with a history
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "modify_ldt": (154, None),
    "vmsplice": (278, 75),
}

_LOAD, _EQUAL, _AT_LEAST, _HAS_BIT, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_AT_NUMBER, _AT_MACHINE, _AT_FIRST_ARGUMENT = 0, 4, 16
_OTHER_ABI = 0x40000000
_CLONE_THREAD = 0x00010000


def call_filter(machine: str | None = None) -> bytes:
    """Return the filter for this machine (or the one named) in the kernel's own form.

    Raises:
        SandboxError: the numbers of this kind of machine are not in the table.

    """
    machine = machine or platform.machine()
    if machine not in MACHINES:
        raise SandboxError(
            f"no sandbox for a machine of the kind {machine!r}",
            mend=f"Run this part of the recipe on one of: {', '.join(MACHINES)}.",
        )
    column, audit = MACHINES[machine]
    refused, unknown = _REFUSE | errno.EPERM, _REFUSE | errno.ENOSYS
    lines = [_line(_LOAD, _AT_MACHINE), *_unless(_EQUAL, audit, _KILL), _line(_LOAD, _AT_NUMBER)]
    lines += _when(_AT_LEAST, _OTHER_ABI, unknown)  # x32, a second set of numbers on x86_64
    # The C library asks for clone3 first and takes clone when it is told that there is none.
    lines += _when(_EQUAL, CLONE3[column], unknown)
    for row in NUMBERS.values():
        number = row[column]
        if number is not None:
            lines += _when(_EQUAL, number, refused)
    lines += _unless(_EQUAL, CLONE[column], _ALLOW)
    lines += [_line(_LOAD, _AT_FIRST_ARGUMENT), *_when(_HAS_BIT, _CLONE_THREAD, _ALLOW)]
    return b"".join([*lines, _line(_ANSWER, refused)])


def _line(code: int, value: int, *, met: int = 0, unmet: int = 0) -> bytes:
    """Return one instruction: what, how many lines to skip when it is met and when not, number."""
    return struct.pack("=HBBI", code, met, unmet, value)


def _when(test: int, value: int, answer: int) -> list[bytes]:
    return [_line(test, value, unmet=1), _line(_ANSWER, answer)]


def _unless(test: int, value: int, answer: int) -> list[bytes]:
    return [_line(test, value, met=1), _line(_ANSWER, answer)]
