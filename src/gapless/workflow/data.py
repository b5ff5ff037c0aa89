"""The stages of the data: documents, tokens, probe items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.errors import DataError
from gapless.recipe import Recipe
from gapless.recipe.chats import Chat
from gapless.recipe.cleanings import Cleaning, Paragraphs
from gapless.recipe.probes import (
    BitsPerByte,
    Harness,
    MultipleChoice,
    Perplexity,
    Task,
    TaskSuite,
)
from gapless.recipe.schema import Source
from gapless.records.documents import parts as document_parts
from gapless.records.fingerprint import FileHashes, of_value
from gapless.records.removals import Removals
from gapless.records.scores import read_scores
from gapless.workflow.chats import chat_template_of, encode_chats
from gapless.workflow.harness import harness_content, keep_harness
from gapless.workflow.stage import NOT_THERE, Stage, Workplace, locate, told_at, words_version
from gapless.workflow.synthesis import WRITTEN
from gapless.workflow.tasks import read_tasks

if TYPE_CHECKING:
    from gapless.corpus import SourceFile
    from gapless.evaluation import ProbeItems

DOCUMENTS, DUPLICATES, TOKENS, PROBES = "documents", "duplicates", "tokens", "probes"
_COMPRESSED = frozenset({".gz", ".zst", ".parquet"})
_EXPANSION = 3.2
"""Bytes of English text per compressed byte."""


def files_of(source: Source, place: Workplace) -> list[SourceFile]:
    """Return the files of a source, in order."""
    from gapless.corpus import source_files

    paths = [source.path] if isinstance(source.path, str) else list(source.path)
    located = [path if "://" in path else str(locate(path, place.recipe_dir)) for path in paths]
    return source_files(located, place.recipe_dir)


def estimate_bytes(files: Iterable[SourceFile]) -> int:
    """Return about how many bytes of text are in files that nobody has read yet."""
    from gapless.corpus import size_of

    return round(
        sum(size_of(file) * (_EXPANSION if file.suffix in _COMPRESSED else 1) for file in files)
    )


def _content(files: Iterable[SourceFile], hashes: FileHashes) -> str:
    """Return the fingerprint of files; one elsewhere is known by its address and size alone."""
    return of_value([hashes.of_file(f) if isinstance(f, Path) else [f.url, f.size] for f in files])


def documents_stage(
    name: str,
    source: Source,
    cleaning: Cleaning,
    *,
    files: list[SourceFile] | Stage,
    place: Workplace,
    paragraphs: Paragraphs | None,
) -> Stage:
    """Return the stage that reads, cleans and splits one source: files, or what a model writes.

    Conversations keep the paragraphs that stood in others: without them, they would be others.
    """
    distinct = paragraphs if source.chat is None else None

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.corpus import add_up, parts_of, prepare_distinct, prepare_part
        from gapless.corpus.cleaning import added_up

        found = [files.path / WRITTEN] if isinstance(files, Stage) else files
        stretches = parts_of(found)
        each = partial(place.engine.map, num_bytes=estimate_bytes(found))
        with told_at(f"sources.{name}"):
            if distinct is None:
                tasks = [
                    (source, cleaning, p, folder, number) for number, p in enumerate(stretches)
                ]
                return add_up(each(prepare_part, tasks), cleaning)
            parts = prepare_distinct(source, cleaning, stretches, folder, spec=distinct, each=each)
            return add_up(parts, cleaning) | added_up([part["paragraphs"] for part in parts])

    return Stage(
        kind=DOCUMENTS,
        subject=name,
        version=2,
        root=place.root,
        part={
            "source": _reading(source),
            "cleaning": cleaning.model_dump(mode="json"),
            # Their names are part of each document's origin.
            "files": [WRITTEN] if isinstance(files, Stage) else [file.name for file in files],
        }
        | ({"paragraphs": distinct.model_dump(mode="json")} if distinct else {}),
        inputs={"synthesis": files} if isinstance(files, Stage) else {},
        content={} if isinstance(files, Stage) else {"files": _content(files, place.hashes)},
        work=work,
        resumable=True,
    )


def _reading(source: Source) -> dict[str, Any]:
    """Return what the recipe says of how a source's files become documents."""
    unread: dict[str, Any] = {"path": True, "role": True, "assumed_tokens": True}
    unread["chat"] = {"learn", "template"} if source.chat else True
    return source.model_dump(mode="json", exclude=unread)


def duplicates_stage(recipe: Recipe, documents: Mapping[str, Stage], place: Workplace) -> Stage:
    """Return the stage that finds the copies among all sources that are trained on."""
    spec = recipe.deduplication

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        import shutil

        from gapless.corpus.duplicates import find_duplicates, mark_part

        marks = folder / "marks"
        marks.mkdir()
        parts = {name: document_parts(stage.path) for name, stage in documents.items()}
        tasks = [(part, marks, spec.near) for every in parts.values() for part in every]
        place.engine.map(mark_part, tasks, num_bytes=_text_bytes(documents.values()))
        removals = find_duplicates(parts, marks, spec)
        shutil.rmtree(marks)
        for name, removed in removals.items():
            removed.write(folder, name)
        return {"removed": {name: removed.counts() for name, removed in removals.items()}}

    return Stage(
        kind=DUPLICATES,
        version=1,
        root=place.root,
        part={
            "deduplication": spec.model_dump(mode="json", exclude={"paragraphs"}),
            "sources": list(documents),
            "version": _near_version() if spec.near else None,
        },
        inputs={f"documents.{name}": stage for name, stage in documents.items()},
        work=work,
    )


def _near_version() -> str:
    """Return what near copies are known by: the words, and their signatures."""
    from gapless.corpus.signatures import VERSION
    from gapless.words import VERSION as WORDS

    return f"{WORDS}.{VERSION}"


def _text_bytes(documents: Iterable[Stage]) -> int:
    return sum(int(stage.facts()["bytes"]) for stage in documents)


def tokens_stage(
    name: str, documents: Stage, *, chat: Chat | None, tokenizer_dir: Path | None, place: Workplace
) -> Stage:
    """Return the stage that turns one source's documents into a token store.

    Without a tokenizer there is only something to plan with.

    Copies and contaminated documents are in it too: what is left out of training changes with the
    other sources and the probes, and must not cost another pass over the text.
    """
    from gapless.tokenization import files as tokenizer_files

    content, template = {"tokenizer": NOT_THERE}, None
    if tokenizer_dir is not None:
        content["tokenizer"] = place.hashes.of_files(tokenizer_files(tokenizer_dir))
    if chat is not None and tokenizer_dir is not None:
        template = chat_template_of(name, chat, tokenizer_dir=tokenizer_dir, place=place)
        content |= {} if template is None else {"template": place.hashes.of_file(template)}

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.tokenization import encode_documents, load_tokenizer

        assert tokenizer_dir is not None, "only plans go on without"
        tokenizer = load_tokenizer(tokenizer_dir)
        if chat is None:
            return encode_documents(documents.path, folder, tokenizer)
        return encode_chats(
            name, chat, documents.path, folder, tokenizer=tokenizer, template=template
        )

    return Stage(
        kind=TOKENS,
        subject=name,
        version=2,
        root=place.root,
        part={} if chat is None else {"learn": chat.learn},
        inputs={"documents": documents},
        content=content,
        work=work,
    )


def probes_stage(
    recipe: Recipe,
    documents: Mapping[str, Stage],
    duplicates: Stage,
    scores: Mapping[tuple[str, str], Stage],
    place: Workplace,
) -> Stage:
    """Return the stage that fixes what every arm is measured on.

    It stands on those of the ``scores`` (score and source to stage) whose labels a probe goes by.
    """
    probes = recipe.probing.probes
    exams = {p.name: _exam_file(p, place) for p in probes if isinstance(p, MultipleChoice)}
    tasks = read_tasks(recipe, place)
    held_out = {
        name: stage for name, stage in documents.items() if recipe.sources[name].held_out > 0
    }
    columns = {p.by for p in probes if isinstance(p, Perplexity)}
    labels: dict[tuple[str | None, str], Stage] = {
        (score, name): stage
        for (score, name), stage in scores.items()
        if score in columns and name in held_out
    }

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.evaluation import write_probe

        cut = [p.max_document_bytes for p in probes if isinstance(p, BitsPerByte | Perplexity)]
        found = {
            name: _HeldOut.read(name, stage, duplicates, longest=max(cut, default=0))
            for name, stage in held_out.items()
        }
        facts: dict[str, Any] = {}
        for probe in (*_probe_items(recipe, found, labels, exams), *tasks.values()):
            write_probe(folder, probe)
            facts[probe.name] = {"items": len(probe.items)}
            if probe.kind in {"bits_per_byte", "perplexity"}:
                facts[probe.name]["bytes"] = sum(len(text.encode()) for text in probe.texts)
        return facts | keep_harness(recipe, place.recipe_dir, folder, taken=facts)

    return Stage(
        kind=PROBES,
        version=2,
        root=place.root,
        part={
            "seed": recipe.seed,
            "probes": [
                p.model_dump(mode="json", exclude={"path", "paths", "every"}) for p in probes
            ],
            "roles": {name: recipe.sources[name].role for name in held_out},
        }
        | ({"words": words_version()} if tasks else {}),
        inputs={f"documents.{name}": stage for name, stage in held_out.items()}
        | {"duplicates": duplicates}
        | {stage.label: stage for stage in labels.values()},
        content={f"task.{name}": place.hashes.of_file(path) for name, path in exams.items()}
        | {f"task.{name}": task.fingerprint for name, task in tasks.items()}
        | harness_content(recipe, place.recipe_dir, place.hashes),
        work=work,
    )


@dataclass(frozen=True)
class _HeldOut:
    """The held-out documents of a source without the copies, and which documents are no copies."""

    works: list[str]
    texts: list[str]
    """Their beginnings."""
    documents: np.ndarray
    """Their numbers in the source: int64."""
    stays: np.ndarray
    """bool, over all documents of the source."""

    @classmethod
    def read(cls, name: str, documents: Stage, duplicates: Stage, *, longest: int) -> _HeldOut:
        """Read the held-out documents, ``longest`` characters of each."""
        import pyarrow.compute as pc

        from gapless.records.documents import batches

        stays = Removals.read(duplicates.path, name).stays(documents.facts()["kept"])
        works, texts, first = [], [], 0
        numbers = [np.zeros(0, np.int64)]
        for part in document_parts(documents.path):
            for rows in batches(part, ["work", "text", "held_out"]):
                wanted = rows.column("held_out").to_numpy(zero_copy_only=False)
                wanted = wanted & stays[first : first + len(rows)]
                chosen = rows.filter(wanted)
                works += chosen.column("work").to_pylist()
                texts += pc.utf8_slice_codeunits(chosen.column("text"), 0, longest).to_pylist()
                numbers.append(first + np.flatnonzero(wanted))
                first += len(rows)
        return cls(works, texts, np.concatenate(numbers), stays)


def _exam_file(probe: MultipleChoice, place: Workplace) -> Path:
    path = locate(probe.path, place.recipe_dir)
    if not path.is_file():
        raise DataError(
            "there is no such task file",
            where=f"probing.probes ({probe.name}): {path}",
            mend='Give a JSON Lines file of {"question": ..., "choices": [...], "answer": 0}.',
        )
    return path


def _probe_items(
    recipe: Recipe,
    held_out: Mapping[str, _HeldOut],
    labels: Mapping[tuple[str | None, str], Stage],
    exams: Mapping[str, Path],
) -> Iterator[ProbeItems]:
    """Give what every probe but the tasks asks; ``labels`` are of column and source."""
    from gapless.evaluation import ProbeItems, read_questions

    whole: set[str] = set()
    for probe in recipe.probing.probes:
        if isinstance(probe, MultipleChoice):
            questions = read_questions(exams[probe.name])
            yield ProbeItems(name=probe.name, role=probe.role, kind=probe.type, items=questions)
            continue
        if isinstance(probe, Task | TaskSuite | Harness):
            continue
        for source, found in held_out.items():
            column = None
            if isinstance(probe, Perplexity):
                column = labels.get((probe.by, source))
                if column is None and source in whole:
                    continue  # a probe before this one found no labels of it either
                if column is None:
                    whole.add(source)
            role = recipe.sources[source].role
            for name, texts in _texts(probe, source, found, column, recipe.seed).items():
                yield ProbeItems(name=name, role=role, kind=probe.type, items=tuple(texts))


def _texts(
    probe: BitsPerByte | Perplexity, source: str, found: _HeldOut, column: Stage | None, seed: int
) -> dict[str, list[str]]:
    """Return the texts to measure of a source, by the name of their measurements.

    A label counts as the source's when a document has it that is no copy. Whether such documents
    hold evaluation items is not known yet: these are looked for when the probes are settled.
    """
    from gapless.evaluation import build_bits_per_byte_items, build_perplexity_items

    works, texts = found.works, found.texts
    if isinstance(probe, BitsPerByte):
        own = build_bits_per_byte_items(works, texts, probe=probe, source=source, seed=seed)
        return {source: own}
    if column is None:
        return build_perplexity_items(works, texts, None, probe=probe, source=source, seed=seed)
    labels = read_scores(column.path)
    return build_perplexity_items(
        works,
        texts,
        labels[found.documents].tolist(),
        known=set(labels[found.stays].tolist()) - {None},
        probe=probe,
        source=source,
        seed=seed,
    )
