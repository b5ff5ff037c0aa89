"""Scores: columns of numbers or labels that a recipe computes over documents, once each."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gapless.recipe.fields import Name, Part, Tokens

Topics = tuple[str, ...]

PAPER_2_TOPICS: Topics = (
    "Mathematics and Physics",
    "Computer Science and Engineering",
    "Biology and Chemistry",
    "History and Geography",
    "Law and Policy",
    "Philosophy and Logic",
    "Economics and Business",
    "Psychology and Sociology",
    "Security and International Relations",
    "Medicine and Health",
    "Others",
)
"""The eleven topics of paper 2, the same in English and in Chinese (papers: its Figure 1)."""


class _Score(Part):
    """What every score has."""

    sources: tuple[str, ...] | None = None
    """The sources whose documents get it; when left out, all that are trained on."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What stands after the score's name in the names of its columns."""
        return ("",)


class NgramPerplexity(_Score):
    """Perplexity under an n-gram model of a reference corpus (paper 1, strategy II)."""

    type: Literal["ngram_perplexity"] = "ngram_perplexity"
    reference: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the sources whose documents train the model."""
    order: Annotated[int, Field(ge=1, le=6)] = 5
    """The longest n-gram counted; modified Kneser-Ney smoothing."""
    prune: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """From order 1 up: drop n-grams seen at most this often; the last counts for longer ones."""

    @model_validator(mode="after")
    def _pruning_fits(self) -> "NgramPerplexity":
        if len(self.prune) > self.order:
            raise ValueError(f"prune has {len(self.prune)} counts for {self.order} orders")
        if list(self.prune) != sorted(self.prune):
            raise ValueError("prune may not fall from one order to the next")
        return self


class ModelPerplexity(_Score):
    """Perplexity under a causal language model: novelty, for the model that is to learn."""

    type: Literal["model_perplexity"] = "model_perplexity"
    model: str = "base"
    """``base``: the recipe's own model; else a folder or ``asset:NAME`` of, say, a small one."""
    unit: Literal["perplexity", "bits_per_byte"] = "perplexity"
    """Per token, which depends on the tokenizer, or per byte, which does not."""
    max_tokens: Annotated[Tokens, Field(ge=2)] | None = None
    """A longer document is scored on its beginning; left out: what the model takes, at most 1,024.
    """
    batch_tokens: Annotated[Tokens, Field(ge=2)] = 16_384
    """Tokens per forward pass."""


class Annotator(Part):
    """A language model behind an OpenAI-compatible endpoint that labels a sample."""

    url: str
    """The endpoint's base, such as ``http://localhost:8000/v1``."""
    model: str
    """The name the endpoint knows it by. Answers are kept under it: another model, another name."""
    key_from: str | None = None
    """The environment variable that holds the key; keys are never written anywhere."""
    documents: Annotated[int, Field(ge=20)] = 2000
    """How many documents are labelled: as many of each scored source, as far as it has them."""
    characters: Annotated[int, Field(ge=100)] = 2000
    """How much of each one the annotator reads."""
    answer_tokens: Annotated[int, Field(ge=1)] = 512
    """The longest answer; a model that thinks aloud first needs more than the name of a topic."""
    concurrency: Annotated[int, Field(ge=1)] = 8
    """How many questions are open at once."""
    timeout_s: Annotated[float, Field(gt=0)] = 120.0
    """Seconds to wait for one answer; then, and after errors that may pass, it is asked again."""


class Topic(_Score):
    """A topic of a fixed list, and how sure the classifier is of it (paper 2).

    The classifier learns from labelled documents: a file of them, or the answers of an annotator.
    It writes two columns: the score's name, and ``NAME_confidence``.
    """

    type: Literal["topic"] = "topic"
    topics: Annotated[Topics, Field(min_length=2)] = PAPER_2_TOPICS
    labels: str | None = None
    """A JSON Lines file of ``{"text": ..., "topic": ...}``."""
    annotator: Annotator | None = None
    """Asks a language model for the labels; give this or ``labels``."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Fraction of the labels that measure the classifier instead of teaching it."""
    encoder: str | None = None
    """A folder or ``asset:NAME`` of a small encoder to fine-tune; else hashed word n-grams."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What stands after the score's name in the names of its columns."""
        return ("", "_confidence")


class TaskSimilarity(_Score):
    """Mean cosine of a document to the nearest examples of the target task (Xie et al. 2023).

    Take examples that no probe asks about: the score draws near what it is shown.
    """

    type: Literal["task_similarity"] = "task_similarity"
    examples: str
    """A JSON Lines file of ``{"text": ...}``, or of questions with choices; answers go unread."""
    nearest: Annotated[int, Field(ge=1)] = 5
    """How many of the nearest examples are averaged; 1 takes the nearest alone."""
    encoder: str | None = None
    """A folder or ``asset:NAME`` of a sentence encoder; weighted word counts without it."""
    max_tokens: Annotated[Tokens, Field(ge=2)] = 256
    """How much of a document the encoder reads; word counts are of the whole."""


class Diversity(_Score):
    """Entropy of a document's word types, in bits a word (after Xie et al. 2023)."""

    type: Literal["diversity"] = "diversity"
    max_words: Annotated[int, Field(ge=1)] = 1000
    """A longer document is scored on its beginning: entropy grows with length."""


class Length(_Score):
    """Characters or words of a document."""

    type: Literal["length"] = "length"
    unit: Literal["characters", "words"] = "words"


class Repetition(_Score):
    """Fraction of a document's word n-grams that stand in it before."""

    type: Literal["repetition"] = "repetition"
    ngram: Annotated[int, Field(ge=1)] = 5


class Language(_Score):
    """The language of a document, as ``en`` or ``zh`` (ISO 639), and ``NAME_confidence``."""

    type: Literal["language"] = "language"
    among: Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    """The languages to choose from; when left out, all 140 that the identifier knows."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What stands after the score's name in the names of its columns."""
        return ("", "_confidence")


class FunctionScore(_Score):
    """A score of your own: ``def score(texts: list[str]) -> list[float | None]`` in a file.

    The file runs with your rights: read a stranger's before you run their recipe.
    """

    type: Literal["function"] = "function"
    path: str
    """The Python file, relative to the recipe."""
    function: Name = "score"
    returns: Literal["numbers", "labels"] = "numbers"
    """What the list holds: numbers, or ``str``; ``None`` in it is a document without a score."""


Score = Annotated[
    NgramPerplexity
    | ModelPerplexity
    | Topic
    | TaskSimilarity
    | Diversity
    | Length
    | Repetition
    | Language
    | FunctionScore,
    Field(discriminator="type"),
]


def gives_labels(score: Score) -> bool:
    """Return whether a score's column holds labels, not numbers."""
    if isinstance(score, FunctionScore):
        return score.returns == "labels"
    return isinstance(score, Topic | Language)
