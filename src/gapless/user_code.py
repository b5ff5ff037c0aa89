"""Python files of users': loaded by path, and named with the line that fails.

A file runs as any program does: it can do whatever its user can.
"""

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from gapless.errors import GaplessError


def load_module(path: Path, kind: type[GaplessError]) -> ModuleType:
    """Run a file and return it as a module.

    Raises:
        GaplessError: of ``kind``; the file cannot be read, or it failed, in the line named.

    """
    try:
        source = path.read_bytes()
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        mend = "Give the path of a Python file, relative to the file that names it."
        raise kind(what, where=str(path), mend=mend) from error
    name = f"gapless_user_{hashlib.sha256(source).hexdigest()[:12]}"
    spec = importlib.util.spec_from_loader(name, loader=None, origin=str(path))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and pickle look their module up
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102  # asked for
    except (Exception, SystemExit) as error:  # a program's own end is none of ours
        del sys.modules[name]
        raise failed(error, path, "the file cannot be run", kind) from error
    return module


def failed(error: BaseException, path: Path, what: str, kind: type[GaplessError]) -> GaplessError:
    """Return an error that names the last line of the file that another came through."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f"{path}:{line}" if line else str(path)
    return kind(f"{what}: {type(error).__name__}: {error}", where=where)
