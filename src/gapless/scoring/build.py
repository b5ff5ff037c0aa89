"""The table of scores: from what a recipe says to what answers for texts.

To add a score: one spec in ``recipe/scores.py``, one file with a scorer, one line in SCORERS, one
test. A scorer is called with texts and answers one array per column: float64, or labels; null or
NaN where a document has no score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.recipe.scores import Score


class Scorer(Protocol):
    """Answers for texts: column suffix (``""`` is the score itself) to one value per text."""

    def __call__(self, texts: pa.LargeStringArray) -> Mapping[str, pa.Array]:
        """Score texts, none of which is null."""


@dataclass(frozen=True)
class ScorerSpec:
    """Everything that a scorer is made of; it travels to other processes."""

    score: Score
    made_of: str
    """Fingerprint of all that it is made of: another one is another scorer."""
    folder: Path | None = None
    """What was trained for it, or the model or encoder that the recipe names."""
    tokenizer: Path | None = None
    """Of the language model, where it is not in its folder."""
    file: Path | None = None
    """The user's function or examples."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"


def build_scorer(spec: ScorerSpec) -> Scorer:
    """Make the scorer of a spec."""
    return SCORERS[spec.score.type](spec)


def _ngram_perplexity(spec: ScorerSpec) -> Scorer:
    from gapless.scoring.ngram import NgramScorer

    assert spec.folder is not None
    return NgramScorer(spec.folder)


def _model_perplexity(spec: ScorerSpec) -> Scorer:
    from gapless.scoring.model_perplexity import ModelScorer

    score: Any = spec.score
    assert spec.folder is not None
    return ModelScorer(
        spec.folder,
        spec.tokenizer,
        unit=score.unit,
        max_tokens=score.max_tokens,
        batch_tokens=score.batch_tokens,
        device=spec.device,
        precision=spec.precision,
    )


def _topic(spec: ScorerSpec) -> Scorer:
    from gapless.scoring.topics import TopicScorer

    assert spec.folder is not None
    return TopicScorer(spec.folder, spec.device)


def _task_similarity(spec: ScorerSpec) -> Scorer:
    from gapless.scoring.task_similarity import TaskSimilarityScorer

    score: Any = spec.score
    assert spec.file is not None
    return TaskSimilarityScorer(
        spec.file,
        nearest=score.nearest,
        encoder=spec.folder,
        max_tokens=score.max_tokens,
        device=spec.device,
    )


def _diversity(spec: ScorerSpec) -> Scorer:
    from gapless.scoring.diversity import DiversityScorer

    score: Any = spec.score
    return DiversityScorer(score.max_words)


def _length(spec: ScorerSpec) -> Scorer:
    from gapless.scoring.length import LengthScorer

    score: Any = spec.score
    return LengthScorer(score.unit)


def _repetition(spec: ScorerSpec) -> Scorer:
    from gapless.scoring.repetition import RepetitionScorer

    score: Any = spec.score
    return RepetitionScorer(score.ngram)


def _language(spec: ScorerSpec) -> Scorer:
    from gapless.scoring.language import LanguageScorer

    score: Any = spec.score
    return LanguageScorer(score.among)


def _function(spec: ScorerSpec) -> Scorer:
    from gapless.scoring.function import FunctionScorer

    score: Any = spec.score
    assert spec.file is not None
    return FunctionScorer(spec.file, score.function, score.returns)


SCORERS: dict[str, Callable[[ScorerSpec], Scorer]] = {
    "ngram_perplexity": _ngram_perplexity,
    "model_perplexity": _model_perplexity,
    "topic": _topic,
    "task_similarity": _task_similarity,
    "diversity": _diversity,
    "length": _length,
    "repetition": _repetition,
    "language": _language,
    "function": _function,
}
