"""Python source files, whole when short, else cut at top-level definitions."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from gapless.assets.passages import Entry, numbered, tidy

_TABLES = ("encodings/", "pydoc_data/", "_sysconfigdata", "__phello__", "site-packages/")
_TESTS = frozenset({"test", "tests", "idle_test", "__pycache__", "lib2to3", "config-3.11"})
_LONGEST = 6000
_TOP_LEVEL = re.compile(r"\n\n(?=(?:@|def |class |async def |if |# |[A-Za-z_]))")
_MEMBER = re.compile(r"\n\n(?=    (?:@|def |class |async def |# ))")


def code(root: Path) -> Iterator[Entry]:
    """Yield Python's standard library without its tests; the key is the module's path."""
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith(_TABLES) or _TESTS.intersection(name.split("/")[:-1]):
            continue
        with tokenize.open(path) as file:
            text = file.read()
        yield from numbered(f"python/{name}", pieces(tidy(text)))


def pieces(text: str, longest: int = _LONGEST) -> list[str]:
    """Cut source text at blank lines before definitions into pieces of at most `longest`."""
    return _packed(text, longest, (_TOP_LEVEL, _MEMBER, re.compile(r"\n\n"), re.compile(r"\n")))


def _packed(text: str, longest: int, borders: tuple[re.Pattern[str], ...]) -> list[str]:
    if len(text) <= longest or not borders:
        return [text]
    joint = "\n" if len(borders) == 1 else "\n\n"
    packed: list[str] = []
    for part in borders[0].split(text):
        for piece in _packed(part, longest, borders[1:]):
            if packed and len(packed[-1]) + len(piece) + 2 <= longest:
                packed[-1] += joint + piece
            else:
                packed.append(piece)
    return packed
