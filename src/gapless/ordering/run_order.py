"""The order of a whole run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gapless.ordering.blocks import Arrangement
from gapless.ordering.interleave import interleave, rows_taken
from gapless.ordering.merge import Merged
from gapless.ordering.permutation import permutation_keys, places
from gapless.ordering.stream import DocumentStream
from gapless.records.rows import Pieces, Row, Rows
from gapless.records.stretches import Stretch

_WINDOW = 1024
"""Rows that are worked out together, and kept until others are asked for."""


@dataclass(frozen=True)
class _Laid:
    """A stretch with its place in the run and in every stream."""

    stretch: Stretch
    start: int
    names: tuple[str, ...]
    slots: np.ndarray
    """Rows that are spread evenly: of each stratum, or of those that are merged together."""
    addresses: tuple[int, ...]
    """Where each stratum's first row lies in its stream."""
    again: tuple[tuple[int, np.ndarray] | None, ...]
    """For rows seen before: how many there are, and the keys of their new sequence."""
    merged: Merged | None


class RunOrder:
    """What the run sees, row by row; all of it, or as far as a mixture that reacts has decided."""

    def __init__(
        self,
        stretches: Sequence[Stretch],
        streams: Mapping[str, DocumentStream],
        *,
        num_rows: int | None = None,
        arrangements: Mapping[tuple[int, str], Arrangement] | None = None,
        merged: Mapping[int, Sequence[str]] | None = None,
        seed: int = 0,
    ) -> None:
        """Lay out the stretches; the streams become this order's own.

        Args:
            stretches: the run's stretches, as many as are known.
            streams: stratum to its documents, shuffled.
            num_rows: rows of the run, which may end before the stretches; what these have when left
                out.
            arrangements: phase and stratum to the arrangement of a curriculum.
            merged: phase to the strata whose rows follow one another by their scores.
            seed: of the sequences in which rows are seen again.

        """
        self.streams = streams
        self.context = next(iter(streams.values())).packer.context
        self._seed = seed
        self._arrangements = arrangements or {}
        self._shuffled = {name: stream.arrangement for name, stream in streams.items()}
        self._merged = merged or {}
        self._addresses = dict.fromkeys(streams, 0)
        self._fresh: dict[str, tuple[int, int]] = {}
        self._laid: list[_Laid] = []
        self._starts = [0]
        for stretch in stretches:
            self.extend(stretch)
        self._num_rows = num_rows
        self._names = tuple(streams)
        self._index = {name: i for i, name in enumerate(self._names)}
        self._window = lru_cache(maxsize=4)(self._work_out)

    @property
    def num_rows(self) -> int:
        """Rows of the run."""
        return self._starts[-1] if self._num_rows is None else self._num_rows

    @property
    def known_rows(self) -> int:
        """Rows of the run that are decided."""
        return min(self._starts[-1], self.num_rows)

    @property
    def num_stretches(self) -> int:
        """Stretches that are decided."""
        return len(self._laid)

    @property
    def num_tokens(self) -> int:
        """Tokens of the run, padding included."""
        return self.num_rows * self.context

    def extend(self, stretch: Stretch) -> None:
        """Go on with another stretch."""
        names = tuple(stretch.rows)
        counts = np.array(list(stretch.rows.values()), dtype=np.int64)
        assert stretch.length <= counts.sum()
        begun = [self._begin(stretch, name) for name in names]
        addresses = tuple(address for address, _ in begun)
        merged = self._merge(stretch, names, addresses)
        slots = counts if merged is None else merged.slots(counts)
        taken = rows_taken(slots, stretch.length)
        taken = taken if merged is None else merged.taken(taken)
        for name, count, (address, seen) in zip(names, taken.tolist(), begun, strict=True):
            rows = count if seen is None else seen[0]
            end = address + rows * self.streams[name].packer.row_size
            self._addresses[name] = max(self._addresses[name], end)
        again = tuple(seen for _, seen in begun)
        self._laid.append(_Laid(stretch, self._starts[-1], names, slots, addresses, again, merged))
        self._starts.append(self._starts[-1] + stretch.length)

    def rows(self, start: int, stop: int) -> Rows:
        """Return rows ``start..stop`` of the run, at least one.

        It costs the same wherever they lie.
        """
        assert 0 <= start < stop <= self.known_rows
        parts = [
            self._part(window, max(start, window * _WINDOW), min(stop, (window + 1) * _WINDOW))
            for window in range(start // _WINDOW, -(-stop // _WINDOW))
        ]
        if len(parts) == 1:
            return parts[0]
        return Rows(
            start,
            self._names,
            np.concatenate([part.strata for part in parts]),
            np.concatenate([part.phases for part in parts]),
            Pieces.joined([part.pieces for part in parts]),
        )

    def row(self, index: int) -> Row:
        """Return one row of the run."""
        return self.rows(index, index + 1).row(0)

    def _part(self, window: int, start: int, stop: int) -> Rows:
        first = window * _WINDOW
        rows = self._window(window, min(first + _WINDOW, self.known_rows))
        wanted = slice(start - first, stop - first)
        return Rows(
            start,
            self._names,
            rows.strata[wanted],
            rows.phases[wanted],
            _between(rows.pieces, wanted.start, wanted.stop),
        )

    def _work_out(self, window: int, stop: int) -> Rows:
        """Work out a window up to ``stop``; what is not decided yet is not kept."""
        first = window * _WINDOW
        strata, phases, pieces = [], [], []
        for laid in self._laid:
            begin = max(first, laid.start) - laid.start
            end = min(stop, laid.start + laid.stretch.length) - laid.start
            if begin >= end:
                continue
            sources, indices = interleave(laid.slots, begin, end)
            if laid.merged is not None:
                sources, indices = laid.merged.opened(sources, indices)
            pieces.append(self._read(laid, sources, indices))
            strata.append(np.array([self._index[name] for name in laid.names])[sources])
            phases.append(np.full(len(sources), laid.stretch.phase))
        return Rows(
            first,
            self._names,
            np.concatenate(strata),
            np.concatenate(phases),
            Pieces.joined(pieces),
        )

    def _read(self, laid: _Laid, sources: np.ndarray, indices: np.ndarray) -> Pieces:
        """Read rows of a stretch, given as stratum and row of it, each stratum's in one go."""
        parts, places_of_rows = [], []
        for stratum in np.unique(sources):
            at = np.flatnonzero(sources == stratum)
            stream = self.streams[laid.names[stratum]]
            wanted = indices[at]
            seen = laid.again[stratum]
            if seen is not None:
                wanted = places(wanted, *seen)
                by_place = np.argsort(wanted)  # rows of one block together: it is made once
                at, wanted = at[by_place], wanted[by_place]
            for run in np.split(np.arange(len(at)), np.flatnonzero(np.diff(wanted) != 1) + 1):
                address = laid.addresses[stratum] + int(wanted[run[0]]) * stream.packer.row_size
                parts.append(stream.rows(address, len(run)))
                places_of_rows.append(at[run])
        turns = np.argsort(np.concatenate(places_of_rows))
        return Pieces.joined(parts).taken(turns)

    def _begin(self, stretch: Stretch, name: str) -> tuple[int, tuple[int, np.ndarray] | None]:
        """Return the address of a stratum's first row, and how rows seen before are shuffled."""
        stream, draw = self.streams[name], stretch.draws.get(name)
        wanted = self._arrangements.get((stretch.phase, name), self._shuffled[name])
        if wanted.key != stream.arrangement.key:
            stream.rearrange(self._addresses[name], wanted)
        if draw == "again":
            address, count = self._fresh[name]
            assert count == stretch.rows[name]
            if not wanted.shuffled:  # a curriculum comes again in its own sequence
                return address, None
            turn = sum(laid.stretch.phase == stretch.phase for laid in self._laid)
            keys = permutation_keys(self._seed, "order", name, "again", stretch.phase, turn)
            return address, (count, keys)
        address = self._addresses[name]
        if draw == "fresh":
            address = stream.next_epoch(address)
            self._fresh[name] = address, stretch.rows[name]
        return address, None

    def _merge(
        self, stretch: Stretch, names: Sequence[str], addresses: Sequence[int]
    ) -> Merged | None:
        group = self._merged.get(stretch.phase, ())
        chosen = [i for i, name in enumerate(names) if name in group and stretch.rows[name]]
        if len(chosen) < 2:
            return None
        scores = [
            self.streams[names[i]].row_scores(addresses[i], stretch.rows[names[i]]) for i in chosen
        ]
        return Merged.of(chosen, scores)


def _between(pieces: Pieces, first: int, last: int) -> Pieces:
    """Return consecutive rows; their slices are not copied."""
    begin, end = int(pieces.offsets[first]), int(pieces.offsets[last])
    return Pieces(
        pieces.offsets[first : last + 1] - begin,
        pieces.documents[begin:end],
        pieces.begins[begin:end],
        pieces.ends[begin:end],
        pieces.epochs[begin:end],
    )
