"""The walk of an audit: an order's rows beside the steps that training wrote down."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from gapless.ordering import DocumentStream, RunOrder
from gapless.records.rows import Rows
from gapless.records.views import AuditDocuments

_ROWS_AT_ONCE = 4096

Part = tuple[int, str]
"""Phase and stratum."""
_Held = dict[Part, tuple[int, int]]
"""What rows hold: (rows, tokens without padding) of each part."""


class Walk:
    """The order's rows up to the last step, beside the steps that training wrote down."""

    def __init__(self, order: RunOrder, batch: int) -> None:
        self.batch, self._order = batch, order
        self.num_steps = 0
        self.num_rows = 0
        self.rows: Counter[Part] = Counter()
        self.tokens: Counter[Part] = Counter()
        """Tokens that the order's rows hold; without padding."""
        self.seen: Counter[Part] = Counter()
        """Tokens that training wrote down."""
        self.padding_seen = 0
        self.documents = {name: DocumentsSeen(stream) for name, stream in order.streams.items()}
        self._odd_steps: list[int] = []
        self._beyond = 0

    def follow(self, steps: Iterator[dict[str, Any]]) -> None:
        """Walk beside the steps, as many of them at once as fill a few thousand rows."""
        at_once = max(1, _ROWS_AT_ONCE // self.batch)
        while logged := list(islice(steps, at_once)):
            decided = self._order.known_rows - self.num_rows
            known = logged[: -(-decided // self.batch)]
            self._beyond += len(logged) - len(known)
            if not known:
                continue
            stop = min(self.num_rows + len(known) * self.batch, self._order.known_rows)
            rows = self._order.rows(self.num_rows, stop)
            for held, step in zip(_by_step(rows, self.batch), known, strict=True):
                self._compare(held, step)
            for name, chosen in _by_stratum(rows):
                self.documents[name].see(rows, chosen)

    def _compare(self, held: _Held, step: Mapping[str, Any]) -> None:
        self.num_steps += 1
        self.num_rows += sum(rows for rows, _ in held.values())
        context = self._order.context
        padding = sum(rows * context - tokens for rows, tokens in held.values())
        left = Counter(step["tokens"])
        last = max(phase for phase, _ in held)
        for part, (rows, tokens) in sorted(held.items()):
            self.rows[part] += rows
            self.tokens[part] += tokens
            if part[0] < last:  # a step in two phases writes their tokens down together
                given = min(tokens, left[part[1]])
                self.seen[part] += given
                left[part[1]] -= given
        for name, tokens in left.items():
            if tokens:
                self.seen[last, name] += tokens
        self.padding_seen += step["padding"]
        expected: Counter[str] = Counter()
        for (_, name), (_, tokens) in held.items():
            expected[name] += tokens
        told = (step["step"], step["tokens_seen"], step["phase"], step["padding"], step["tokens"])
        if told != (self.num_steps, self.num_rows * context, last, padding, dict(expected)):
            self._odd_steps.append(self.num_steps)

    def differences(self) -> Iterator[str]:
        """Say which steps are not those of the order."""
        if self._odd_steps:
            first, count = self._odd_steps[0], len(self._odd_steps)
            yield (
                f"step {first:,}{f' and {count - 1:,} more' if count > 1 else ''}: what is written "
                f"down of {'them' if count > 1 else 'it'} is not what the order has there"
            )
        if self._beyond:
            yield (
                f"steps beyond token {self._order.known_rows * self._order.context:,}, "
                f"to which the order is decided: {self._beyond:,}"
            )


def _by_step(rows: Rows, batch: int) -> list[_Held]:
    """Return what each step's rows hold; the first row begins a step."""
    pieces = rows.pieces
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(pieces.ends - pieces.begins)])
    tokens = np.diff(sums[pieces.offsets])
    steps = np.arange(len(rows)) // batch
    keys = np.stack([steps, rows.phases, rows.strata], axis=1)
    found, owners = np.unique(keys, axis=0, return_inverse=True)
    owners = owners.reshape(-1)
    held: list[_Held] = [{} for _ in range(int(steps[-1]) + 1)]
    counts = np.bincount(owners, minlength=len(found)).tolist()
    # Sums of integers in float64 are exact to 2^53.
    sizes = np.bincount(owners, tokens, len(found)).astype(np.int64).tolist()
    for (step, phase, stratum), count, size in zip(found.tolist(), counts, sizes, strict=True):
        held[step][phase, rows.names[stratum]] = (count, size)
    return held


def _by_stratum(rows: Rows) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each stratum of the rows with its slices, as a mask."""
    owners = np.repeat(rows.strata, np.diff(rows.pieces.offsets))
    for stratum in np.unique(owners):
        yield rows.names[stratum], owners == stratum


class DocumentsSeen:
    """How often the documents of a stratum were seen."""

    def __init__(self, stream: DocumentStream) -> None:
        self._stratum, self._indices = stream.documents.stratum, stream.documents.indices
        self._lengths = stream.documents.lengths(slice(None))
        self.total = int(self._lengths.sum())
        self._tokens = np.zeros(len(self._lengths), np.int64)
        self._begun = np.zeros(len(self._lengths), np.int32)
        self._ended = np.zeros(len(self._lengths), np.int32)
        self._cut = np.zeros(len(self._lengths), np.bool_)
        self._strange = 0

    def see(self, rows: Rows, chosen: np.ndarray) -> None:
        """Count the slices of some rows that are the stratum's."""
        pieces = rows.pieces
        documents = pieces.documents[chosen]
        begins, ends = pieces.begins[chosen], pieces.ends[chosen]
        members = np.searchsorted(self._indices, documents)
        ours = members < len(self._indices)
        ours[ours] = self._indices[members[ours]] == documents[ours]
        self._strange += int((~ours).sum())
        members, begins, ends = members[ours], begins[ours], ends[ours]
        first, last = begins == 0, ends == self._lengths[members]
        np.add.at(self._tokens, members, ends - begins)
        np.add.at(self._begun, members, first)
        np.add.at(self._ended, members, last)
        self._cut[members[~(first & last)]] = True

    def view(self) -> AuditDocuments:
        """Return the counts."""
        whole = (self._begun == self._ended) & (self._tokens == self._begun * self._lengths)
        counts = np.bincount(self._begun[whole])
        return AuditDocuments(
            stratum=self._stratum,
            documents=len(self._lengths),
            whole=tuple((int(times), int(counts[times])) for times in np.flatnonzero(counts)),
            in_part=int((~whole).sum()),
            cut=int(self._cut.sum()),
        )

    def differences(self, selected: np.ndarray, *, evenly: bool) -> Iterator[str]:
        """Say what documents were seen that are not selected, or more often than others.

        ``evenly``: the stratum goes on where it stopped, so that no document is seen for the
        second time before all were seen once.
        """
        seen = self._indices[self._tokens > 0]
        strange = self._strange + int((~np.isin(seen, selected)).sum())
        if strange:
            yield f"{self._stratum}: documents that are not selected were seen: {strange:,}"
        passes = int(self._tokens.sum()) // self.total
        low, high = passes * self._lengths, (passes + 1) * self._lengths
        uneven = int(((self._tokens < low) | (self._tokens > high)).sum())
        if evenly and uneven:
            yield (
                f"{self._stratum}: documents that were not seen {passes} to {passes + 1} times, "
                f"as the others: {uneven:,}"
            )
