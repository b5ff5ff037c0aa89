"""Curricula: in which sequence a phase sees the documents of a source."""

from typing import Annotated, Literal

from pydantic import Field

from gapless.recipe.fields import Part


class _Curriculum(Part):
    column: str
    """A score of the sources: computed under ``scores``, or a column of their files."""
    sources: tuple[str, ...] = ()
    """Which sources; all that the phase draws from when left out. The others stay shuffled."""
    across: bool = False
    """Go by the score over these sources together; each by itself when false.

    Together they keep their share of the phase everywhere; each one's share then varies.
    """


class _ByNumber(_Curriculum):
    direction: Literal["ascending", "descending"] = "ascending"
    """``ascending``: the lowest first, which for a perplexity is easy to hard."""


class ByScore(_ByNumber):
    """By score, document by document (the perplexity curriculum of paper 2, section 3.7)."""

    type: Literal["score"] = "score"


class Buckets(_ByNumber):
    """By score in buckets of equal tokens, at random within a bucket."""

    type: Literal["buckets"] = "buckets"
    buckets: int = Field(default=4, ge=2)


class Interleaved(_ByNumber):
    """By score several times over: each cycle goes from end to end with its part of the text."""

    type: Literal["interleaved"] = "interleaved"
    cycles: int = Field(default=4, ge=2)


class Labels(_Curriculum):
    """One label's documents after another's, such as disciplines in blocks (paper 2's control)."""

    type: Literal["labels"] = "labels"
    labels: tuple[str, ...] = Field(min_length=1)
    """The labels of the column in their sequence; documents with another come last."""


Curriculum = Annotated[ByScore | Buckets | Interleaved | Labels, Field(discriminator="type")]
