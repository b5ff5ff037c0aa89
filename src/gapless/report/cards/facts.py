"""What a card says of one arm beside what the report knows."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SeenSource:
    """What one source gave to an arm."""

    name: str
    tokens: int
    """That the arm was trained on, padding left out."""
    share: float
    """Of all that the arm was trained on."""
    times: float | None
    """Tokens seen per token of the source that may be trained on; None where that is not known."""


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """One exported model."""

    name: str
    """What it is called: ``recipe-arm``."""
    arm: str
    average: bool
    """Whether it is the average of the weights along the run."""
    base: str
    """The base model as the recipe calls it, or what kind of new model it was."""
    base_model: str | None
    """Its name on the Hugging Face Hub, where that is known."""
    languages: tuple[str, ...]
    """Codes, the most frequent first; empty where nothing has found them out."""
    datasets: tuple[str, ...]
    chat: bool
    """Whether a chat template goes along."""
    seen: tuple[SeenSource, ...]
    """The largest first."""
    measured: tuple[tuple[str, str, float], ...]
    """Probe, metric and value of an average at the end; empty for a model itself."""
    settings: tuple[tuple[str, str], ...]
    """Name of a setting of the training, and its value."""
