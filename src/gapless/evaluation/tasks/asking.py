"""Tasks asked: items, and what the model finds likely or writes, to the values of each metric."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np

from gapless.errors import DataError
from gapless.evaluation.asked import Asked
from gapless.evaluation.items import ProbeItems, Question
from gapless.evaluation.likelihood import TokenSequence
from gapless.evaluation.multiple_choice import choice_values, encode_pairs, pair_of
from gapless.evaluation.task_items import TaskSettings
from gapless.evaluation.tasks.metrics import (
    best_rouge_l,
    exact_match,
    labels_in,
    macro_f1,
    micro_f1,
    shares,
)
from gapless.records.measurements import ItemValues

Values = dict[str, ItemValues]
_MOST_WORKERS = 8
"""Programs at a time: each may take a GiB of memory."""


def ask_task(asked: Asked, probe: ProbeItems) -> Values:
    """Measure a task: the values of its metrics, in the order that its file gives them.

    Raises:
        DataError: an item, with the shots before it, is longer than the context.

    """
    assert probe.task is not None
    values = _KINDS[probe.task.kind](asked, probe, probe.task)
    return {metric: values[metric] for metric in probe.task.metrics}


def _multiple_choice(asked: Asked, probe: ProbeItems, task: TaskSettings) -> Values:
    questions = [
        Question(task.shots + item.prompt, item.choices, item.choices.index(item.answers[0]))
        for item in probe.task_items
    ]
    pairs = [
        pair_of(question.question, choice, task.before_answer)
        for question in questions
        for choice in question.choices
    ]
    owners = [i for i, question in enumerate(questions) for _ in question.choices]
    nats = asked.scorer.nats(_encoded(asked, pairs, probe, owners))
    values = choice_values(questions, nats)
    if task.labels:
        likeliest = nats.reshape(len(questions), len(task.labels)).argmin(axis=1).tolist()
        right = [[question.answer] for question in questions]
        values["macro_f1"] = macro_f1(right, [[each] for each in likeliest], len(task.labels))
    return values


def _cloze(asked: Asked, probe: ProbeItems, task: TaskSettings) -> Values:
    items = probe.task_items
    pairs = [pair_of(task.shots + i.prompt, i.answers[0], task.before_answer) for i in items]
    sequences = _encoded(asked, pairs, probe, range(len(items)))
    nats, greedy = asked.scorer.nats_and_greedy(sequences)
    num_bytes = np.array([len(item.answers[0].encode()) for item in items], dtype=np.float64)
    return {
        "gold_bits_per_byte": ItemValues(numerators=nats / math.log(2), denominators=num_bytes),
        "exact_match": shares(greedy),
    }


def _generation(asked: Asked, probe: ProbeItems, task: TaskSettings) -> Values:
    items, written = probe.task_items, _written(asked, probe, task)
    values: Values = {}
    if "rouge_l" in task.metrics:
        values["rouge_l"] = best_rouge_l(items, written)
    if not task.labels:
        return values | {"exact_match": exact_match(items, written, task.normalise)}
    places = {label: place for place, label in enumerate(task.labels)}
    right = [{places[answer] for answer in item.answers} for item in items]
    given = labels_in(written, task)
    same = [own == answer for own, answer in zip(right, given, strict=True)]
    return values | {
        "exact_match": shares(same),
        "macro_f1": macro_f1(right, given, len(places)),
        "micro_f1": micro_f1(right, given, len(places)),
    }


def _code(asked: Asked, probe: ProbeItems, task: TaskSettings) -> Values:
    """Run what the model has written, in the sandbox and nowhere else."""
    assert asked.sandbox is not None
    written = _written(asked, probe, task)
    programs = [
        f"{item.prompt}{text}\n\n{item.tests}\n"
        for item, text in zip(probe.task_items, written, strict=True)
    ]
    workers = min(_MOST_WORKERS, len(os.sched_getaffinity(0)))
    verdicts = asked.sandbox.run_all(programs, workers=workers)
    return {"pass_at_1": shares([verdict.kind == "passed" for verdict in verdicts])}


_KINDS = {
    "multiple_choice": _multiple_choice,
    "cloze": _cloze,
    "generation": _generation,
    "code": _code,
}
"""Kind of task to what asks it. A new one is a line here, and its metrics in `description.py`."""


def _written(asked: Asked, probe: ProbeItems, task: TaskSettings) -> list[str]:
    """Return what the model writes after each prompt."""
    assert asked.generator is not None
    prompts = [task.shots + item.prompt for item in probe.task_items]
    lengths = [1 + len(ids) + task.max_new_tokens for ids in asked.scorer.encode(prompts)]
    _refuse_long(lengths, asked, probe, range(len(prompts)))
    return asked.generator.answers(prompts, max_new_tokens=task.max_new_tokens, stop=task.stop)


def _encoded(
    asked: Asked, pairs: Sequence[tuple[str, str]], probe: ProbeItems, owners: Sequence[int]
) -> list[TokenSequence]:
    """Encode each (context, continuation); ``owners`` are the items that they belong to."""
    wholes = asked.scorer.encode([context + continuation for context, continuation in pairs])
    _refuse_long([1 + len(ids) for ids in wholes], asked, probe, owners)
    return encode_pairs(asked.scorer, pairs)


def _refuse_long(
    lengths: Sequence[int], asked: Asked, probe: ProbeItems, owners: Sequence[int]
) -> None:
    """Refuse what would lose its beginning: shots, instructions, or the question itself."""
    context = asked.scorer.context
    too_long = {owner for owner, length in zip(owners, lengths, strict=True) if length > context}
    if not too_long:
        return
    assert probe.task is not None
    longest = max(range(len(lengths)), key=lengths.__getitem__)
    new = probe.task.max_new_tokens
    answer = f"{new} tokens of an answer" if new else "its answer"
    others = f" {len(too_long)} items are too long." if len(too_long) > 1 else ""
    raise DataError(
        f"the prompt with its shots and {answer} takes {lengths[longest]} tokens; "
        f"the context is {context}",
        where=f"task {probe.name}, {probe.task.file}:{probe.task_items[owners[longest]].line}",
        mend=f"Take fewer shots, shorten the item, or raise order.context.{others}",
    )
