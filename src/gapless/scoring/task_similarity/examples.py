"""A user's file of task examples, read strictly: every mistake names its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gapless.errors import DataError

_SHAPE = '{"text": "..."} or {"question": "...", "choices": ["...", "..."]}'


def read_examples(path: Path) -> list[str]:
    """Read a JSON Lines file of texts, or of questions with choices, one text per line.

    A question stands before its choices, a line each. Which one is right is not read: the method
    needs no labels. Other keys and empty lines are passed over.

    Raises:
        DataError: the file cannot be read, is empty, or a line (``where``) is no example.

    """
    try:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8 text", where=str(path)) from error
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        raise DataError(what, where=str(path), mend=f"Write lines like {_SHAPE}") from error
    examples = [
        _example(line, f"{path}:{number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    if not examples:
        raise DataError("the file holds no example", where=str(path), mend=f"Write {_SHAPE}")
    return examples


def _example(line: str, where: str) -> str:
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise DataError(f"the line is not JSON ({error})", where=where) from error
    parts = _parts(row) if isinstance(row, dict) else []
    text = "\n".join(part for part in parts if isinstance(part, str))
    if not any(map(str.isalnum, text)) or not all(isinstance(part, str) for part in parts):
        raise DataError("the line holds no example", where=where, mend=f"Write {_SHAPE}")
    # JSON can spell half a character as an escape, which UTF-8 cannot hold.
    return text.encode("utf-8", "replace").decode()


def _parts(row: dict[str, Any]) -> list[Any]:
    if "text" in row:
        return [row["text"]]
    choices = row.get("choices", [])
    return [row.get("question"), *choices] if isinstance(choices, list) else [None]
