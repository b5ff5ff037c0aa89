"""A sample of documents, labelled with topics by a language model."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.errors import DataError
from gapless.records.artifact import write_text
from gapless.scoring.topics.answers import Answers, Reply, key_of
from gapless.scoring.topics.endpoint import ChatEndpoint, RefusedError, key_from
from gapless.scoring.topics.prompt import ask, read_answer
from gapless.seeds import stream

if TYPE_CHECKING:
    from gapless.recipe.scores import Annotator

_BLOCK = 1024
_MOST_REFUSALS_IN_A_ROW = 20


@dataclass(frozen=True)
class SampleDocument:
    """A document of the sample."""

    id: str
    source: str
    text: str


@dataclass(frozen=True)
class Annotation:
    """The topic of each document of the sample, None where none was found, and the counts."""

    topics: tuple[str | None, ...]
    facts: dict[str, Any]


def draw_sample(sizes: Mapping[str, int], num_documents: int, seed: int) -> dict[str, np.ndarray]:
    """Draw documents evenly over sources: their indices (int64, ascending) in each source.

    ``sizes`` counts the documents of each source. A source with fewer than its even part gives all
    of them and the others give more: the classifier is to know small sources as well as large ones.
    A larger sample of the same sources contains a smaller one, so growing it asks only what is new.
    """
    parts = _even_parts(sizes, num_documents)
    return {
        name: _draw(sizes[name], part, stream(seed, "topic", "sample", name))
        for name, part in parts.items()
    }


def _even_parts(sizes: Mapping[str, int], num_documents: int) -> dict[str, int]:
    parts: dict[str, int] = {}
    left = num_documents
    smallest_first = sorted(sizes, key=lambda name: (sizes[name], name))
    for index, name in enumerate(smallest_first):
        parts[name] = min(sizes[name], left // (len(smallest_first) - index))
        left -= parts[name]
    return {name: parts[name] for name in sizes}


def _draw(size: int, count: int, draws: np.random.Generator) -> np.ndarray:
    chosen: dict[int, None] = {}
    while len(chosen) < count:
        for index in draws.integers(size, size=_BLOCK).tolist():
            if len(chosen) < count:
                chosen.setdefault(index)
    return np.sort(np.fromiter(chosen, dtype=np.int64, count=count))


def annotate(
    documents: Sequence[SampleDocument],
    topics: Sequence[str],
    *,
    annotator: Annotator,
    answers_path: Path,
    labels_path: Path,
) -> Annotation:
    """Ask for the topic of each document and write ``labels.jsonl`` (id, source, topic).

    ``answers_path`` keeps every answer as it comes: a run that was stopped, or comes again, asks
    only what is missing. An answer that names no topic, or several, is rejected and counted, and
    so is a document that the endpoint would not answer about.

    Raises:
        DataError: the key is missing, the endpoint does not serve, or no document got a topic.

    """
    bodies = [_body(document.text, topics, annotator) for document in documents]
    keys = [key_of(body) for body in bodies]
    with Answers(answers_path) as answers:
        missing = {
            key: body for key, body in zip(keys, bodies, strict=True) if answers.get(key) is None
        }
        refused = _ask_all(missing, answers, annotator) if missing else {}
        replies = [answers.get(key) for key in keys]
    found = [_topic_of(reply, topics) for reply in replies]
    reasons = [why or refused.get(key, "") for (_, why), key in zip(found, keys, strict=True)]
    labelled = tuple(topic for topic, _ in found)
    facts = {
        "documents": len(documents),
        "asked": len(missing),
        "answered": sum(topic is not None for topic in labelled),
        "rejected": dict(sorted(Counter(filter(None, reasons)).items())),
        "by_topic": {topic: labelled.count(topic) for topic in topics},
        **_tokens({key: reply for key, reply in zip(keys, replies, strict=True) if reply}),
    }
    if documents and not facts["answered"]:
        what = f"no answer of {annotator.model} named a topic: {facts['rejected']}"
        mend = "Use a model that follows instructions, or give the score a file of labels."
        raise DataError(what, where=str(answers_path), mend=mend)
    _write_labels(labels_path, documents, labelled)
    return Annotation(labelled, facts)


def _body(text: str, topics: Sequence[str], annotator: Annotator) -> dict[str, Any]:
    prompt = ask(topics, text[: annotator.characters])
    return {
        "model": annotator.model,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "max_tokens": annotator.answer_tokens,
    }


def _ask_all(
    bodies: Mapping[str, dict[str, Any]], answers: Answers, annotator: Annotator
) -> dict[str, str]:
    """Ask every body and keep the answers; return the reason of those that got none."""
    endpoint = ChatEndpoint(
        annotator.url,
        key_from(annotator.key_from),
        concurrency=annotator.concurrency,
        timeout_s=annotator.timeout_s,
    )
    failing = _FailingStreak(endpoint.url)

    def ask_one(key: str) -> str:
        try:
            answers.put(key, endpoint.ask(bodies[key]))
        except RefusedError as refusal:
            failing.count(refusal.reason)
            return refusal.reason
        failing.end()
        return ""

    refused: dict[str, str] = {}
    with ThreadPoolExecutor(annotator.concurrency) as workers:
        asked = {workers.submit(ask_one, key): key for key in bodies}
        try:
            for done in as_completed(asked):
                reason = done.result()
                if reason:
                    refused[asked[done]] = reason
        finally:
            endpoint.stop()
            workers.shutdown(cancel_futures=True)
            endpoint.close()
    return refused


class _FailingStreak:
    """Ends the work when the endpoint answers nobody any more."""

    def __init__(self, url: str) -> None:
        self._url, self._length, self._lock = url, 0, threading.Lock()

    def count(self, reason: str) -> None:
        with self._lock:
            self._length += 1
            if self._length >= _MOST_REFUSALS_IN_A_ROW:
                raise DataError(
                    f"the endpoint refused {self._length} documents in a row, the last: {reason}",
                    where=self._url,
                    mend="Look at the server's own log. Answers so far are kept: run again.",
                )

    def end(self) -> None:
        with self._lock:
            self._length = 0


def _topic_of(reply: Reply | None, topics: Sequence[str]) -> tuple[str | None, str]:
    return (None, "") if reply is None else read_answer(reply.text, topics)


def _tokens(replies: Mapping[str, Reply]) -> dict[str, int | None]:
    """Sum the tokens of all answers used, also kept ones; None when the server counts none."""
    sums: dict[str, int | None] = {}
    for field in ("prompt_tokens", "completion_tokens"):
        counts = [getattr(reply, field) for reply in replies.values()]
        known = [count for count in counts if count is not None]
        sums[field] = sum(known) if known else None
    return sums


def _write_labels(
    path: Path, documents: Sequence[SampleDocument], topics: Sequence[str | None]
) -> None:
    rows = [
        {"id": document.id, "source": document.source, "topic": topic}
        for document, topic in zip(documents, topics, strict=True)
        if topic is not None
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
