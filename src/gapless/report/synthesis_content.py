"""What a report says of text that a language model wrote, as plain values.

As in `content.py`, nothing in here is trusted: everything is escaped when the page is made.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RejectionContent:
    """The drafts that fell for one reason."""

    reason: str
    meaning: str
    """What the reason says of a draft, in a sentence."""
    count: int
    examples: tuple[tuple[str, str], ...]
    """What about each draft, and how its text begins."""


@dataclass(frozen=True, kw_only=True)
class WrittenExample:
    """A document that a model wrote."""

    label: str
    """Its discipline; empty where the form has none."""
    seeds: str
    """What it was made from."""
    text: str


@dataclass(frozen=True, kw_only=True)
class LabelCounts:
    """What became of the requests of one discipline and language."""

    label: str
    language: str
    requests: int
    documents: int


@dataclass(frozen=True, kw_only=True)
class SynthesisContent:
    """One synthesis of the recipe, and what became of its requests, each counted once."""

    name: str
    form: str
    model: str
    prompt: str
    """Version of its prompts."""
    requests: int
    documents: int
    prompt_tokens: int
    """Of all answers that were asked for, whenever that was; judges and solvers included."""
    completion_tokens: int
    cost: str
    """With its currency; empty where no price is known."""
    labels: tuple[LabelCounts, ...]
    rejections: tuple[RejectionContent, ...]
    """The most frequent first."""
    notes: tuple[str, ...]
    """What else was counted: flags, spoilt documents, unchecked answers."""
    examples: tuple[WrittenExample, ...]
