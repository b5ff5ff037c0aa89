"""Answers to values, item by item: what is right, how much of it, and F1 over classes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from gapless.evaluation.task_items import Normalisation, TaskItem, TaskSettings
from gapless.evaluation.tasks.normal import normalise, rouge_l, words_of
from gapless.records.measurements import ItemValues


def shares(values: Sequence[float] | np.ndarray) -> ItemValues:
    """Return a number of each item whose mean is the metric's value."""
    numerators = np.asarray(values, dtype=np.float64)
    return ItemValues(numerators=numerators, denominators=np.ones_like(numerators))


def exact_match(
    items: Sequence[TaskItem], written: Sequence[str], how: Normalisation
) -> ItemValues:
    """Measure whether each text is one of the item's answers, in their normal form."""
    forms = normalise(written, how)
    right = [form in normalise(item.answers, how) for item, form in zip(items, forms, strict=True)]
    return shares(right)


def best_rouge_l(items: Sequence[TaskItem], written: Sequence[str]) -> ItemValues:
    """Measure Rouge-L of each text with the item's answer that it is most like."""
    best = []
    for item, words in zip(items, words_of(written), strict=True):
        best.append(max(rouge_l(words, reference) for reference in words_of(item.answers)))
    return shares(best)


def labels_in(written: Sequence[str], task: TaskSettings) -> list[set[int]]:
    """Return the labels that each text gives: all of it, or each of its parts, is a label.

    What is no label, in its normal form, is not counted: neither as right nor as a class of F1.
    """
    known = {form: i for i, form in enumerate(normalise(task.labels, task.normalise))}
    between = task.between_labels.strip() or task.between_labels
    found = []
    for text in written:
        parts = text.split(between) if task.multi_label else [text]
        found.append({known[f] for f in normalise(parts, task.normalise) if f in known})
    return found


def macro_f1(
    right: Sequence[Collection[int]], given: Sequence[Collection[int]], num_classes: int
) -> ItemValues:
    """Measure the mean over classes of F1 = 2 TP / (2 TP + FP + FN): arrays (items, classes).

    A class that is nobody's and that nobody was given is left out of the mean.
    """
    numerators = np.zeros((len(right), num_classes))
    denominators = np.zeros((len(right), num_classes))
    for row, (own, answer) in enumerate(zip(right, given, strict=True)):
        numerators[row, sorted(set(own) & set(answer))] = 2
        denominators[row, sorted(own)] += 1  # true positives stand in both: they count twice
        denominators[row, sorted(answer)] += 1
    return ItemValues(numerators=numerators, denominators=denominators)


def micro_f1(
    right: Sequence[Collection[int]], given: Sequence[Collection[int]], num_classes: int
) -> ItemValues:
    """Measure F1 over the pairs of item and class, all classes together: arrays (items,).

    Every item has a class of its own, so that no denominator is 0.
    """
    values = macro_f1(right, given, num_classes)
    return ItemValues(
        numerators=values.numerators.sum(axis=1), denominators=values.denominators.sum(axis=1)
    )
