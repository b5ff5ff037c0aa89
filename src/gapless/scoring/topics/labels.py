"""A user's file of labels, read strictly: every mistake names its line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gapless.errors import DataError

_SHAPE = '{"text": "...", "topic": "..."}'


def read_labels(path: Path, topics: Sequence[str]) -> tuple[list[str], list[str]]:
    """Read a JSON Lines file of ``{"text": str, "topic": str}``: the texts, and their topics.

    Other keys and empty lines are passed over.

    Raises:
        DataError: the file cannot be read, is empty, or a line (``where``) is no such label.

    """
    try:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8 text", where=str(path)) from error
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        raise DataError(what, where=str(path), mend=f"Write lines like {_SHAPE}") from error
    texts, labels = [], []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            text, topic = _label(line, f"{path}:{number}", topics)
            texts.append(text)
            labels.append(topic)
    if not texts:
        raise DataError("the file holds no label", where=str(path), mend=f"Write {_SHAPE}")
    return texts, labels


def _label(line: str, where: str, topics: Sequence[str]) -> tuple[str, str]:
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise DataError(f"the line is not JSON ({error})", where=where) from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise DataError("the line has no text", where=where, mend=f"Write {_SHAPE}")
    if row.get("topic") not in topics:
        what = f"{row.get('topic')!r} is not one of the score's topics"
        raise DataError(what, where=where, mend=f"The topics are: {', '.join(topics)}.")
    # JSON can spell half a character as an escape, which no other file could hold.
    return row["text"].encode("utf-8", "replace").decode(), row["topic"]
