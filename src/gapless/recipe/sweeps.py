"""Sweeps: small runs of one recipe that differ in a few settings, one YAML file each.

sweep.yaml --load_sweep--> Sweep + base recipe --trials--> a recipe with one arm per trial
"""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gapless.recipe.fields import Fraction, Name, Part, Tokens


class Values(Part):
    """A setting, and what it is set to."""

    type: Literal["values"] = "values"
    path: str
    """A path of the recipe, as for ``--set``: ``training.learning_rate``."""
    values: Annotated[tuple[Any, ...], Field(min_length=1)]


class Range(Part):
    """A setting that is any number between two."""

    type: Literal["range"] = "range"
    path: str
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    points: Annotated[int, Field(ge=2)] | None = None
    """In a grid: so many numbers at equal distances, both ends among them."""

    @model_validator(mode="after")
    def _in_order(self) -> "Range":
        if not self.low < self.high:
            raise ValueError(f"low is {self.low:g} and high is {self.high:g}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"a log scale begins above 0, not at {self.low:g}")
        return self


class Mixtures(Part):
    """The shares of a phase's sources, spread evenly over all that are allowed."""

    type: Literal["mixtures"] = "mixtures"
    phase: Annotated[int, Field(ge=0)] = 0
    """From 0."""
    shares: Annotated[dict[str, tuple[Fraction, Fraction]], Field(min_length=2)]
    """Source (or ``source/label``) to its least and its greatest share."""
    points: Annotated[int, Field(ge=2)] | None = None
    """In a grid: so many mixtures."""

    @model_validator(mode="after")
    def _can_sum_to_one(self) -> "Mixtures":
        for name, (low, high) in self.shares.items():
            if low > high:
                raise ValueError(f"the least share of {name!r} is above its greatest")
        least, most = (sum(pair[end] for pair in self.shares.values()) for end in (0, 1))
        if least > 1 or most < 1:
            raise ValueError(f"the shares sum to {least:.3g} at least and {most:.3g} at most")
        return self


Axis = Annotated[Values | Range | Mixtures, Field(discriminator="type")]


class Grid(Part):
    """Every combination of the axes' points."""

    type: Literal["grid"] = "grid"


class Random(Part):
    """So many settings, each axis drawn by itself."""

    type: Literal["random"] = "random"
    settings: Annotated[int, Field(ge=2)]


Design = Annotated[Grid | Random, Field(discriminator="type")]


class Halving(Part):
    """Stop the worse part of the settings early (Jamieson and Talwalkar 2016)."""

    rungs: Annotated[tuple[Fraction, ...], Field(min_length=1)] = (0.25, 0.5)
    """Parts of the run after which settings are compared."""
    keep: Annotated[Fraction, Field(gt=0, lt=1)] = 0.5
    """The part of them that goes on from each."""

    @model_validator(mode="after")
    def _rising(self) -> "Halving":
        if not all(a < b for a, b in pairwise((0, *self.rungs, 1))):
            raise ValueError("rungs rise from one to the next, and lie between 0 and 1")
        return self


class Goal(Part):
    """Which of two settings is better: by bits per byte, mean over a role's sources."""

    most: Literal["gain", "balance"] = "balance"
    """``gain``: of the domain. ``balance``: gain less what general text lost."""
    general_loss: Annotated[float, Field(ge=0)] | None = None
    """The most that general text may lose; settings beyond come after all others."""


class Sweep(Part):
    """Trials of one recipe."""

    name: Name
    recipe: str
    """The recipe's file, relative to the sweep's."""
    variant: Name | tuple[Name, ...] = ()
    """The recipe's variant, or several in their order, that trials are made of."""
    arm: Name | None = None
    """The arm whose settings every trial begins with, where the recipe has several."""
    changes: dict[str, Any] = Field(default_factory=dict)
    """Path of the recipe to a value, for every trial: a smaller model, fewer tokens."""
    axes: Annotated[tuple[Axis, ...], Field(min_length=1)]
    design: Design = Grid()
    big_tokens: Annotated[Tokens, Field(gt=0)] | None = None
    """Tokens of the run that trials stand for: their pools are as much smaller as they are.

    So a trial repeats its text as often as the big run will. The recipe's selections are those of
    the big run. Left out, trials draw from all of the text, and hardly repeat it.
    """
    seeds: Annotated[int, Field(ge=1)] = 1
    """Trials of each setting; the n-th of every setting has the same seed."""
    halving: Halving | None = None
    """``null`` trains every trial to its end."""
    goal: Goal = Goal()
    retries: Annotated[int, Field(ge=0)] = 1
    """How often a trial that failed is tried again before the others go on without it."""
