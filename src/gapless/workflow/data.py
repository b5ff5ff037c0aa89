"""The stages of the data: documents, tokens, probe items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.errors import DataError
from gapless.recipe import Recipe
from gapless.recipe.cleanings import Cleaning, Paragraphs
from gapless.recipe.probes import BitsPerByte, MultipleChoice
from gapless.recipe.schema import Source
from gapless.records.documents import parts as document_parts
from gapless.records.fingerprint import FileHashes, of_value
from gapless.records.removals import Removals
from gapless.workflow.stage import Stage, Workplace, locate, told_at

if TYPE_CHECKING:
    from gapless.corpus import SourceFile

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
    files: list[SourceFile],
    place: Workplace,
    paragraphs: Paragraphs | None,
) -> Stage:
    """Return the stage that reads, cleans and splits one source."""

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.corpus import add_up, parts_of, prepare_distinct, prepare_part
        from gapless.corpus.cleaning import added_up

        stretches = parts_of(files)
        each = partial(place.engine.map, num_bytes=estimate_bytes(files))
        with told_at(f"sources.{name}"):
            if paragraphs is None:
                tasks = [
                    (source, cleaning, p, folder, number) for number, p in enumerate(stretches)
                ]
                return add_up(each(prepare_part, tasks), cleaning)
            parts = prepare_distinct(
                source, cleaning, stretches, folder, spec=paragraphs, each=each
            )
            return add_up(parts, cleaning) | added_up([part["paragraphs"] for part in parts])

    return Stage(
        kind=DOCUMENTS,
        subject=name,
        version=2,
        root=place.root,
        part={
            "source": source.model_dump(mode="json", exclude={"path", "role"}),
            "cleaning": cleaning.model_dump(mode="json"),
            "files": [file.name for file in files],  # they are part of each document's origin
        }
        | ({"paragraphs": paragraphs.model_dump(mode="json")} if paragraphs else {}),
        content={"files": _content(files, place.hashes)},
        work=work,
        resumable=True,
    )


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


def tokens_stage(name: str, documents: Stage, *, tokenizer_dir: Path, place: Workplace) -> Stage:
    """Return the stage that turns one source's documents into a token store.

    Copies and contaminated documents are in it too: what is left out of training changes with the
    other sources and the probes, and must not cost another pass over the text.
    """
    from gapless.tokenization import files as tokenizer_files

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.tokenization import encode_documents, load_tokenizer

        return encode_documents(documents.path, folder, load_tokenizer(tokenizer_dir))

    return Stage(
        kind=TOKENS,
        subject=name,
        version=2,
        root=place.root,
        part={},
        inputs={"documents": documents},
        content={"tokenizer": place.hashes.of_files(tokenizer_files(tokenizer_dir))},
        work=work,
    )


def probes_stage(
    recipe: Recipe, documents: Mapping[str, Stage], duplicates: Stage, place: Workplace
) -> Stage:
    """Return the stage that fixes what every arm is measured on."""
    probes = recipe.probing.probes
    tasks = {p.name: _task_file(p, place) for p in probes if isinstance(p, MultipleChoice)}
    held_out = {
        name: stage for name, stage in documents.items() if recipe.sources[name].held_out > 0
    }

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        longest = max([p.max_document_bytes for p in probes if isinstance(p, BitsPerByte)] or [0])
        texts = {
            name: _held_out_texts(name, stage, duplicates, longest=longest)
            for name, stage in held_out.items()
        }
        return _write_probes(recipe, texts, tasks, folder)

    return Stage(
        kind=PROBES,
        version=2,
        root=place.root,
        part={
            "seed": recipe.seed,
            "probes": [p.model_dump(mode="json", exclude={"path"}) for p in probes],
            "roles": {name: recipe.sources[name].role for name in held_out},
        },
        inputs={f"documents.{name}": stage for name, stage in held_out.items()}
        | {"duplicates": duplicates},
        content={f"task.{name}": place.hashes.of_file(path) for name, path in tasks.items()},
        work=work,
    )


def _held_out_texts(
    name: str, documents: Stage, duplicates: Stage, *, longest: int
) -> tuple[list[str], list[str]]:
    """Return works and beginnings of the held-out documents of a source, without the copies."""
    import pyarrow.compute as pc

    from gapless.records.documents import batches

    stays = Removals.read(duplicates.path, name).stays(documents.facts()["kept"])
    works, texts, first = [], [], 0
    for part in document_parts(documents.path):
        for rows in batches(part, ["work", "text", "held_out"]):
            wanted = rows.column("held_out").to_numpy(zero_copy_only=False)
            chosen = rows.filter(wanted & stays[first : first + len(rows)])
            works += chosen.column("work").to_pylist()
            texts += pc.utf8_slice_codeunits(chosen.column("text"), 0, longest).to_pylist()
            first += len(rows)
    return works, texts


def _task_file(probe: MultipleChoice, place: Workplace) -> Path:
    path = locate(probe.path, place.recipe_dir)
    if not path.is_file():
        raise DataError(
            "there is no such task file",
            where=f"probing.probes ({probe.name}): {path}",
            mend='Give a JSON Lines file of {"question": ..., "choices": [...], "answer": 0}.',
        )
    return path


def _write_probes(
    recipe: Recipe,
    held_out: Mapping[str, tuple[list[str], list[str]]],
    tasks: Mapping[str, Path],
    folder: Path,
) -> dict[str, Any]:
    from gapless import evaluation

    facts: dict[str, Any] = {}
    for probe in recipe.probing.probes:
        if isinstance(probe, BitsPerByte):
            for name, (works, texts) in held_out.items():
                items = evaluation.build_bits_per_byte_items(
                    works, texts, probe=probe, source=name, seed=recipe.seed
                )
                role = recipe.sources[name].role
                kept = evaluation.ProbeItems(
                    name=name, role=role, kind="bits_per_byte", items=tuple(items)
                )
                evaluation.write_probe(folder, kept)
                facts[name] = {"items": len(items), "bytes": sum(len(t.encode()) for t in items)}
        else:
            questions = evaluation.read_questions(tasks[probe.name])
            kept = evaluation.ProbeItems(
                name=probe.name, role=probe.role, kind="multiple_choice", items=questions
            )
            evaluation.write_probe(folder, kept)
            facts[probe.name] = {"items": len(questions)}
    return facts
