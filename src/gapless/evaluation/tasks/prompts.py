"""Prompts: an item's fields put into the task's words. Plain replacement; nothing is run."""

from __future__ import annotations

import re
from collections.abc import Mapping

_FIELD = re.compile(r"\{\{([^\W\d][\w.-]*)\}\}|\{([^\W\d][\w.-]*)\}")
"""``{{field}}``, which stands for the word in braces, or ``{field}``; other braces stay."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def fields_of(template: str) -> list[str]:
    """Return the fields that a template names, in order, each once."""
    return list(dict.fromkeys(match[2] for match in _FIELD.finditer(template) if match[2]))


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the template with its fields replaced; braces in the values mean nothing."""
    return _FIELD.sub(lambda m: values[m[2]] if m[2] else f"{{{m[1]}}}", template)


def lettered(texts: tuple[str, ...]) -> str:
    """Return texts one per line, each after a letter: ``A. first``."""
    assert len(texts) <= len(LETTERS)
    return "\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, texts, strict=False))


def joined(prompt: str, answer: str, between: str) -> str:
    """Return prompt and answer as one text; ``between`` gives way to white space of theirs."""
    touch = prompt and answer and not prompt[-1].isspace() and not answer[0].isspace()
    return f"{prompt}{between if touch else ''}{answer}"
