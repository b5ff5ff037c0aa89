"""What of the host a Python needs to start: its program, standard library and shared libraries.

In the sandbox it stands at /python, so that not even the names of the host's folders are seen:

    /python/bin/python3.x    /python/lib/python3.x (no site-packages)    /python/shared/*.so
"""

import os
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from gapless.errors import SandboxError

HOME = "/python"
SHARED = f"{HOME}/shared"

_NEEDLESS = ("_tkinter.", "nis.")
"""Modules for windows and a network's names: a score of libraries that no program here can use."""
_UNLISTED = "libgcc_s.so.1"
"""The C library loads it by name when a thread is ended."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Where the sandbox's Python is, and the pairs (on the host, in the sandbox) that it needs."""

    program: str
    binds: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]
    """Folders in the sandbox that are shown empty: the installed packages."""


def this_interpreter() -> Interpreter:
    """Return the Python that runs now, without its virtual environment and packages.

    Raises:
        SandboxError: its files are not where a Python has them.

    """
    base = Path(sys.base_prefix)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    program = base / "bin" / version
    library = Path(sysconfig.get_path("stdlib"))
    for path in (program, library / "os.py"):
        if not path.exists() or not path.is_relative_to(base):
            raise SandboxError(
                "this Python's program and standard library are not at their usual places",
                where=str(path),
                mend="Use a Python that has bin/ and lib/ in one folder, as most have.",
            )
    inside = {path: f"{HOME}/{path.relative_to(base)}" for path in (program, library)}
    packages = [library / name for name in ("site-packages", "dist-packages")]
    modules = sorted((library / "lib-dynload").glob("*.so"))
    kept = [path for path in modules if not path.name.startswith(_NEEDLESS)]
    pairs = [(str(path.resolve()), place) for path, place in inside.items()]
    return Interpreter(
        program=inside[program],
        binds=(*pairs, *_shared_libraries([program.resolve(), *kept])),
        hidden=tuple(f"{inside[library]}/{path.name}" for path in packages if path.is_dir()),
    )


def _shared_libraries(files: list[Path]) -> list[tuple[str, str]]:
    """Return pairs for the libraries that the files load, and for the loader at its own place."""
    try:
        listed = subprocess.run(  # noqa: S603 - the files are this Python's own
            ["ldd", *map(str, files)],  # noqa: S607 - of the C library, wherever it is
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    except OSError as error:
        mend = "It is a part of the C library's tools (libc-bin on Debian)."
        raise SandboxError("the program ldd cannot be run", where="PATH", mend=mend) from error
    named = dict(re.findall(r"^\s+(\S+) => (/\S.*) \(0x", listed, re.MULTILINE))
    loaders = set(re.findall(r"^\s+(/\S+) \(0x", listed, re.MULTILINE))
    libraries = {Path(name).name: path for name, path in named.items() if name not in loaders}
    loaders |= {name for name in named if name.startswith("/")}
    for path in list(libraries.values()):
        beside = Path(path).with_name(_UNLISTED)
        if beside.exists():
            libraries.setdefault(_UNLISTED, str(beside))
    pairs = [(os.path.realpath(path), f"{SHARED}/{name}") for name, path in libraries.items()]
    return sorted(pairs) + [(os.path.realpath(path), path) for path in sorted(loaders)]
