"""What a task of a local folder asks, as a stage keeps it (see `gapless.evaluation.tasks`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TaskKind = Literal["multiple_choice", "cloze", "generation", "code"]
Normalisation = Literal["squad", "words", "none"]


@dataclass(frozen=True, kw_only=True)
class TaskItem:
    """One item of a task."""

    line: int
    """Its line in the task's file, from 1."""
    prompt: str
    """What the model reads after the task's shots."""
    text: str
    """The item's own words in the prompt: what is looked for in the training text."""
    answers: tuple[str, ...]
    """What is right: any of them; all of them where an item has several labels."""
    choices: tuple[str, ...] = ()
    """What a multiple-choice item offers; ``answers[0]`` is one of them."""
    tests: str = ""
    """What runs after the program that a code item asks for."""


@dataclass(frozen=True, kw_only=True)
class TaskSettings:
    """What all items of a task have in common."""

    kind: TaskKind
    metrics: tuple[str, ...]
    file: str
    """The file of the items, for messages."""
    shots: str = ""
    """The examples that stand before every prompt, ready to read; empty without any."""
    before_answer: str = " "
    """What stands between a prompt and its answer, unless white space does."""
    labels: tuple[str, ...] = ()
    """The fixed answers, where the task has them: the classes of its F1."""
    multi_label: bool = False
    """Whether an item has several labels."""
    between_labels: str = ", "
    """What stands between an item's labels."""
    normalise: Normalisation = "squad"
    max_new_tokens: int = 0
    """The longest answer; 0 where none is written."""
    stop: tuple[str, ...] = ()
    """An answer ends before the first of these."""
