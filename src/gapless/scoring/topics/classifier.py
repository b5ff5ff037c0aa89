"""A topic classifier: trained from labels into a folder, and read from it as a scorer.

topics.json               kind, topics, temperature of the confidence
classifier.safetensors    kind hashed: the weights
model.safetensors ...     kind encoder: a model folder of `transformers`
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.errors import DataError, RunError
from gapless.records.artifact import write_text
from gapless.scoring.topics.measures import (
    fit_temperature,
    measure,
    probabilities,
    split_labels,
)
from gapless.seeds import stream

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.scoring.encoders import Device
    from gapless.scoring.topics.encoder import EncoderClassifier
    from gapless.scoring.topics.hashed import HashedClassifier

_HEAD_FILE = "topics.json"
_VERSION = 1


def train_classifier(
    texts: Sequence[str],
    labels: Sequence[str],
    folder: Path,
    *,
    held_out: float,
    seed: int,
    encoder: Path | None = None,
    device: Device = "auto",
) -> dict[str, Any]:
    """Learn to label texts from labelled ones, fill ``folder``, and return the measurements.

    ``held_out`` of each topic's labels measure the classifier and set the temperature of its
    confidence (one number, so the measured confidence is hardly flattered); the others teach.
    ``encoder`` is a folder to fine-tune; without it words and word pairs are hashed.

    Raises:
        DataError: fewer than two topics have labels, or none has two.

    """
    assert len(texts) == len(labels)
    topics = sorted(set(labels))
    if len(topics) < 2 or len(labels) == len(topics):
        what = f"{len(labels)} labels of {len(topics)} topics cannot teach and measure a classifier"
        mend = "Label more documents: at least two topics, and several documents of each."
        raise DataError(what, where="labels", mend=mend)
    classes = np.array([topics.index(label) for label in labels], dtype=np.int64)
    teaching, held = split_labels(classes, held_out, stream(seed, "topic", "held_out"))
    learner = _train(
        [texts[i] for i in teaching], classes[teaching], len(topics), seed, encoder, device
    )
    logits, _ = learner.logits([texts[i] for i in held])
    temperature = fit_temperature(logits, classes[held])
    facts = {
        "labels": {topic: int((classes == i).sum()) for i, topic in enumerate(topics)},
        "temperature": temperature,
        **measure(probabilities(logits, temperature), classes[held], topics),
    }
    folder.mkdir(parents=True, exist_ok=True)
    head = {
        "version": _VERSION,
        "kind": learner.kind,
        "topics": topics,
        "temperature": temperature,
        "needs": learner.save(folder),
    }
    write_text(folder / _HEAD_FILE, json.dumps(head, indent=1, ensure_ascii=False) + "\n")
    return facts


def _train(
    texts: list[str],
    classes: np.ndarray,
    num_classes: int,
    seed: int,
    encoder: Path | None,
    device: Device,
) -> HashedClassifier | EncoderClassifier:
    if encoder is None:
        from gapless.scoring.topics.hashed import HashedClassifier

        return HashedClassifier.train(texts, classes, num_classes, seed=seed)
    from gapless.scoring.topics.encoder import EncoderClassifier

    return EncoderClassifier.train(
        texts, classes, num_classes, seed=seed, encoder=encoder, device=device
    )


class TopicScorer:
    """The topic of each text, and the classifier's calibrated probability of it."""

    def __init__(self, folder: Path, device: Device = "auto") -> None:
        """Load what `train_classifier` wrote.

        Raises:
            RunError: the folder holds no classifier, or one of another version.

        """
        head = _read_head(folder)
        self._topics = np.array(head["topics"], dtype=object)
        self._temperature = float(head["temperature"])
        self._classifier: HashedClassifier | EncoderClassifier
        if head["kind"] == "hashed":
            from gapless.scoring.topics.hashed import HashedClassifier
            from gapless.words import VERSION

            if head["needs"] != {"words_version": VERSION}:
                raise _unreadable(folder, "the classifier learned from other words")
            self._classifier = HashedClassifier.load(folder)
        else:
            from gapless.scoring.topics.encoder import EncoderClassifier

            self._classifier = EncoderClassifier.load(folder, device)

    def __call__(self, texts: pa.LargeStringArray) -> dict[str, pa.Array]:
        """Return a label and a probability per text; both null for a text without words."""
        import pyarrow as pa

        logits, says_something = self._classifier.logits(texts.to_pylist())
        chances = probabilities(logits, self._temperature)
        labels = self._topics[chances.argmax(axis=1)]
        return {
            "": pa.array(labels, type=pa.string(), mask=~says_something),
            "_confidence": pa.array(chances.max(axis=1), mask=~says_something),
        }


def _read_head(folder: Path) -> dict[str, Any]:
    try:
        head: dict[str, Any] = json.loads((folder / _HEAD_FILE).read_text(encoding="utf-8"))
        if head["version"] != _VERSION:
            raise _unreadable(folder, f"the classifier's version is {head['version']}")
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _unreadable(folder, "there is no topic classifier here") from error
    return head


def _unreadable(folder: Path, what: str) -> RunError:
    mend = f"Delete the folder {folder}; the next run trains it again."
    return RunError(what, where=str(folder), mend=mend)
