"""Mixtures: what share of a phase's tokens each source gets."""

from typing import Annotated, Literal

from pydantic import Field

from gapless.recipe.fields import Fraction, Part, Whole


class Shares(Part):
    """Every source's share, written out."""

    type: Literal["shares"] = "shares"
    shares: Whole
    """Source name to share of the phase's tokens; the shares sum to 1."""


class DomainOnly(Part):
    """Domain sources alone, each in proportion to its selected tokens."""

    type: Literal["domain_only"] = "domain_only"


class Replay(Part):
    """Domain sources with a share of general text kept in (paper 1, strategy III and baseline 3).

    Without ``like``, each general source gets its part in proportion to its tokens. With it, in
    proportion to the given weights: write the base model's own pre-training mixture there.
    """

    type: Literal["replay"] = "replay"
    general: Fraction
    """Share of the phase's tokens that general sources get together."""
    like: dict[str, Annotated[float, Field(gt=0)]] | None = None
    """General source name to weight; the weights need not sum to 1."""


Mixture = Annotated[Shares | DomainOnly | Replay, Field(discriminator="type")]
