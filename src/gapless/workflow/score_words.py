"""What a score is, in the words of the report."""

from collections.abc import Callable, Mapping
from typing import Any

from gapless.recipe import Recipe
from gapless.recipe.fields import Part
from gapless.recipe.scores import (
    Diversity,
    FunctionScore,
    Language,
    Length,
    ModelPerplexity,
    NgramPerplexity,
    Repetition,
    TaskSimilarity,
    Topic,
)


def about(recipe: Recipe, column: str) -> str:
    """Return what the numbers or labels of a column are: ``"words of a document"``."""
    for name, score in recipe.scores.items():
        for suffix in score.suffixes:
            if column == f"{name}{suffix}":
                return _CONFIDENCE if suffix else WORDS[type(score)](score)
    return "as it stands in the source's own files"


def _ngram_perplexity(score: NgramPerplexity) -> str:
    return f"perplexity under a {score.order}-gram model of {' and '.join(score.reference)}"


def _model_perplexity(score: ModelPerplexity) -> str:
    model = "the base model" if score.model == "base" else score.model
    return f"{score.unit.replace('_', ' ')} under {model}"


def _task_similarity(score: TaskSimilarity) -> str:
    return f"mean cosine to the {score.nearest} nearest examples of {score.examples}"


def _topic(score: Topic) -> str:
    return f"one of {len(score.topics)} topics, by a classifier"


_CONFIDENCE = "how sure the label is, from 0 to 1"

WORDS: Mapping[type[Part], Callable[[Any], str]] = {
    NgramPerplexity: _ngram_perplexity,
    ModelPerplexity: _model_perplexity,
    Topic: _topic,
    TaskSimilarity: _task_similarity,
    Diversity: lambda _: "entropy of a document's words, in bits a word",
    Length: lambda score: f"{score.unit} of a document",
    Repetition: lambda score: f"part of the {score.ngram}-word runs that stood in it before",
    Language: lambda _: "the language of a document",
    FunctionScore: lambda score: f"what {score.function} in {score.path} says",
}
"""Type of score to what it is."""
