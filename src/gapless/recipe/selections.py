"""Selections: which documents of a source a run may draw from, to a budget of tokens."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from gapless.recipe.fields import Fraction, Part, Tokens

Direction = Literal["lowest", "highest"]


class Quotas(Part):
    """Shares of a selection's budget, by the labels of a column."""

    column: str
    """A column of labels: a ``topic`` or ``language`` score."""
    shares: dict[str, Fraction]
    """Label to share of the budget; documents with other labels are not chosen."""

    @field_validator("shares")
    @classmethod
    def _sum_to_one(cls, shares: dict[str, float]) -> dict[str, float]:
        total = sum(shares.values())
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares sum to {total:.9g}; make them sum to 1")
        return shares


class _Budgeted(Part):
    """What every selection to a budget has."""

    tokens: Tokens
    """The budget; whole documents are taken, in order of preference, while they fit it."""
    quotas: Quotas | None = None
    """Divide the budget over the labels of a column, such as a topic."""


class RandomSelection(_Budgeted):
    """Documents at random, to a token budget. A smaller budget's are among a larger's."""

    type: Literal["random"] = "random"


class ScoreSelection(_Budgeted):
    """The documents with the lowest (or highest) score, to a token budget."""

    type: Literal["score"] = "score"
    column: str
    """One of the source's ``scores`` or of the recipe's."""
    keep: Direction = "lowest"
    control: bool = False
    """Choose at random instead, as many tokens of the same documents: what the score is worth."""


class BandSelection(_Budgeted):
    """The documents whose score lies between two quantiles, at random, to a token budget."""

    type: Literal["band"] = "band"
    column: str
    low: Fraction = 0.0
    """Quantile, by tokens, at which the band begins."""
    high: Fraction = 1.0
    """Quantile, by tokens, at which it ends."""


class ThresholdSelection(Part):
    """Every document whose score is within limits: no budget, as many tokens as there are."""

    type: Literal["threshold"] = "threshold"
    column: str
    at_least: float | None = None
    at_most: float | None = None


class SoftSelection(_Budgeted):
    """Documents drawn without replacement, the likelier the better their score (Xie et al. 2023).

    The probability is proportional to exp(z / temperature), z the standardised score, signed so
    that more is better: Gumbel top-k, so a smaller budget's documents are among a larger's.
    """

    type: Literal["soft"] = "soft"
    column: str
    keep: Direction = "lowest"
    temperature: Annotated[float, Field(gt=0)] = 1.0


class Weighted(Part):
    """One score in a combination."""

    column: str
    weight: float = 1.0
    """Times the standardised score; negative where less is better."""
    log: bool = False
    """Take the logarithm first, as is usual for perplexities."""


class CombinedSelection(_Budgeted):
    """The documents with the highest weighted sum of standardised scores."""

    type: Literal["combined"] = "combined"
    scores: Annotated[tuple[Weighted, ...], Field(min_length=1)]


Selection = Annotated[
    RandomSelection
    | ScoreSelection
    | BandSelection
    | ThresholdSelection
    | SoftSelection
    | CombinedSelection,
    Field(discriminator="type"),
]
