"""Claims: what a paper says, and what must be seen in runs of ours for it to hold here."""

from typing import Annotated

from pydantic import Field, model_validator

from gapless.recipe.fields import Name, Part


class Expectation(Part):
    """A number that the claim speaks of, and where it must lie."""

    says: str
    """What the number is, in words."""
    unit: str
    above: float | None = None
    below: float | None = None
    """With ``above`` too: it must lie between both."""

    @model_validator(mode="after")
    def _bounded(self) -> "Expectation":
        if self.above is None and self.below is None:
            raise ValueError("give above, below or both")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError(f"above ({self.above:g}) must be less than below ({self.below:g})")
        return self


class Claim(Part):
    """A claim's file, ``claim.yaml``; ``measure.py`` beside it says what was seen."""

    id: Name
    hypothesis: str
    source: str
    """Where the paper says it."""
    recipes: tuple[str, ...] = ()
    """Recipes that are run, relative to the file; several claims may share one."""
    assets: tuple[str, ...] = ()
    """Assets that the recipes read; those that are not here yet are fetched."""
    prepare: tuple[str, ...] = ()
    """Scripts that are run before: text or models that the recipes read, made once."""
    seeds: Annotated[int, Field(ge=1)] = 3
    """Each recipe is run with the seeds 1, 2, ..."""
    exact: bool = False
    """Nothing is drawn: one seed tells all, and the interval is the number itself."""
    parts: Annotated[dict[Name, Expectation], Field(min_length=1)]
    """What ``measure.py`` returns for every seed, by name; all must hold."""
    small: str = ""
    """What is small here, or not the paper's."""

    @model_validator(mode="after")
    def _enough_seeds(self) -> "Claim":
        if self.seeds < 2 and not self.exact:
            raise ValueError("one seed has no interval: give two or more, or `exact: true`")
        return self
