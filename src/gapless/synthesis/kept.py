"""Drafts that wait for the next round, in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from gapless.synthesis.draft import Draft, Seed


@dataclass(frozen=True)
class Kept:
    """A draft that has passed so far."""

    draft: Draft
    flags: Mapping[str, str] = field(default_factory=dict)
    """What was found out of it, by what was asked: it goes with the document."""

    def flagged(self, name: str, value: str) -> Kept:
        """Return the draft with one more flag."""
        return Kept(self.draft, {**self.flags, name: value})


@dataclass(frozen=True)
class KeptFile:
    """Drafts on the disk, one JSON line each."""

    path: Path

    @classmethod
    def write(cls, path: Path, drafts: Iterable[Kept]) -> KeptFile:
        """Write drafts as they come."""
        with path.open("wb") as file:
            for kept in drafts:
                row = asdict(kept.draft) | {"flags": kept.flags}
                file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        return cls(path)

    def rows(self) -> Iterator[Kept]:
        """Give the drafts in their order, from the first one at each call."""
        with self.path.open("rb") as file:
            for line in file:
                row = orjson.loads(line)
                flags = row.pop("flags")
                row["seeds"] = tuple(Seed(**seed) for seed in row["seeds"])
                yield Kept(Draft(**row), flags)
