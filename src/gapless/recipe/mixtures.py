"""Mixtures: what share of a phase's tokens each source gets."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gapless.recipe.fields import Fraction, Name, Part, Tokens, Whole

Weight = Annotated[float, Field(gt=0)]

PRETRAINING: dict[str, dict[str, float]] = {
    "llama-1": {
        "commoncrawl": 67.0,
        "c4": 15.0,
        "github": 4.5,
        "wikipedia": 4.5,
        "books": 4.5,
        "arxiv": 2.5,
        "stackexchange": 2.0,
    }
}
"""Name to the shares of a known pre-training mixture (Touvron et al. 2023, table 1)."""


class Shares(Part):
    """Every source's share, written out."""

    type: Literal["shares"] = "shares"
    shares: Whole
    """Source name to share of the phase's tokens; the shares sum to 1.

    With ``order.strata``, ``source/label`` names a part of a source.
    """


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
    like: dict[str, Weight] | None = None
    """General source name to weight; the weights need not sum to 1."""


class Group(Part):
    """Sources that share a part of the phase, such as those of one language."""

    weight: Weight
    """The group's part against the other groups'; they need not sum to anything."""
    sources: dict[str, Weight] = Field(min_length=1)
    """Source name to its part within the group; they need not sum to anything."""


class Groups(Part):
    """Groups of sources at a ratio, such as 2 : 8 for two languages (paper 2, section 3.3)."""

    type: Literal["groups"] = "groups"
    groups: dict[Name, Group] = Field(min_length=1)


class PretrainingLike(Part):
    """The base model's pre-training mixture, its web share given to the domain (paper 1, III)."""

    type: Literal["pretraining_like"] = "pretraining_like"
    pretraining: Literal["llama-1"] | dict[str, Weight] = "llama-1"
    """A known mixture, or a table: what the base was trained on, to its weight."""
    replaced: tuple[str, ...] = ("commoncrawl", "c4")
    """The entries whose share domain sources get, each in proportion to its tokens."""
    sources: dict[str, str]
    """Every other entry to the general source that stands for it."""
    left_out: tuple[str, ...] = ()
    """Entries without a source; the others grow in proportion."""
    epoch: Annotated[Tokens, Field(gt=0)] | None = None
    """Tokens of one epoch of this mixture (paper 1: 5B); the phase's ``epochs`` then count these.

    When left out, an epoch is one pass over the selected domain text.
    """
    draw: Literal["every_epoch", "fixed"] = "every_epoch"
    """Whether an epoch draws its domain text anew from the selection, or repeats the first's."""

    @property
    def table(self) -> dict[str, float]:
        """The pre-training mixture."""
        if isinstance(self.pretraining, str):
            return PRETRAINING[self.pretraining]
        return self.pretraining

    @model_validator(mode="after")
    def _every_entry_has_its_place(self) -> "PretrainingLike":
        placed = [*self.replaced, *self.sources, *self.left_out]
        for entry in placed:
            if entry not in self.table:
                raise ValueError(f"the mixture has no {entry!r}; it has {', '.join(self.table)}")
            if placed.count(entry) > 1:
                raise ValueError(f"{entry!r} stands twice in replaced, sources and left_out")
        for entry in self.table:
            if entry not in placed:
                raise ValueError(
                    f"nothing stands for {entry!r}: name it in replaced, sources or left_out"
                )
        if not self.replaced:
            raise ValueError("replaced is empty: no share is left for the domain")
        return self


class Law(Part):
    """Shares that a fitted law proposed."""

    type: Literal["law"] = "law"
    path: str
    """A proposal: a JSON file with ``shares``, source name to share; they sum to 1."""


FixedMixture = Annotated[
    Shares | DomainOnly | Replay | Groups | PretrainingLike | Law, Field(discriminator="type")
]


class Reacting(Part):
    """A mixture that moves with measurements, once a round.

    Shares move between the labels of a source (``order.strata``), never from source to source;
    named sources without labels move among themselves.
    """

    start: Annotated[Shares | DomainOnly | Replay | Groups | Law, Field(discriminator="type")]
    """The mixture of the first round."""
    interval: Annotated[Tokens, Field(gt=0)]
    """Tokens of a round, rounded up to whole steps."""
    sources: tuple[str, ...] = Field(min_length=1)
    """The sources whose shares, or whose labels' shares, move."""
    max_change: Fraction = 0.03
    """How much a share may change in a round: absolute, of what its source (or sources) get.

    A larger change is scaled down, all shares alike (YuLan-Mini: 3 % against spikes of the loss).
    """


class TopicFeedback(Reacting):
    """More of the topics whose perplexity rose (paper 2, section 3.6).

    Of perplexities p and shares r: change d = p now - p before, over the sum (or largest) of all
    absolute changes; factor f = 1 + alpha * d * weight; new r in proportion to r * f.
    """

    type: Literal["topic_feedback"] = "topic_feedback"
    alpha: float = Field(default=0.5, ge=0)
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Label (or source, or source/label) to its weight; 1 for the others."""
    normaliser: Literal["sum", "max"] = "sum"
    clamp: tuple[Annotated[float, Field(gt=0)], float] = (0.5, 2.0)
    """Smallest and largest factor."""


class TargetFeedback(Reacting):
    """More of the topics that lag behind a target loss (after Velocitune, Luo et al. 2024).

    Of losses l in nats per token: way left v = (l now - target) / (l of the base - target); new
    share in proportion to r * exp(alpha * v).
    """

    type: Literal["target_feedback"] = "target_feedback"
    alpha: float = Field(default=1.0, ge=0)
    targets: dict[str, Annotated[float, Field(gt=0)]]
    """Label (or source, or source/label) to the loss to reach, in nats per token."""


class OwnRule(Reacting):
    """A rule of your own, given to `gapless.run` as a Python function.

    It gets the mixture log so far and the measurements (stratum to nats per token), and returns
    stratum to share for those of ``sources``; what they sum to is scaled to what these get.
    """

    type: Literal["own_rule"] = "own_rule"
    name: Name
    """Its name among the ``rules`` given to `gapless.run`."""
    version: int = 1
    """Raise it when the function changes: what it did before is then not taken for its answer."""


ReactingMixture = TopicFeedback | TargetFeedback | OwnRule
Mixture = Annotated[
    Shares
    | DomainOnly
    | Replay
    | Groups
    | PretrainingLike
    | Law
    | TopicFeedback
    | TargetFeedback
    | OwnRule,
    Field(discriminator="type"),
]
