"""``task.yaml``: what a task is, checked before a single item of it is read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from gapless.errors import DataError, RecipeError
from gapless.evaluation.task_items import Normalisation, TaskKind
from gapless.evaluation.tasks.normal import normalise
from gapless.evaluation.tasks.prompts import fields_of
from gapless.recipe import yaml_lines
from gapless.recipe.fields import Name, Part
from gapless.recipe.mistakes import Mistake, loose_numbers, refuse, translate
from gapless.recipe.probes import Role

FILE = "task.yaml"
Metric = Literal[
    "accuracy",
    "accuracy_per_byte",
    "gold_bits_per_byte",
    "macro_f1",
    "micro_f1",
    "exact_match",
    "rouge_l",
    "pass_at_1",
]
Text = Annotated[str, Field(min_length=1)]
_OF_KIND: dict[TaskKind, tuple[str, ...]] = {
    "multiple_choice": ("accuracy", "accuracy_per_byte", "gold_bits_per_byte", "macro_f1"),
    "cloze": ("gold_bits_per_byte", "exact_match"),
    "generation": ("exact_match", "rouge_l", "macro_f1", "micro_f1"),
    "code": ("pass_at_1",),
}
"""Kind to the metrics it can give."""
_ONLY_FOR: dict[str, tuple[TaskKind, ...]] = {
    "choices": ("multiple_choice",),
    "labels": ("generation",),
    "multi_label": ("generation",),
    "between_labels": ("generation",),
    "normalise": ("generation",),
    "max_new_tokens": ("generation", "code"),
    "stop": ("generation", "code"),
    "tests": ("code",),
    "entry_point": ("code",),
}
_NEW_TOKENS = {"generation": 64, "code": 256}
_STOP = {"generation": ("\n",), "code": ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint(", "\n@")}
"""Of code: what begins another statement at the left edge, after the function that was asked for.

HumanEval's own (Chen et al. 2021, section 2.1), and decorators.
"""


class TaskDescription(Part):
    """What ``task.yaml`` says."""

    name: Name
    """The probe's name in measurements and in the report."""
    role: Role
    """Whether the task asks for domain or for general ability."""
    kind: Literal["multiple_choice", "cloze", "generation", "code"]
    items: Text = "items.jsonl"
    """A JSON Lines file in the folder: one object per item."""
    prompt: Text
    """What the model reads. ``{field}`` is replaced by an item's field; ``{{field}}`` is not."""
    answer: Text = "answer"
    """The field that has the right answer: a text, or the index of a choice, from 0.

    Generation: a list of texts, any of which is right; with ``multi_label``, the item's labels.
    Code: a right solution, for the examples and to be looked for in the training text.
    """
    before_answer: str = " "
    """What stands between prompt and answer, unless one of them has white space there."""
    choices: Text | tuple[Text, ...] | None = None
    """Multiple choice: the choices of every item, or the field that has an item's own."""
    labels: Annotated[tuple[Text, ...], Field(min_length=2)] | None = None
    """Generation: the only answers there are; the classes of F1."""
    multi_label: bool = False
    """Generation: an item may have several labels."""
    between_labels: Text = ", "
    """Generation: what stands between several labels, in examples and in what the model writes."""
    shots: int = Field(default=0, ge=0, le=100)
    """Solved examples before every prompt: the same for all items, at all points."""
    examples: Text | None = None
    """The file of the examples, of the items' form."""
    draw: Literal["first", "random"] = "first"
    """Which of them: the first of the file, or some drawn once, by the recipe's seed."""
    separator: str = "\n\n"
    """What stands after each example."""
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)] | None = None
    """What is measured; by default what suits the kind."""
    max_new_tokens: Annotated[int, Field(ge=1)] | None = None
    """Generation and code: the longest answer; 64 and 256 when left out."""
    stop: tuple[Text, ...] | None = None
    """Generation and code: an answer ends before the first of these.

    When left out: the end of the line, and for code the beginning of another statement.
    """
    tests: Text = "test"
    """Code: the field with what runs after prompt and answer: `assert` statements, or lists."""
    entry_point: Text | None = None
    """Code: the field with the function's name; then the tests' ``check`` is called with it."""
    normalise: Normalisation = "squad"
    """Generation: what does not count when texts are compared.

    squad: case, ASCII punctuation, a / an / the, white space (Rajpurkar et al. 2016). words: case
    and all that is no word, in any script. none: white space at both ends.
    """

    @property
    def fixed_labels(self) -> tuple[str, ...]:
        """The answers that every item has in common; empty where it has its own."""
        if self.kind == "multiple_choice":
            return self.choices if isinstance(self.choices, tuple) else ()
        return self.labels or ()

    @property
    def longest_answer(self) -> int:
        """The most tokens that an answer has; 0 where none is written."""
        return self.max_new_tokens or _NEW_TOKENS.get(self.kind, 0)

    @property
    def stops(self) -> tuple[str, ...]:
        """What an answer ends before."""
        return _STOP.get(self.kind, ()) if self.stop is None else self.stop

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics that are measured."""
        if self.metrics is not None:
            return self.metrics
        if self.kind == "generation":
            f1 = ("micro_f1", "macro_f1") if self.multi_label else ("macro_f1",)
            return ("exact_match", *(f1 if self.labels else ()))
        every = _OF_KIND[self.kind]
        return tuple(m for m in every if m != "macro_f1" or self.fixed_labels)


def read_description(folder: Path) -> TaskDescription:
    """Read a folder's ``task.yaml``.

    Raises:
        DataError: it is not there, or says something that makes no task.

    """
    path = folder / FILE
    mend = "Give a folder with task.yaml and the files that it names (docs/tasks.md)."
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8 text", where=str(path), mend=mend) from error
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        raise DataError(what, where=str(path), mend=mend) from error
    try:
        return _decode(text, path)
    except RecipeError as error:  # the machinery is that of recipes; this is data
        mend = error.mend or "What may stand in task.yaml: docs/tasks.md."
        raise DataError(error.what, where=error.where, mend=mend) from None


def _decode(text: str, path: Path) -> TaskDescription:
    tree, origins = yaml_lines.read(text, str(path))
    if not isinstance(tree, dict):
        refuse([Mistake((), "this is no mapping of settings", "See docs/tasks.md.")], origins)
    mistakes = loose_numbers(tree, TaskDescription)
    try:
        task = TaskDescription.model_validate(tree)
    except ValidationError as error:
        known = {each.path for each in mistakes}
        found = translate(error, tree, TaskDescription)
        refuse(mistakes + [each for each in found if each.path not in known], origins)
    mistakes = mistakes or list(_mistakes(task))
    if mistakes:
        refuse(mistakes, origins)
    return task


def _mistakes(task: TaskDescription) -> Iterator[Mistake]:
    for name, kinds in _ONLY_FOR.items():
        if name in task.model_fields_set and task.kind not in kinds:
            yield Mistake((name,), f"{task.kind} has no {name}", "Take it out.")
    if task.kind == "multiple_choice" and task.choices is None:
        mend = "Write `choices: [yes, no]`, or the name of the field that has an item's own."
        yield Mistake(("choices",), "is missing", mend)
    if isinstance(task.choices, tuple) and len(task.choices) < 2:
        mend = "Give at least two; a single one cannot be wrong."
        yield Mistake(("choices",), f"it holds {len(task.choices)}", mend)
    if not any(fields_of(task.prompt)):
        what = "no field of an item stands in the prompt; every item would be the same"
        yield Mistake(("prompt",), what, "Write a field's name in braces: {question}.")
    for name in ("answer", "choices", "tests", "entry_point"):
        field = getattr(task, name)
        if isinstance(field, str) and not re.fullmatch(r"[\w. -]+", field):
            yield Mistake((name,), f"{field!r} is no field's name", "Use letters, digits, . _ -")
    yield from _files(task)
    yield from _labels(task)
    yield from _metrics(task)


def _files(task: TaskDescription) -> Iterator[Mistake]:
    for name in ("items", "examples"):
        file = getattr(task, name)
        if file is not None and (
            PurePosixPath(file).is_absolute()
            or ".." in PurePosixPath(file).parts
            or not file.isprintable()
        ):
            yield Mistake((name,), f"{file!r} is not in the task's folder", "Put the file there.")
    if task.shots and task.examples is None:
        mend = "Name a JSON Lines file of items that are not measured."
        yield Mistake(("shots",), "there are shots and no file of examples", mend)
    if task.examples is not None and not task.shots:
        yield Mistake(("examples",), "there are examples and no shots", "Write `shots: 3`.")
    if task.examples is not None and PurePosixPath(task.examples) == PurePosixPath(task.items):
        what = "the examples are the items: the model would be shown the answers"
        yield Mistake(("examples",), what, "Put the examples in a file of their own.")


def _labels(task: TaskDescription) -> Iterator[Mistake]:
    if task.multi_label and task.labels is None:
        yield Mistake(("multi_label",), "there are no labels", "Write `labels: [..., ...]`.")
    name = "choices" if task.kind == "multiple_choice" else "labels"
    how = "none" if name == "choices" else task.normalise
    forms = normalise(task.fixed_labels, how)
    for form, count in Counter(forms).items():
        same = [label for label, own in zip(task.fixed_labels, forms, strict=True) if own == form]
        if not form:
            what = f"{same[0]!r} is nothing when normalised by {how!r}"
            yield Mistake(
                (name,), what, "Write `normalise: none`." if how != "none" else "Drop it."
            )
        elif count > 1:
            yield Mistake((name,), f"{same[0]!r} and {same[1]!r} cannot be told apart", "Keep one.")
    if task.multi_label:
        for label in task.labels or ():
            if (task.between_labels.strip() or task.between_labels) in label:
                what = f"{label!r} holds {task.between_labels!r}, which stands between labels"
                yield Mistake(("between_labels",), what, "Take another sign.")


def _metrics(task: TaskDescription) -> Iterator[Mistake]:
    for metric in task.metrics or ():
        if metric not in _OF_KIND[task.kind]:
            mend = f"It gives: {', '.join(_OF_KIND[task.kind])}."
            yield Mistake(("metrics",), f"{task.kind} does not give {metric}", mend)
        elif metric == "macro_f1" and not task.fixed_labels:
            what, choice = "macro_f1 needs classes", task.kind == "multiple_choice"
            mend = "Write the choices as a list." if choice else "Write the labels as a list."
            yield Mistake(("metrics",), what, mend)
        elif metric == "micro_f1" and not task.multi_label:
            what = "with one label per item, micro-F1 is the share of right answers"
            yield Mistake(("metrics",), what, "Take exact_match.")
        elif metric == "rouge_l" and task.multi_label:
            yield Mistake(("metrics",), "labels are a set; rouge_l compares texts", "Drop it.")
    for metric, count in Counter(task.metrics or ()).items():
        if count > 1:
            yield Mistake(("metrics",), f"{metric} stands twice", "Keep one.")
