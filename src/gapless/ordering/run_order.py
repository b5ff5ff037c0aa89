"""The order of a whole run."""

from collections.abc import Mapping, Sequence

import numpy as np

from gapless.ordering.interleave import interleave
from gapless.ordering.stream import DocumentStream
from gapless.records.rows import Row


class RunOrder:
    """What the run sees, row by row."""

    def __init__(
        self,
        phases: Sequence[Mapping[str, int]],
        streams: Mapping[str, DocumentStream],
        *,
        context: int,
    ) -> None:
        """Take every phase as source name to rows, and every source's stream."""
        self.context = context
        self.streams = streams
        self._phases = [(list(rows), np.array(list(rows.values()))) for rows in phases]
        self._starts = np.cumsum([0, *(int(counts.sum()) for _, counts in self._phases)])
        self._used = self._rows_used_before_each_phase()

    @property
    def num_rows(self) -> int:
        """Rows of the run."""
        return int(self._starts[-1])

    @property
    def num_tokens(self) -> int:
        """Tokens of the run."""
        return self.num_rows * self.context

    def rows(self, start: int, stop: int) -> list[Row]:
        """Return rows ``start..stop`` of the run."""
        found: list[Row] = []
        for phase, (names, counts) in enumerate(self._phases):
            first, last = int(self._starts[phase]), int(self._starts[phase + 1])
            begin, end = max(start, first), min(stop, last)
            if begin >= end:
                continue
            sources, indices = interleave(counts, begin - first, end - first)
            for offset, (source, index) in enumerate(zip(sources, indices, strict=True)):
                found.append(self._row(begin + offset, phase, names[source], int(index)))
        return found

    def _row(self, index: int, phase: int, source: str, row_of_phase: int) -> Row:
        begin = (self._used[phase].get(source, 0) + row_of_phase) * self.context
        segments = self.streams[source].segments(begin, begin + self.context)
        return Row(index, phase, source, tuple(segments))

    def _rows_used_before_each_phase(self) -> list[dict[str, int]]:
        used: list[dict[str, int]] = [{}]
        for names, counts in self._phases:
            after = dict(used[-1])
            for name, count in zip(names, counts, strict=True):
                after[name] = after.get(name, 0) + int(count)
            used.append(after)
        return used
