"""A user's file of multiple-choice questions, read strictly: every mistake names its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gapless.errors import DataError
from gapless.evaluation.items import Question

_SHAPE = '{"question": "...", "choices": ["...", "..."], "answer": 0}'


def read_questions(path: Path) -> tuple[Question, ...]:
    """Read a JSON Lines file of ``{"question": str, "choices": [str, ...], "answer": int}``.

    Other keys and empty lines are passed over.

    Raises:
        DataError: the file cannot be read, is empty, or a line (``where``) is no such question.

    """
    mend = "Give multiple_choice a path to a JSON Lines file, one question per line."
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8 text", where=str(path), mend=mend) from error
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        raise DataError(what, where=str(path), mend=mend) from error
    questions = tuple(
        _question(line, f"{path}:{number}")
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    )
    if not questions:
        raise DataError("the file holds no question", where=str(path), mend=mend)
    return questions


def _question(line: str, where: str) -> Question:
    try:
        row = json.loads(line)
    except ValueError as error:
        mend = f"Write one JSON object per line: {_SHAPE}"
        raise DataError(f"the line is not JSON ({error})", where=where, mend=mend) from error
    if not isinstance(row, dict):
        raise DataError("the line is not a JSON object", where=where, mend=f"Write {_SHAPE}")
    question = row.get("question")
    if not isinstance(question, str) or not _is_utf8(question):
        what = "question is missing" if "question" not in row else "question is not a text"
        raise DataError(what, where=where, mend=f"Write {_SHAPE}")
    choices = _choices(row, where)
    return Question(question, choices, _answer(row, len(choices), where))


def _choices(row: dict[str, Any], where: str) -> tuple[str, ...]:
    choices = row.get("choices")
    if not isinstance(choices, list):
        what = "choices is missing" if "choices" not in row else "choices is not a list"
        raise DataError(what, where=where, mend=f"Write {_SHAPE}")
    if len(choices) < 2:
        mend = "Give at least two choices; a single one cannot be wrong."
        raise DataError(f"choices holds {len(choices)}", where=where, mend=mend)
    for index, choice in enumerate(choices):
        if not isinstance(choice, str) or not choice.strip() or not _is_utf8(choice):
            what = f"choice {index} is {choice!r}, not a text with something in it"
            raise DataError(what, where=where, mend=f"Write {_SHAPE}")
    return tuple(choices)


def _answer(row: dict[str, Any], num_choices: int, where: str) -> int:
    answer = row.get("answer")
    if not isinstance(answer, int) or isinstance(answer, bool):
        what = "answer is missing" if "answer" not in row else f"answer is {answer!r}, not an index"
        mend = "Give the index of the right choice, counted from 0."
        raise DataError(what, where=where, mend=mend)
    if not 0 <= answer < num_choices:
        mend = f"With {num_choices} choices, answer is from 0 to {num_choices - 1}."
        raise DataError(f"answer is {answer}, out of range", where=where, mend=mend)
    return answer


def _is_utf8(text: str) -> bool:
    """Whether UTF-8 can hold the text; JSON can spell half a character as an escape."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
