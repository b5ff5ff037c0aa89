"""A row of a task's file, read strictly: every mistake names its line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gapless.errors import DataError
from gapless.evaluation.tasks.prompts import LETTERS, lettered
from gapless.recipe.mistakes import nearest, shown


def read_rows(path: Path) -> Iterator[Row]:
    """Give the rows of a JSON Lines file, packed (``.zst``) or not; empty lines are passed over.

    Raises:
        DataError: the file cannot be read, or a line (``where``) is no JSON object.

    """
    mend = "Write one JSON object per line, as docs/tasks.md shows."
    try:
        text = _unpacked(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        lines_before = error.object.count(b"\n", 0, error.start)
        where = f"{path}:{lines_before + 1}"
        what = "the line is not UTF-8 text"
        raise DataError(what, where=where, mend="Save the file as UTF-8.") from error
    except OSError as error:
        what = f"the file cannot be read ({error.strerror or error})"
        raise DataError(what, where=str(path), mend=mend) from error
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"the line is not JSON ({error})", where=where, mend=mend) from error
        if not isinstance(values, dict):
            raise DataError("the line is not a JSON object", where=where, mend=mend)
        yield Row(values, where, number)


def _unpacked(path: Path) -> bytes:
    """Return a file's bytes; of a name that ends in ``.zst`` those that it is packed from."""
    if path.suffix != ".zst":
        return path.read_bytes()
    import zstandard

    try:
        with zstandard.open(path, "rb") as file:
            return bytes(file.read())
    except zstandard.ZstdError as error:
        raise OSError(str(error)) from error


def one_of(word: str, allowed: Iterable[str], *, kind: str = "Fields") -> str:
    """Return the mend for a word that is none of ``allowed``, which a terminal can show."""
    return nearest(word, [shown(each)[1:-1] for each in allowed], kind=kind)


@dataclass(frozen=True)
class Row:
    """One JSON object of a file."""

    values: dict[str, Any]
    where: str
    line: int

    def wrong(self, what: str, mend: str = "Mend the line, or take it out.") -> DataError:
        """Return the error that says what is wrong with the row."""
        return DataError(what, where=self.where, mend=mend)

    def field(self, name: str) -> Any:
        """Return a field; ``options.A`` is the field A of the object ``options``."""
        if name in self.values:
            return self.values[name]
        found: Any = self.values
        for part in name.split("."):
            if not isinstance(found, dict) or part not in found:
                raise self.wrong(f"the field {name!r} is missing", one_of(name, self.values))
            found = found[part]
        return found

    def text(self, name: str) -> str:
        """Return a field as the text that it is; numbers are written out."""
        return self._as_text(self.field(name), name)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field that is a text, or a list of texts with something in it."""
        value = self.field(name)
        if not isinstance(value, list):
            return (self.text(name),)
        if not value:
            raise self.wrong(f"{name} is an empty list")
        return tuple(self._as_text(each, name) for each in value)

    def choices(self, name: str) -> dict[str, str]:
        """Return an item's own choices: letter, or key of an object, to text."""
        value = self.field(name)
        if not isinstance(value, list | dict):
            raise self.wrong(f"{name} is {shown(value)}, no list of choices", 'Write ["...", ...].')
        if not 2 <= len(value) <= len(LETTERS):
            mend = f"Give 2 to {len(LETTERS)} choices."
            raise self.wrong(f"{name} holds {len(value)}", mend)
        keys = list(value) if isinstance(value, dict) else list(LETTERS)
        each = value.values() if isinstance(value, dict) else value
        texts = [self._as_text(text, name) for text in each]
        for text in texts:
            if not text.strip():
                raise self.wrong(f"a choice in {name} is empty")
            if texts.count(text) > 1:
                raise self.wrong(f"the choice {shown(text)} stands twice in {name}")
        return dict(zip(keys, texts, strict=False))

    def for_prompt(self, name: str, *, choices: bool) -> tuple[str, str]:
        """Return a field as a prompt shows it, and its words alone.

        A list stands one text per line; that of an item's ``choices`` with letters before them.
        """
        if choices:
            texts = tuple(self.choices(name).values())
            return lettered(texts), "\n".join(texts)
        text = "\n".join(self.texts(name))
        return text, text

    def _as_text(self, value: Any, name: str) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return json.dumps(value)
        if not isinstance(value, str):
            raise self.wrong(f"{name} is {shown(value)}, not a text")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise self.wrong(f"{name} holds half a character (a lone surrogate)")
        return value
