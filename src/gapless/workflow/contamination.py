"""The stage that keeps evaluation items out of the training text."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.recipe import Recipe
from gapless.recipe.cleanings import Decontamination
from gapless.records.documents import first_documents
from gapless.records.documents import parts as document_parts
from gapless.records.removals import Removals
from gapless.workflow.stage import Stage, Workplace, words_version

if TYPE_CHECKING:
    from gapless.evaluation import ProbeItems

CONTAMINATION = "contamination"
ITEM, ANSWER, HELD_OUT = "evaluation_item", "evaluation_answer", "held_out_text"
_FEW_DOCUMENTS = 10
"""A phrase that no more documents have is never a set phrase, however small the corpus."""
_FEW_WORDS = 5
"""A question of fewer words is looked for together with its answer: alone it is a set phrase."""


def contamination_stage(
    recipe: Recipe, documents: Mapping[str, Stage], probes: Stage, place: Workplace
) -> Stage | None:
    """Return the stage that finds the documents which hold an item of a probe."""
    spec = recipe.decontamination
    if spec is None:
        return None

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.corpus.contamination import ItemIndex, count_in_part, hits_in_part

        wanted = list(_wanted(probes.path, spec))
        index = folder / "index.npz"
        known = ItemIndex.of([item for _, _, item in wanted], spec.ngram)
        known.save(index)
        parts = {name: document_parts(stage.path) for name, stage in documents.items()}
        tasks = [(part, index) for every in parts.values() for part in every]
        each = partial(
            place.engine.map,
            num_bytes=sum(int(stage.facts()["bytes"]) for stage in documents.values()),
        )
        counts = iter(each(count_in_part, tasks))
        common = [np.zeros(len(hashes), np.bool_) for hashes in known.hashes]
        for name, stage in documents.items():
            limit = max(_FEW_DOCUMENTS, int(spec.set_phrase * stage.facts()["kept"]))
            own = [sum(length) for length in zip(*(next(counts) for _ in parts[name]), strict=True)]
            common = [was | (count > limit) for was, count in zip(common, own, strict=True)]
        known.without_set_phrases(common).save(index)
        hits = iter(each(hits_in_part, tasks))
        index.unlink()
        removed = {}
        for name, stage in documents.items():
            firsts = first_documents(stage.path)
            own = [(first, next(hits)) for first in firsts[:-1].tolist()]
            removals = _removals(own, wanted)
            removals.write(folder, name)
            removed[name] = removals.counts()
        return {"items": len(wanted), "removed": removed}

    return Stage(
        kind=CONTAMINATION,
        version=3,
        root=place.root,
        part={**spec.model_dump(mode="json"), "words": words_version()},
        inputs={f"documents.{name}": stage for name, stage in documents.items()}
        | {"probes": probes},
        work=work,
    )


def _wanted(probes: Path, spec: Decontamination) -> Iterator[tuple[str, str, Any]]:
    """Give what is looked for: the reason, ``probe:number`` of the item, the text."""
    from gapless.corpus.contamination import Item
    from gapless.evaluation import read_probes
    from gapless.evaluation.harness import read_harness

    for probe in read_probes(probes):
        if probe.kind in {"bits_per_byte", "perplexity"}:
            for number, text in enumerate(probe.texts):
                yield HELD_OUT, f"{probe.name}:{number}", Item(text, spec.held_out_fraction)
            continue
        for number, (question, answers) in enumerate(_questions(probe)):
            name, long = f"{probe.name}:{number}", spec
            if probe.task is not None and probe.task.labels:  # a label is no item's own words
                long = spec.model_copy(update={"options": False})
            yield from _wanted_of(name, question, answers, long)
    for task in read_harness(probes):
        for number, (question, answer) in enumerate(task.items):
            yield from _wanted_of(f"{task.probe}:{number}", question, (answer,), spec)


def _questions(probe: "ProbeItems") -> Iterator[tuple[str, Sequence[str]]]:
    """Give the words of each item, without those of its task, and what is right."""
    if probe.kind == "task":
        yield from ((item.text, item.answers) for item in probe.task_items)
    else:
        yield from ((each.question, (each.choices[each.answer],)) for each in probe.questions)


def _wanted_of(
    name: str, question: str, answers: Sequence[str], spec: Decontamination
) -> Iterator[tuple[str, str, Any]]:
    from gapless.corpus.contamination import Item, num_words

    few = num_words(question) < _FEW_WORDS
    text = f"{question} {answers[0]}" if few else question
    yield ITEM, name, Item(text, 0.0, whole=few)
    for answer in answers:
        if spec.options and num_words(answer) >= spec.min_option_words:
            yield ANSWER, name, Item(answer, 0.0, whole=True)


def _removals(
    hits: Sequence[tuple[int, tuple[np.ndarray, np.ndarray, np.ndarray]]],
    wanted: Sequence[tuple[str, str, Any]],
) -> Removals:
    """Turn the hits of a source's parts into its removals."""
    documents = np.concatenate([first + found[0] for first, found in hits])
    items = np.concatenate([found[1] for _, found in hits]).tolist()
    return Removals(
        documents=documents.astype(np.int64),
        reasons=[wanted[item][0] for item in items],
        by=[wanted[item][1] for item in items],
        similarity=np.concatenate([found[2] for _, found in hits]).astype(np.float32),
    )
