"""The stage of a topic score's classifier: labels from a file or an annotator, then training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gapless.recipe import Recipe
from gapless.recipe.scores import Annotator, Topic
from gapless.records.documents import read_document
from gapless.workflow.stage import Stage, Workplace, locate, told_at, words_version

CLASSIFIER = "classifier"
_ANSWERS = "answers"
"""Beside the artifacts: what an annotator has said is kept when all else is made again."""


def classifier_stage(
    name: str, score: Topic, recipe: Recipe, documents: Mapping[str, Stage], place: Workplace
) -> Stage:
    """Return the stage that trains a topic classifier, on a file's labels or an annotator's."""
    sources = {source: documents[source] for source in recipe.scored_sources(score)}
    encoder = None if score.encoder is None else locate(score.encoder, place.recipe_dir)
    labels = None if score.labels is None else place.file(score.labels, f"scores.{name}.labels")

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.scoring.topics import read_labels, train_classifier

        facts: dict[str, Any] = {}
        with told_at(f"scores.{name}"):
            if labels is not None:
                texts, topics = read_labels(labels, score.topics)
            else:
                assert score.annotator is not None
                answers = place.root.parent / _ANSWERS / f"{name}.jsonl"
                asked = _Annotation(score.annotator, score.topics, sources, recipe.seed)
                texts, topics, facts = asked.labels(folder, answers)
            learnt = train_classifier(
                texts,
                topics,
                folder,
                held_out=score.held_out,
                seed=recipe.seed,
                encoder=encoder,
                device=recipe.training.device,
            )
        return facts | learnt

    return Stage(
        kind=CLASSIFIER,
        subject=name,
        version=1,
        root=place.root,
        part={"seed": recipe.seed, "score": _settings(score), "words": words_version()},
        inputs={}
        if labels
        else {f"documents.{source}": stage for source, stage in sources.items()},
        content=_content(labels, encoder, place),
        work=work,
    )


def _settings(score: Topic) -> dict[str, Any]:
    settings = score.model_dump(mode="json", exclude={"sources", "labels", "encoder", "annotator"})
    if score.annotator is not None:
        how = {"url", "key_from", "concurrency", "timeout_s"}  # not what is asked
        settings["annotator"] = score.annotator.model_dump(mode="json", exclude=how)
    return settings


def _content(labels: Path | None, encoder: Path | None, place: Workplace) -> dict[str, str]:
    content = {}
    if labels is not None:
        content["labels"] = place.hashes.of_file(labels)
    if encoder is not None:
        content["encoder"] = encoder_content(encoder, place)
    return content


def encoder_content(folder: Path, place: Workplace) -> str:
    """Return the fingerprint of an encoder: weights, tokenizer, and how it pools."""
    from gapless.modeling import weight_files
    from gapless.tokenization import files

    pooling = folder / "1_Pooling" / "config.json"
    more = [pooling] if pooling.is_file() else []
    return place.hashes.of_files([*weight_files(folder), *files(folder), *more])


class _Annotation:
    """Asks an annotator for the topics of a sample of the sources' documents."""

    def __init__(
        self,
        annotator: Annotator,
        topics: tuple[str, ...],
        sources: Mapping[str, Stage],
        seed: int,
    ) -> None:
        self._annotator, self._topics = annotator, topics
        self._sources, self._seed = sources, seed

    def labels(self, folder: Path, answers: Path) -> tuple[list[str], list[str], dict[str, Any]]:
        """Return the texts that got a topic, their topics, and the counts."""
        from gapless.scoring.topics import annotate

        sample = list(self._sample())
        answers.parent.mkdir(exist_ok=True)
        answered = annotate(
            sample,
            self._topics,
            annotator=self._annotator,
            answers_path=answers,
            labels_path=folder / "labels.jsonl",
        )
        pairs = [
            (document.text, topic)
            for document, topic in zip(sample, answered.topics, strict=True)
            if topic is not None
        ]
        return [text for text, _ in pairs], [topic for _, topic in pairs], answered.facts

    def _sample(self) -> Any:
        from gapless.scoring.topics import SampleDocument, draw_sample

        sizes = {source: int(stage.facts()["kept"]) for source, stage in self._sources.items()}
        drawn = draw_sample(sizes, self._annotator.documents, self._seed)
        for source, numbers in drawn.items():
            for number in numbers.tolist():
                found = read_document(self._sources[source].path, number, "id", "text")
                yield SampleDocument(id=found["id"], source=source, text=found["text"])
