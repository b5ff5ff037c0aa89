"""The stages of scores: what is trained for a score, and the score of each source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from gapless.recipe import Recipe
from gapless.recipe.scores import (
    FunctionScore,
    ModelPerplexity,
    NgramPerplexity,
    Score,
    TaskSimilarity,
    Topic,
)
from gapless.records.documents import batches
from gapless.records.documents import parts as document_parts
from gapless.workflow.base_model import BaseModel
from gapless.workflow.machine import memory_bytes
from gapless.workflow.stage import Stage, Workplace, locate, told_at, words_version
from gapless.workflow.topics import classifier_stage, encoder_content

if TYPE_CHECKING:
    import pyarrow as pa

NGRAM, SCORES = "ngram", "scores"
_TRAINER_BYTES = 4 << 30
"""The most memory that training an n-gram model takes; never more than half of the machine's."""


@dataclass(frozen=True)
class ScoreStages:
    """All scores of a recipe."""

    trained: Mapping[str, Stage]
    """Score to the stage that trains what it needs; few need anything."""
    scores: Mapping[tuple[str, str], Stage]
    """Score and source to the stage that scores the source's documents."""
    suffixes: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(
        cls, recipe: Recipe, documents: Mapping[str, Stage], *, model: BaseModel, place: Workplace
    ) -> ScoreStages:
        """Return the stages of a recipe's scores."""
        trained, scores = {}, {}
        for name, score in recipe.scores.items():
            if isinstance(score, NgramPerplexity):
                trained[name] = _ngram_stage(name, score, recipe, documents, place)
            elif isinstance(score, Topic):
                trained[name] = classifier_stage(name, score, recipe, documents, place)
            for source in recipe.scored_sources(score):
                scores[name, source] = _score_stage(
                    _Scoring(recipe, name, source, documents[source], trained.get(name)),
                    model=model,
                    place=place,
                )
        suffixes = {name: score.suffixes for name, score in recipe.scores.items()}
        return cls(trained, scores, suffixes)

    def stages(self) -> Iterator[Stage]:
        """Yield every stage in the order of work."""
        yield from self.trained.values()
        yield from self.scores.values()

    def columns(self, source: str) -> dict[str, tuple[Stage, str]]:
        """Return column to the stage that makes it for a source, and its suffix there."""
        return {
            f"{name}{suffix}": (stage, suffix)
            for (name, scored), stage in self.scores.items()
            if scored == source
            for suffix in self.suffixes[name]
        }


def _ngram_stage(
    name: str,
    score: NgramPerplexity,
    recipe: Recipe,
    documents: Mapping[str, Stage],
    place: Workplace,
) -> Stage:
    """Return the stage that trains an n-gram model on its reference sources."""
    whole = {source: recipe.sources[source].role == "reference" for source in score.reference}

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.scoring.ngram import train

        texts = (
            batch
            for source in score.reference
            for batch in _normalised(documents[source].path, whole=whole[source])
        )
        with told_at(f"scores.{name}"), TemporaryDirectory(dir=folder) as scratch:
            return train(
                texts,
                folder,
                order=score.order,
                prune=score.prune,
                memory_bytes=min(_TRAINER_BYTES, memory_bytes() // 2),
                scratch=Path(scratch),
            )

    return Stage(
        kind=NGRAM,
        subject=name,
        version=1,
        root=place.root,
        part={
            "order": score.order,
            "prune": list(score.prune),
            "words": words_version(),
            "whole": list(whole.values()),
        },
        inputs={f"documents.{source}": documents[source] for source in score.reference},
        work=work,
    )


def _normalised(folder: Path, *, whole: bool) -> Iterator[pa.LargeStringArray]:
    """Give the texts of a source as n-gram models read them, held-out ones only if ``whole``."""
    import pyarrow.compute as pc

    from gapless.words import normalise

    for part in document_parts(folder):
        for rows in batches(part, ["text", "held_out"]):
            kept = rows if whole else rows.filter(pc.invert(rows.column("held_out")))
            yield normalise(kept.column("text"))


@dataclass(frozen=True)
class _Scoring:
    """One score of one source."""

    recipe: Recipe
    name: str
    source: str
    documents: Stage
    trained: Stage | None

    @property
    def score(self) -> Score:
        return self.recipe.scores[self.name]


def _score_stage(scoring: _Scoring, *, model: BaseModel, place: Workplace) -> Stage:
    """Return the stage that writes a score for every document of a source."""
    from gapless.scoring.build import ScorerSpec

    score, training = scoring.score, scoring.recipe.training
    inputs = {"documents": scoring.documents}
    folder = tokenizer = file = None
    content: dict[str, str] = {}
    part: dict[str, Any] = {"score": _own_settings(score), "words": words_version()}
    if scoring.trained is not None:
        inputs["trained"] = scoring.trained
    elif isinstance(score, ModelPerplexity):
        folder, tokenizer, content = model.to_score_with(score.model, place)
        part["precision"] = training.precision
    elif isinstance(score, TaskSimilarity):
        file = place.file(score.examples, f"scores.{scoring.name}.examples")
        if score.encoder is not None:
            folder = locate(score.encoder, place.recipe_dir)
            content["encoder"] = encoder_content(folder, place)
    elif isinstance(score, FunctionScore):
        file = place.file(score.path, f"scores.{scoring.name}.path")
    if file is not None:
        content["file"] = place.hashes.of_file(file)

    def work(stage: Stage, out: Path) -> dict[str, Any]:
        from gapless.scoring.part import score_part

        spec = ScorerSpec(
            score,
            made_of=stage.fingerprint,
            folder=folder if scoring.trained is None else scoring.trained.path,
            tokenizer=tokenizer,
            file=file,
            device=training.device,
            precision="bf16" if training.precision == "fp8" else training.precision,
        )
        tasks = [
            (spec, part, out, number)
            for number, part in enumerate(document_parts(scoring.documents.path))
        ]
        # A model takes the whole machine for itself: its parts come one after the other.
        num_bytes = 0 if folder is not None else int(scoring.documents.facts()["bytes"])
        with told_at(f"scores.{scoring.name}"):
            counts = place.engine.map(score_part, tasks, num_bytes=num_bytes)
        return {key: sum(each[key] for each in counts) for key in ("documents", "unscored")}

    return Stage(
        kind=SCORES,
        subject=f"{scoring.name}.{scoring.source}",
        version=1,
        root=place.root,
        part=part,
        inputs=inputs,
        content=content,
        work=work,
        resumable=True,
    )


def _own_settings(score: Score) -> dict[str, Any]:
    """Return what a score depends on besides files and what was trained for it."""
    places = {"sources", "reference", "prune", "order", "labels", "annotator", "encoder"}
    files = {"model", "examples", "path"}
    return score.model_dump(mode="json", exclude=places | files)
