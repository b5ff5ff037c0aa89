"""One stratum's text as an endless sequence of rows: epoch after epoch, each arranged anew."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from gapless.ordering.blocks import Arrangement
from gapless.ordering.packers import PackedBlock, Packer, Slices, cut_into_rows
from gapless.ordering.remainder import Remainder, whole
from gapless.records.rows import Pieces
from gapless.seeds import stream

_BEGUN = -1
"""The block of documents that an earlier arrangement began; the last of a remainder's sizes."""


@dataclass(frozen=True)
class _Stint:
    """A stretch of the stream under one arrangement: what an epoch had left, then whole epochs."""

    start: int
    epoch: int
    """The number of its first epoch."""
    arrangement: Arrangement
    sizes: np.ndarray
    remainder: Remainder | None
    """None where it begins with a whole epoch."""

    @cached_property
    def epoch_size(self) -> int:
        """Size of a whole epoch."""
        return int(self.sizes.sum())


@dataclass(frozen=True)
class _Epoch:
    number: int
    stint: _Stint
    rest: Remainder | None
    """What it consists of; None for all documents."""
    start: int
    """Address of its beginning in the stream."""
    turns: np.ndarray
    """Its blocks in their sequence."""
    ends: np.ndarray
    """Where each of them ends, from the epoch's beginning."""

    @property
    def end(self) -> int:
        """Address of its end."""
        return self.start + int(self.ends[-1])


class DocumentStream:
    """The documents of a stratum, epoch after epoch. A place in it is an address.

    An address is counted in the packer's unit (see `packers`) from the stream's beginning. An epoch
    holds every document once. What an address means never depends on how one came there.
    """

    def __init__(self, arrangement: Arrangement, packer: Packer, *, seed: int) -> None:
        """Take the first arrangement."""
        self.documents = arrangement.documents
        assert len(self.documents)
        self.packer = packer
        self._seed = seed
        self._stints = [_Stint(0, 0, arrangement, self._sizes(arrangement), None)]
        self._epoch = lru_cache(maxsize=4)(self._make_epoch)
        self._block = lru_cache(maxsize=8)(self._make_block)

    @property
    def epoch_size(self) -> int:
        """Size of a whole epoch, as arranged last."""
        return self._stints[-1].epoch_size

    @property
    def arrangement(self) -> Arrangement:
        """The latest arrangement."""
        return self._stints[-1].arrangement

    def rearrange(self, address: int, arrangement: Arrangement) -> None:
        """Let what the epoch at ``address`` has left, and every epoch after it, come otherwise."""
        key = self._epoch_at(address)
        epoch = self._epoch(*key)
        sizes = self._sizes(arrangement)
        if address == epoch.start and epoch.rest is None:
            stint = _Stint(address, epoch.number, arrangement, sizes, None)
        else:
            remainder = self._remainder(key, address, arrangement)
            stint = _Stint(address, epoch.number, arrangement, sizes, remainder)
        self._stints.append(stint)
        self._epoch.cache_clear()
        self._block.cache_clear()

    def next_epoch(self, address: int) -> int:
        """Return where the first epoch begins that nothing before ``address`` has touched."""
        epoch = self._epoch(*self._epoch_at(address))
        return address if address == epoch.start and epoch.rest is None else epoch.end

    def epoch_at(self, address: int) -> int:
        """Return the number of the epoch at an address."""
        return self._epoch(*self._epoch_at(address)).number

    def rows(self, address: int, count: int) -> Pieces:
        """Return ``count`` rows from ``address`` on."""
        assert count > 0
        slices, epochs, counts = self._read(address, address + count * self.packer.row_size)
        if counts is None:
            return cut_into_rows(slices, epochs, self.packer.context)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        return Pieces(offsets, slices.documents, slices.begins, slices.ends, epochs)

    def row_scores(self, address: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where ``count`` rows stand in their curriculum: epochs from 0, and scores in them.

        A row stands where its first document does; both never fall from one row to the next.
        """
        rows = self.rows(address, count)
        firsts = rows.offsets[:-1]
        epochs = rows.epochs[firsts] - rows.epochs[0]
        members = np.searchsorted(self.documents.indices, rows.documents[firsts])
        scores = self.arrangement.scores(members)
        for epoch in np.unique(epochs):  # what was begun before comes first, whatever its score
            own = epochs == epoch
            scores[own] = np.minimum.accumulate(scores[own][::-1])[::-1]
        return epochs, scores

    def _sizes(self, arrangement: Arrangement) -> np.ndarray:
        if arrangement.sizes is None:
            arrangement.sizes = self.packer.sizes(arrangement)
        return arrangement.sizes

    def _read(self, start: int, stop: int) -> tuple[Slices, np.ndarray, np.ndarray | None]:
        parts: list[Slices] = []
        counts: list[np.ndarray] = []
        epochs: list[np.ndarray] = []
        while start < stop:
            key = self._epoch_at(start)
            epoch = self._epoch(*key)
            offset = start - epoch.start
            turn = int(np.searchsorted(epoch.ends, offset, side="right"))
            begins_at = int(epoch.ends[turn - 1]) if turn else 0
            stint_end = self._stints[key[0] + 1].start if key[0] + 1 < len(self._stints) else stop
            until = min(int(epoch.ends[turn]), min(stop, stint_end) - epoch.start)
            block = self._block(*key, turn)
            slices, lengths = block.read(offset - begins_at, until - begins_at)
            parts.append(slices)
            epochs.append(np.full(len(slices), epoch.number))
            if lengths is not None:
                counts.append(lengths)
            start = epoch.start + until
        joined = Slices(
            np.concatenate([part.documents for part in parts]),
            np.concatenate([part.begins for part in parts]),
            np.concatenate([part.ends for part in parts]),
        )
        return joined, np.concatenate(epochs), np.concatenate(counts) if counts else None

    def _epoch_at(self, address: int) -> tuple[int, int]:
        """Return the stint's index, and which of its epochs: 0 is the remainder, if it has one."""
        index = bisect_right(self._stints, address, key=lambda stint: stint.start) - 1
        stint = self._stints[index]
        offset = address - stint.start
        size = stint.epoch_size
        if stint.remainder is None:
            return index, offset // size
        rest = stint.remainder.size
        return index, 0 if offset < rest else 1 + (offset - rest) // size

    def _make_epoch(self, index: int, turn: int) -> _Epoch:
        stint = self._stints[index]
        size, rest = stint.epoch_size, stint.remainder
        number = stint.epoch + turn
        if rest is not None and turn == 0:
            turns = np.concatenate([[_BEGUN], self._turns(stint.arrangement, number)])
            return _Epoch(number, stint, rest, stint.start, turns, np.cumsum(rest.sizes[turns]))
        start = stint.start + (turn * size if rest is None else rest.size + (turn - 1) * size)
        turns = self._turns(stint.arrangement, number)
        return _Epoch(number, stint, None, start, turns, np.cumsum(stint.sizes[turns]))

    def _turns(self, arrangement: Arrangement, epoch: int) -> np.ndarray:
        if not arrangement.shuffled:
            return np.arange(arrangement.num_blocks)
        name = self.documents.stratum
        return stream(self._seed, "order", name, epoch).permutation(arrangement.num_blocks)

    def _make_block(self, index: int, epoch_turn: int, turn: int) -> PackedBlock:
        epoch = self._epoch(index, epoch_turn)
        return self.packer.packed(self._slices(epoch, int(epoch.turns[turn])))

    def _slices(self, epoch: _Epoch, block: int) -> Slices:
        """Return the documents of a block in the epoch's sequence."""
        arrangement = epoch.stint.arrangement
        rest = epoch.rest
        if rest is not None and block == _BEGUN:
            return rest.begun
        members = arrangement.members(block)
        if arrangement.shuffled:
            name = self.documents.stratum
            draw = stream(self._seed, "order", name, epoch.number, block)
            members = members[draw.permutation(len(members))]
        if rest is not None:
            members = members[rest.untouched[members]]
        return whole(arrangement, members)

    def _remainder(self, key: tuple[int, int], address: int, arrangement: Arrangement) -> Remainder:
        """Return what the epoch ``key`` has left from ``address`` on, for a new arrangement."""
        epoch = self._epoch(*key)
        rest = epoch.rest
        untouched = (
            np.ones(len(self.documents), np.bool_) if rest is None else rest.untouched.copy()
        )
        offset = address - epoch.start
        turn = int(np.searchsorted(epoch.ends, offset, side="right"))
        for block in epoch.turns[:turn]:
            if block != _BEGUN:
                untouched[epoch.stint.arrangement.members(int(block))] = False
        begins_at = int(epoch.ends[turn - 1]) if turn else 0
        packed = self._block(*key, turn)
        left, _ = packed.read(offset - begins_at, int(epoch.ends[turn]) - begins_at)
        if epoch.turns[turn] == _BEGUN:
            begun = left
        else:
            used, _ = packed.read(0, offset - begins_at)
            untouched[np.searchsorted(self.documents.indices, used.documents)] = False
            begun = left.where(np.isin(left.documents, used.documents))
        return Remainder.of(untouched, begun, arrangement=arrangement, packer=self.packer)
