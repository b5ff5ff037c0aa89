"""Selections: which documents of a source a run may draw from, to a budget of tokens."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from gapless.recipe.fields import Fraction, Part, Tokens, Whole

Direction = Literal["lowest", "highest"]


class Quotas(Part):
    """Shares of a selection's budget, by the labels of a column."""

    column: str
    """A column of labels: a ``topic`` or ``language`` score."""
    shares: Whole
    """Label to share of the budget; documents with other labels are not chosen."""


class _Selection(Part):
    type: str  # first, so that it stays first in what is written back

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the source's documents that the selection reads."""
        return ()


class Budgeted(_Selection):
    """What every selection to a budget has."""

    tokens: Annotated[Tokens, Field(gt=0)]
    """The budget; whole documents are taken, in order of preference, while they fit it."""
    quotas: Quotas | None = None
    """Divide the budget over the labels of a column, such as a topic."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the source's documents that the selection reads."""
        quotas = () if self.quotas is None else (self.quotas.column,)
        return (*super().columns, *quotas)


class Scored(_Selection):
    """What every selection by a score has."""

    control: bool = False
    """Choose at random instead, as many tokens of the same documents: what the score is worth."""


class _OneColumn(Scored):
    column: str
    """One of the source's ``scores`` or of the recipe's. Documents without a number stay out."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the source's documents that the selection reads."""
        return (self.column, *super().columns)


class RandomSelection(Budgeted):
    """Documents at random, to a token budget. A smaller budget's are among a larger's."""

    type: Literal["random"] = "random"


class ScoreSelection(_OneColumn, Budgeted):
    """The documents with the lowest (or highest) score, to a token budget."""

    type: Literal["score"] = "score"
    keep: Direction = "lowest"


class BandSelection(_OneColumn, Budgeted):
    """The documents whose score lies between two quantiles, at random, to a token budget."""

    type: Literal["band"] = "band"
    low: Fraction = 0.0
    """Quantile, by tokens, at which the band begins."""
    high: Fraction = 1.0
    """Quantile, by tokens, at which it ends: a document is in if its first token is."""

    @model_validator(mode="after")
    def _low_below_high(self) -> "BandSelection":
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        return self


class ThresholdSelection(_OneColumn):
    """Every document whose score is within limits: no budget, as many tokens as there are."""

    type: Literal["threshold"] = "threshold"
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _limited(self) -> "ThresholdSelection":
        low, high = self.at_least, self.at_most
        if low is None and high is None:
            raise ValueError("give at_least, at_most or both")
        if low is not None and high is not None and low > high:
            raise ValueError(f"at_least ({low:g}) is above at_most ({high:g})")
        return self


class SoftSelection(_OneColumn, Budgeted):
    """Documents drawn without replacement, the likelier the better their score (Xie et al. 2023).

    The probability is proportional to exp(z / temperature), z the standardised score, signed so
    that more is better: Gumbel top-k, so a smaller budget's documents are among a larger's.
    """

    type: Literal["soft"] = "soft"
    keep: Direction = "lowest"
    temperature: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """Near 0 the selection is the best scores; at large values, random."""


class Weighted(Part):
    """One score in a combination."""

    column: str
    weight: float = 1.0
    """Times the standardised score; negative where less is better."""
    log: bool = False
    """Take the logarithm first, as is usual for perplexities."""


class CombinedSelection(Scored, Budgeted):
    """The documents with the highest weighted sum of standardised scores.

    Each score is standardised over the eligible documents that have every one of them, each
    document counting once; a score that is the same for all adds nothing.
    """

    type: Literal["combined"] = "combined"
    scores: Annotated[tuple[Weighted, ...], Field(min_length=1)]

    @field_validator("scores")
    @classmethod
    def _some_weight(cls, scores: tuple[Weighted, ...]) -> tuple[Weighted, ...]:
        if not any(score.weight for score in scores):
            raise ValueError("every weight is 0; give one score a weight")
        return scores

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the source's documents that the selection reads."""
        return (*(score.column for score in self.scores), *super().columns)


Selection = Annotated[
    RandomSelection
    | ScoreSelection
    | BandSelection
    | ThresholdSelection
    | SoftSelection
    | CombinedSelection,
    Field(discriminator="type"),
]
