"""What the verbs answer about text that a language model writes."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PlanSynthesis:
    """What it costs to have a corpus written by a language model."""

    name: str
    model: str
    requests: int
    """At most: seeds may not suffice."""
    answered: int | None
    """Of them, those paid for already; None when the seeds are not prepared."""
    pilot: int
    """Requests of the pilot that the rest is estimated by; 0 without one."""
    kept: float | None
    """The part of the pilot's requests that became documents."""
    tokens: int
    """Read and written for all requests; without a pilot, the most that may be written."""
    cost: float | None
    """Of what is not answered yet; None without a price or a pilot."""
    currency: str
    hours: float | None
    """For what is not answered yet, at the pilot's pace."""
    done: bool


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Questions to a language model that go by files instead of over the network."""

    requests_to: Path
    """The folder for files of what is to be asked, one per synthesis."""
    responses_from: tuple[Path, ...] = ()
    """Files of answers to such."""


@dataclass(frozen=True, kw_only=True)
class Synthesized:
    """What came of one synthesis."""

    name: str
    folder: Path | None
    """With documents.jsonl and rejected.jsonl; None while answers are waited for."""
    requests: int
    documents: int
    rejected: tuple[tuple[str, int], ...]
    """Reason and count, the most frequent first."""
    tokens: int
    """Read and written, whenever that was."""
    cost: str
    """With its currency; empty where no price is known."""
    waiting: int = 0
    """Requests written to ``file``, for somebody to bring their answers."""
    file: Path | None = None
