"""Samples: what a model wrote after fixed prompts, for people to read, in ``samples.jsonl``."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gapless.records.journal import Journal


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One answer to one prompt at one point of an arm."""

    tokens_seen: int
    prompt: str
    answer: str
    """What follows the prompt; untrusted text."""

    def row(self) -> dict[str, Any]:
        """Return the sample as a JSON object."""
        return asdict(self)


def read_samples(path: Path) -> Iterator[Sample]:
    """Give a journal's samples, oldest first; none where there is no journal."""
    for row in Journal(path).rows():
        yield Sample(**row)
