"""Rows of a forward pass: which documents lie in which row, and where.

documents by length --plan_batches--> rows of documents --lay_out--> arrays of slots

A slot reads one id of a document and is asked for the next, so a document of n ids takes n - 1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Batch = list[list[int]]
"""Rows, each the indices of its documents."""

_MOST_PADDING = 0.1
"""Of a batch: attention within borders costs about as much, as it loses the fast causal form."""


def plan_batches(lengths: Sequence[int], *, batch_slots: int, packed: bool) -> Iterator[Batch]:
    """Cut documents of these lengths, in slots, into batches of at most ``batch_slots``.

    The longest come first and set the width of their batch. Documents of like length have a row
    each; where that would pad too much, and if ``packed``, a row takes the longest that fit. A
    document longer than ``batch_slots`` is a batch by itself. The same lengths give the same plan.
    """
    waiting = sorted((length, -index) for index, length in enumerate(lengths))
    while waiting:
        width = waiting[-1][0]
        most_rows = max(1, batch_slots // width)
        singles = waiting[: -most_rows - 1 : -1]
        padding = 1 - sum(length for length, _ in singles) / (len(singles) * width)
        if packed and padding > _MOST_PADDING:
            yield [_fill(waiting, width) for _ in range(most_rows) if waiting]
        else:
            yield [[-index] for _, index in singles]
            del waiting[-len(singles) :]


def _fill(waiting: list[tuple[int, int]], room: int) -> list[int]:
    """Take the longest documents that fit in a row, one after another."""
    row = []
    while place := bisect_right(waiting, (room, 1)):
        length, index = waiting.pop(place - 1)
        row.append(-index)
        room -= length
    return row


@dataclass(frozen=True)
class Slots:
    """A batch as arrays (rows, width); padding has id 0, owner -1 and positions of its own."""

    ids: np.ndarray
    targets: np.ndarray
    positions: np.ndarray
    """From 0 in every document, which is how attention knows the borders."""
    owners: np.ndarray
    """The index of the document that a slot belongs to."""


def lay_out(batch: Batch, documents: Sequence[np.ndarray]) -> Slots:
    """Return the slots of a batch; ``documents`` holds the ids of all (int64)."""
    widths = [sum(len(documents[index]) - 1 for index in row) for row in batch]
    shape = (len(batch), max(widths))
    ids, targets, positions = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    owners = np.full(shape, -1, dtype=np.int64)
    for row, members in enumerate(batch):
        begin = 0
        for index in members:
            document = documents[index]
            part = slice(begin, begin + len(document) - 1)
            ids[row, part], targets[row, part] = document[:-1], document[1:]
            positions[row, part] = np.arange(len(document) - 1)
            owners[row, part] = index
            begin = part.stop
        positions[row, begin:] = np.arange(shape[1] - begin)
    return Slots(ids, targets, positions, owners)
