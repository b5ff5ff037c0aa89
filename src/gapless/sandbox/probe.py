"""The program that tries to get out of a sandbox before anything else is run in it."""

from gapless.sandbox.verdicts import Limits

_PROBE = r"""
import os, resource, socket, sys, threading

def refused(what, *arguments):
    try:
        what(*arguments)
    except OSError:
        return True
    return False

assert os.getuid() != 0, "it is root"
assert set(os.listdir("/")) <= {"dev", "lib", "lib64", "nix", "python", "tmp"}, "it sees the host"
assert os.listdir("/dev") == ["null"], "it sees devices"
assert set(os.environ) <= {"LD_LIBRARY_PATH", "MALLOC_ARENA_MAX", "PYTHONHASHSEED", "PWD"}, "env"
assert os.getpid() < 10, "it is among the host's processes"
assert refused(os.mkdir, "/made"), "it writes to /"
assert refused(os.mkdir, "/python/made"), "it writes to the interpreter"
assert refused(os.setuid, 0), "it becomes root"
assert refused(os.fork), "it makes processes"
assert refused(socket.socket), "it makes sockets"
assert refused(os.memfd_create, "file"), "it makes files that are not counted"

size = os.statvfs("/tmp")
assert size.f_blocks * size.f_frsize <= FILE_BYTES + 65536, "its folder has no limit"
most = resource.getrlimit
assert most(resource.RLIMIT_AS)[1] == MEMORY_BYTES, "memory"
assert most(resource.RLIMIT_FSIZE)[1] == FILE_BYTES, "file size"
assert most(resource.RLIMIT_CPU) == (CPU_SECONDS, CPU_SECONDS + 1), "processor time"

done, begun = threading.Event(), 1
try:
    while begun <= THREADS:
        threading.Thread(target=done.wait, daemon=True).start()
        begun += 1
except RuntimeError:
    pass
done.set()
assert begun <= THREADS, "it makes threads without a limit"
"""


def probe(limits: Limits) -> str:
    """Return the program, for the limits that it is run with; it passes where the sandbox holds."""
    names = {
        "CPU_SECONDS": limits.cpu_seconds,
        "FILE_BYTES": limits.file_bytes,
        "MEMORY_BYTES": limits.memory_bytes,
        "THREADS": limits.threads,
    }
    return "".join(f"{name} = {value}\n" for name, value in names.items()) + _PROBE
