"""The types of a recipe. Their defaults are the product's defaults."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gapless.recipe.chats import Chat
from gapless.recipe.cleanings import Cleaning, Decontamination, Deduplication
from gapless.recipe.curricula import Curriculum
from gapless.recipe.fields import Fraction, Name, Part, Tokens
from gapless.recipe.mixtures import DomainOnly, FixedMixture, Mixture
from gapless.recipe.probes import Probing, Role
from gapless.recipe.schedules import Schedule
from gapless.recipe.scores import Score
from gapless.recipe.selections import Selection
from gapless.recipe.syntheses import Synthesis
from gapless.recipe.trackers import Tracker
from gapless.recipe.training import Training

SYNTHESIS = "synthesis:"
"""How the path of a source begins that a language model writes."""


class AssumedModel(Part):
    """The sizes of a model whose weights nobody has here yet: enough to plan with."""

    architecture: str = "llama"
    """A `transformers` model type: llama, qwen3, mistral, gemma3_text, olmo2, phi3, ..."""
    config: dict[str, Any]
    """Settings of its config class, and ``vocab_size``."""

    @model_validator(mode="after")
    def _has_a_vocabulary(self) -> "AssumedModel":
        size = self.config.get("vocab_size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError("config needs vocab_size: no tokenizer is there to tell it")
        return self


class PretrainedModel(Part):
    """Start from the weights of a Hugging Face folder."""

    type: Literal["pretrained"] = "pretrained"
    path: str
    """A folder with config.json, safetensors and tokenizer files, or ``asset:NAME``."""
    tokenizer: str | None = None
    """A folder with tokenizer files; the model's own when left out."""
    assumed: AssumedModel | None = None
    """What ``gapless plan`` takes the model to be while its folder is not there."""


class NewModel(Part):
    """Start from random weights: pre-train a base."""

    type: Literal["new"] = "new"
    architecture: str = "llama"
    """A `transformers` model type: llama, qwen3, mistral, gemma3_text, olmo2, phi3, ..."""
    config: dict[str, Any]
    """Settings of its config class; the vocabulary size comes from the tokenizer."""
    tokenizer: str
    """A folder with tokenizer files, or ``asset:NAME``."""


Model = Annotated[PretrainedModel | NewModel, Field(discriminator="type")]


class Source(Part):
    """A named corpus."""

    role: Role | Literal["reference"]
    """``domain``: what the model is to learn. ``general``: what it must not forget.

    ``reference``: what scores are measured against; the model never sees it.
    """
    path: str | tuple[str, ...]
    """File, folder or glob (or a list of them), relative to the recipe, or ``asset:NAME``.

    ``synthesis:NAME`` is what a language model writes. Files are read by suffix: .jsonl .ndjson
    .csv .tsv (also .gz, .zst), .parquet .arrow .html .txt .md.
    An address (s3://, gs://, hf://, https://) is fetched while it is read.
    """
    text: str = "text"
    """Name of the column that holds the text."""
    chat: Chat | None = None
    """Give it when the records are conversations: then no column holds the text."""
    id: str | None = None
    """Column that names the work; the held-out split goes by it. The content when left out."""
    scores: tuple[str, ...] = ()
    """Names of numeric columns of the files to keep for selection."""
    held_out: Fraction = 0.02
    """Fraction of the works, by hash of their id, kept out of training for the probes."""
    assumed_tokens: Annotated[Tokens, Field(gt=0)] | None = None
    """What ``gapless plan`` takes it to hold for training while its files are not there.

    A run needs the files, and then this says nothing.
    """


class Phase(Part):
    """A stretch of the run with its own budget and mixture. Give ``tokens`` or ``epochs``."""

    tokens: Tokens | None = None
    """The phase's budget."""
    epochs: float | None = Field(default=None, gt=0)
    """The budget as passes over the selected domain text (or over the mixture's ``epoch``)."""
    mixture: Mixture = DomainOnly()
    curriculum: Curriculum | None = None
    """In which sequence documents come; shuffled when left out."""
    reuse: bool = False
    """Draw from all documents again; by default those that a phase before used up wait."""
    learning_rate: float | None = Field(default=None, gt=0)
    """The phase's own peak rate; that of ``training`` when left out."""
    schedule: Schedule | None = None
    """A schedule over the phase's own tokens; that of ``training`` runs over the whole run."""

    @model_validator(mode="after")
    def _one_budget(self) -> "Phase":
        if (self.tokens is None) == (self.epochs is None):
            raise ValueError("give a phase either tokens or epochs")
        return self


class Change(Part):
    """A mixture changed on the way."""

    at: Annotated[Tokens, Field(gt=0)]
    """Tokens of the run up to which everything stays as it was, rounded down to a row."""
    mixture: FixedMixture
    """What the rest of the phase gets."""


class Order(Part):
    """What the model sees, and when."""

    context: int = Field(default=2048, ge=2)
    """Tokens per row."""
    packing: Literal["cut", "best_fit"] = "cut"
    """``cut``: documents are joined and cut at the rows' borders; no padding.

    ``best_fit``: only documents longer than a row are cut; a row's rest is padding.
    """
    strata: dict[str, str] = Field(default_factory=dict)
    """Source name to a column of labels: each label's documents have a share of their own."""
    max_repetition: float = Field(default=8.0, gt=0)
    """How often the run may see a source's selected text; beyond it, the recipe is refused."""
    phases: tuple[Phase, ...] = Field(default=(Phase(epochs=1),), min_length=1)
    changes: tuple[Change, ...] = ()
    """Add one to change the mixture of a run under way: it goes on from a checkpoint before it."""


class Recipe(Part):
    """One run: a base model, text, a token budget, and what is measured on the way."""

    name: Name
    """The run folder's name."""
    seed: int = 0
    """Every random draw derives from this and from its own name."""
    model: Model
    sources: dict[Name, Source] = Field(min_length=1)
    synthesis: dict[Name, Synthesis] = Field(default_factory=dict)
    """Name to a corpus that a language model writes: a source of the path ``synthesis:NAME``."""
    cleaning: Cleaning = Cleaning()
    deduplication: Deduplication = Deduplication()
    decontamination: Decontamination | None = Decontamination()
    """``null`` turns it off; then ``run`` asks for ``--allow-contamination``."""
    scores: dict[Name, Score] = Field(default_factory=dict)
    """Score name to what it is: a column that selections and orders can use."""
    selection: dict[str, Selection] = Field(default_factory=dict)
    """Source name to the selection of its documents; a source left out keeps all."""
    order: Order = Order()
    training: Training = Training()
    probing: Probing = Probing()
    engine: Literal["native", "ray"] = "native"
    """Where text is worked on: this machine's cores, or a Ray cluster (``RAY_ADDRESS``)."""
    logging: tuple[Tracker, ...] = ()
    """Where training and measurements are shown besides the run's own files; it changes nothing."""
    arms: dict[Name, dict[str, Any]] = Field(default_factory=dict)
    """Arm name to what it changes of this recipe; every arm starts from the same base.

    Without arms the run has one, called ``main``.
    """
    variants: dict[Name, dict[str, Any]] = Field(default_factory=dict, exclude=True)
    """Variant name to what it changes of this recipe: another scale, another base, a smoke test.

    ``--variant NAME`` chooses it; a recipe that is loaded has none left (`variants.py`).
    """

    @property
    def trained_sources(self) -> dict[str, Source]:
        """The sources that the model may see: all but references."""
        return {name: s for name, s in self.sources.items() if s.role != "reference"}

    def synthesis_of(self, source: str) -> str | None:
        """Return the name of the synthesis that a source is made by."""
        path = self.sources[source].path
        if isinstance(path, str) and path.startswith(SYNTHESIS):
            return path.removeprefix(SYNTHESIS)
        return None

    def scored_sources(self, score: Score) -> tuple[str, ...]:
        """Return the sources whose documents get a score."""
        return score.sources or tuple(self.trained_sources)

    def scored_columns(self, name: str) -> tuple[str, ...]:
        """Return the columns that a score writes."""
        return tuple(f"{name}{suffix}" for suffix in self.scores[name].suffixes)

    def columns_of(self, source: str) -> tuple[str, ...]:
        """Return the columns that selections of a source can use."""
        computed = [
            column
            for name, score in self.scores.items()
            if source in self.scored_sources(score)
            for column in self.scored_columns(name)
        ]
        return (*self.sources[source].scores, *computed)
