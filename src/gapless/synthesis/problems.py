"""The pool of programming problems that code QA draws its examples from: JSON Lines.

    {"id": ..., "problem": ..., "solution": ..., "tests": ...}

``solution`` is Python; ``tests`` are plain asserts that follow it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from gapless.errors import DataError


@dataclass(frozen=True)
class Problem:
    """One problem."""

    id: str
    problem: str
    solution: str
    tests: str


_KEYS = tuple(field.name for field in fields(Problem))
_MEND = f"Each line is one JSON object with the texts {', '.join(_KEYS)}."


def read_problems(path: str | Path | None) -> tuple[Problem, ...]:
    """Return the problems of a file, or those of gapless when there is no path.

    A file that cannot be read, a line that is not a problem, an id that comes twice and a file
    without problems are a `DataError` that says which line.
    """
    if path is None:
        return _ours()
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        what = f"the problems cannot be read: {error.strerror}"
        raise DataError(what, where=str(path), mend=_MEND) from error
    return _parsed(lines, str(path))


@cache
def _ours() -> tuple[Problem, ...]:
    file = resources.files("gapless.synthesis").joinpath("problems.jsonl")
    return _parsed(file.read_bytes().splitlines(), file.name)


def _parsed(lines: Iterable[bytes], name: str) -> tuple[Problem, ...]:
    problems: dict[str, Problem] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        problem = _problem(line, where)
        if problem.id in problems:
            mend = "Give every problem an id of its own."
            raise DataError(f"the id {problem.id!r} comes twice", where=where, mend=mend)
        problems[problem.id] = problem
    if not problems:
        raise DataError("no problems", where=name, mend=_MEND)
    return tuple(problems.values())


def _problem(line: bytes, where: str) -> Problem:
    try:
        row: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise DataError(f"not JSON: {error}", where=where, mend=_MEND) from error
    if not isinstance(row, dict):
        raise DataError("not a JSON object", where=where, mend=_MEND)
    for key in _KEYS:
        value = row.get(key)
        if value is None:
            raise DataError(f"no {key!r}", where=where, mend=_MEND)
        if not isinstance(value, str) or not value.strip():
            raise DataError(f"{key!r} is {value!r}, not a text", where=where, mend=_MEND)
    return Problem(**{key: row[key] for key in _KEYS})
