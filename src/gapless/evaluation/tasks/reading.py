"""A task's folder to the probe that a stage keeps: every item's prompt, ready to read."""

from __future__ import annotations

from pathlib import Path

from gapless.errors import DataError
from gapless.evaluation.items import ProbeItems
from gapless.evaluation.task_items import TaskItem, TaskSettings
from gapless.evaluation.tasks.description import FILE, TaskDescription, read_description
from gapless.evaluation.tasks.normal import normalise
from gapless.evaluation.tasks.prompts import fields_of, fill, joined
from gapless.evaluation.tasks.rows import Row, one_of, read_rows
from gapless.recipe.mistakes import shown
from gapless.recipe.probes import Role
from gapless.seeds import stream


def read_task(
    folder: Path, *, seed: int, limit: int | None = None, role: Role | None = None
) -> ProbeItems:
    """Read and check a folder of task.yaml and the files that it names.

    The examples are drawn by the seed and the task's name, where they are drawn at random. With a
    ``limit``, the first so many items are asked, all are checked. A ``role`` goes before its own.

    Raises:
        DataError: something in it makes no task; ``where`` is the file and the line.

    """
    task = read_description(folder)
    items = _items(task, folder / task.items)
    return ProbeItems(
        name=task.name,
        role=role or task.role,
        kind="task",
        items=items[:limit],
        task=TaskSettings(
            kind=task.kind,
            metrics=task.measured,
            file=task.items,
            shots=_shots(task, folder, items, seed),
            before_answer=task.before_answer,
            labels=task.fixed_labels,
            multi_label=task.multi_label,
            between_labels=task.between_labels,
            normalise=task.normalise,
            max_new_tokens=task.longest_answer,
            stop=task.stops,
        ),
    )


def _items(task: TaskDescription, path: Path) -> tuple[TaskItem, ...]:
    items = tuple(_item(task, row) for row in read_rows(path))
    if not items:
        mend = "Write one JSON object per line, as docs/tasks.md shows."
        raise DataError("the file holds no item", where=str(path), mend=mend)
    return items


def _shots(task: TaskDescription, folder: Path, items: tuple[TaskItem, ...], seed: int) -> str:
    """Return the examples that stand before every prompt."""
    if task.examples is None:
        return ""
    path = folder / task.examples
    examples = _items(task, path)
    if len(examples) < task.shots:
        what = f"it holds {len(examples)} examples; {FILE} asks for {task.shots} shots"
        raise DataError(what, where=str(path), mend="Ask for fewer, or add some.")
    order = list(range(len(examples)))
    if task.draw == "random":
        order = stream(seed, "shots", task.name).permutation(len(examples)).tolist()
    chosen = [examples[index] for index in order[: task.shots]]
    measured = {item.prompt: item.line for item in items}
    for example in chosen:
        if example.prompt in measured:
            what = f"the example is item {measured[example.prompt]} of {task.items} too"
            mend = "Take it out of one of the two files: the model would be shown the answer."
            raise DataError(what, where=f"{path}:{example.line}", mend=mend)
    return "".join(_solved(task, example) + task.separator for example in chosen)


def _solved(task: TaskDescription, example: TaskItem) -> str:
    answers = example.answers if task.multi_label else example.answers[:1]
    return joined(example.prompt, task.between_labels.join(answers), task.before_answer)


def _item(task: TaskDescription, row: Row) -> TaskItem:
    shown_fields, words = {}, []
    for name in fields_of(task.prompt):
        shown_fields[name], plain = row.for_prompt(name, choices=name == task.choices)
        words.append(plain)
    answers, choices = _answers(task, row)
    return TaskItem(
        line=row.line,
        prompt=fill(task.prompt, shown_fields),
        text="\n".join(words),
        answers=answers,
        choices=choices,
        tests=_tests(task, row) if task.kind == "code" else "",
    )


def _tests(task: TaskDescription, row: Row) -> str:
    """Return what runs after an item's program."""
    tests = "\n".join(row.texts(task.tests))
    if not tests.strip():
        raise row.wrong(f"{task.tests} is empty: every program would pass")
    if task.entry_point is None:
        return tests
    name = row.text(task.entry_point)
    if not name.isidentifier():
        raise row.wrong(f"{task.entry_point} is {shown(name)}, no function's name")
    return f"{tests}\ncheck({name})"


def _answers(task: TaskDescription, row: Row) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is right and what is offered."""
    if task.kind == "multiple_choice":
        return _choice(task, row)
    answers = row.texts(task.answer)
    if task.kind in {"cloze", "code"} and len(answers) > 1:
        mend = "Keep one; only generation takes several."
        raise row.wrong(f"{task.answer} holds {len(answers)} texts", mend)
    if task.labels is not None:
        return _labels(task, row, answers), ()
    how = task.normalise if task.kind == "generation" else "none"
    for answer, form in zip(answers, normalise(answers, how), strict=True):
        if not form:
            why = "is empty" if not answer.strip() else f"is nothing when normalised by {how!r}"
            mend = "Write `normalise: none` in task.yaml." if answer.strip() else "Write one."
            raise row.wrong(f"the answer {shown(answer)} {why}", mend)
    return answers, ()


def _choice(task: TaskDescription, row: Row) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if isinstance(task.choices, tuple):
        texts, by_key = task.choices, {}
    else:
        assert task.choices is not None
        by_key = row.choices(task.choices)
        texts = tuple(by_key.values())
    value = row.field(task.answer)
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < len(texts):
            mend = f"With {len(texts)} choices, it is from 0 to {len(texts) - 1}."
            raise row.wrong(f"{task.answer} is {value}, out of range", mend)
        return (texts[value],), texts
    if not isinstance(value, str):
        mend = "Give the right choice's text, or its index from 0."
        raise row.wrong(f"{task.answer} is {shown(value)}", mend)
    if value not in texts and value in by_key:
        value = by_key[value]
    if value not in texts:
        raise row.wrong(
            f"{task.answer} is {shown(value)}, none of the choices",
            one_of(value, texts, kind="Choices"),
        )
    return (value,), texts


def _labels(task: TaskDescription, row: Row, answers: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels of an item in the spelling of ``task.yaml``."""
    assert task.labels is not None
    if len(answers) > 1 and not task.multi_label:
        mend = "Write `multi_label: true` in task.yaml, or keep one."
        raise row.wrong(f"{task.answer} holds {len(answers)} labels", mend)
    known = dict(zip(normalise(task.labels, task.normalise), task.labels, strict=True))
    found = []
    for answer, form in zip(answers, normalise(answers, task.normalise), strict=True):
        if form not in known:
            mend = one_of(answer, task.labels, kind="Labels")
            raise row.wrong(f"{shown(answer)} is none of the labels", mend)
        if known[form] in found:
            raise row.wrong(f"the label {shown(answer)} stands twice")
        found.append(known[form])
    return tuple(found)
