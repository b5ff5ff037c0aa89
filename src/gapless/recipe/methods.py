"""Methods against forgetting: which weights learn, and what becomes of them."""

from typing import Annotated, Literal

from pydantic import Field

from gapless.recipe.fields import Part


class Full(Part):
    """Every weight learns."""

    type: Literal["full"] = "full"


class Freeze(Part):
    """Some decoder layers stay as they are (paper 1 table 1: the top 5 or the bottom 5)."""

    type: Literal["freeze"] = "freeze"
    part: Literal["top", "bottom"]
    """``top``: the layers nearest to the answer. ``bottom``: those nearest to the input."""
    layers: int = Field(ge=1)
    """How many."""
    embeddings: bool = False
    """Freeze what lies beyond them too: under the bottom the input embeddings, above the top the
    last norm and the head. They learn by default. Where a model ties head and embeddings, these are
    one tensor, and it is frozen either way."""


class Lora(Part):
    """Low-rank adapters beside frozen weights (Hu et al. 2022), merged into them on export.

    Needs ``pip install gapless[lora]``. The learning rate is the recipe's: adapters take a higher
    one than all weights do.
    """

    type: Literal["lora"] = "lora"
    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32.0, gt=0)
    """The adapters' product is multiplied by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """On the adapters' input."""
    targets: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Last names of linear modules of the decoder layers, like q_proj; all when left out."""
    dora: bool = False
    """Learn each row's length apart from its direction (Liu et al. 2024)."""


class BlockExpansion(Part):
    """Copies of decoder layers, spread evenly, learn; the model itself stays (LLaMA-Pro).

    A copy adds nothing at the start, for its output projections are zero (Wu et al. 2024).
    """

    type: Literal["block_expansion"] = "block_expansion"
    blocks: int = Field(ge=1)
    """How many layers are added; at most as many as the model has."""


Method = Annotated[Full | Freeze | Lora | BlockExpansion, Field(discriminator="type")]


class ExponentialAverage(Part):
    """A moving average of the weights, exported beside the model as ``model-average``."""

    type: Literal["ema"] = "ema"
    decay: float = Field(default=0.999, ge=0, lt=1)
    """What is left of the average after one step; the rest is the weights of that step."""
    every: int = Field(default=1, ge=1)
    """Steps between two updates, each of which decays as much as its steps together."""
