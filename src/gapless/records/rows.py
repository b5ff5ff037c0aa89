"""Rows: what the model sees, as slices of documents. Ordering makes them, packing fills them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """A slice of one document."""

    document: int
    """Index in the source's token store."""
    begin: int
    """First token, counted from the document's beginning."""
    end: int
    """One past the last token."""
    epoch: int
    """Which pass over the source's selection this is, from 0."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the run: ``context`` tokens of one source."""

    index: int
    phase: int
    source: str
    segments: tuple[Segment, ...]
