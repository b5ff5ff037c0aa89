"""The stages of the data: documents, tokens, probe items."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gapless import assets
from gapless.errors import AssetError, DataError
from gapless.recipe import Recipe
from gapless.recipe.probes import BitsPerByte, MultipleChoice
from gapless.recipe.schema import Source
from gapless.records.fingerprint import FileHashes
from gapless.workflow.stage import Stage

DOCUMENTS, TOKENS, PROBES = "documents", "tokens", "probes"
_ASSET = "asset:"
_COMPRESSED = frozenset({".gz", ".zst", ".parquet"})
_EXPANSION = 3.2
"""Bytes of English text per compressed byte."""


def locate(path: str, recipe_dir: Path) -> Path:
    """Turn a path of the recipe into a place on this machine."""
    if not path.startswith(_ASSET):
        return recipe_dir / Path(path).expanduser()
    name = path.removeprefix(_ASSET)
    place = assets.locate(name)
    if place is None:
        raise AssetError(
            f"asset {name!r} is not here yet", mend=f"Run: gapless assets fetch {name}"
        )
    return place


def files_of(source: Source, recipe_dir: Path) -> list[Path]:
    """Return the files of a source, in order."""
    from gapless.corpus import source_files

    paths = [source.path] if isinstance(source.path, str) else list(source.path)
    return source_files([str(locate(path, recipe_dir)) for path in paths], recipe_dir)


def estimate_bytes(files: Iterable[Path]) -> int:
    """Return about how many bytes of text are in files that nobody has read yet."""
    return round(
        sum(
            path.stat().st_size * (_EXPANSION if path.suffix in _COMPRESSED else 1)
            for path in files
        )
    )


def documents_stage(
    name: str, source: Source, recipe: Recipe, *, files: list[Path], root: Path, hashes: FileHashes
) -> Stage:
    """Return the stage that reads, cleans and splits one source."""

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.corpus import prepare_documents

        try:
            return prepare_documents(source, recipe.cleaning, files, folder)
        except DataError as error:
            where = f"sources.{name}" + (f" ({error.where})" if error.where else "")
            raise DataError(error.what, where=where, mend=error.mend) from error

    return Stage(
        kind=DOCUMENTS,
        subject=name,
        version=1,
        root=root,
        part={
            "source": source.model_dump(mode="json", exclude={"path", "role"}),
            "cleaning": recipe.cleaning.model_dump(mode="json"),
            "files": [file.name for file in files],  # they are part of each document's origin
        },
        content={"files": hashes.of_files(files)},
        work=work,
    )


def tokens_stage(
    name: str, documents: Stage, *, tokenizer_dir: Path, root: Path, hashes: FileHashes
) -> Stage:
    """Return the stage that turns one source's documents into a token store."""
    from gapless.tokenization import files as tokenizer_files

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.tokenization import encode_documents, load_tokenizer

        return encode_documents(documents.path, folder, load_tokenizer(tokenizer_dir))

    return Stage(
        kind=TOKENS,
        subject=name,
        version=1,
        root=root,
        part={},
        inputs={"documents": documents},
        content={"tokenizer": hashes.of_files(tokenizer_files(tokenizer_dir))},
        work=work,
    )


def probes_stage(
    recipe: Recipe,
    documents: Mapping[str, Stage],
    *,
    recipe_dir: Path,
    root: Path,
    hashes: FileHashes,
) -> Stage:
    """Return the stage that fixes what every arm is measured on."""
    probes = recipe.probing.probes
    tasks = {p.name: _task_file(p, recipe_dir) for p in probes if isinstance(p, MultipleChoice)}
    held_out = {
        name: stage for name, stage in documents.items() if recipe.sources[name].held_out > 0
    }

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        return _write_probes(recipe, held_out, tasks, folder)

    return Stage(
        kind=PROBES,
        version=1,
        root=root,
        part={
            "seed": recipe.seed,
            "probes": [p.model_dump(mode="json", exclude={"path"}) for p in probes],
            "roles": {name: recipe.sources[name].role for name in held_out},
        },
        inputs={f"documents.{name}": stage for name, stage in held_out.items()},
        content={f"task.{name}": hashes.of_file(path) for name, path in tasks.items()},
        work=work,
    )


def _task_file(probe: MultipleChoice, recipe_dir: Path) -> Path:
    path = locate(probe.path, recipe_dir)
    if not path.is_file():
        raise DataError(
            "there is no such task file",
            where=f"probing.probes ({probe.name}): {path}",
            mend='Give a JSON Lines file of {"question": ..., "choices": [...], "answer": 0}.',
        )
    return path


def _write_probes(
    recipe: Recipe, documents: Mapping[str, Stage], tasks: Mapping[str, Path], folder: Path
) -> dict[str, Any]:
    from gapless import evaluation
    from gapless.records.documents import read_columns

    facts: dict[str, Any] = {}
    for probe in recipe.probing.probes:
        if isinstance(probe, BitsPerByte):
            for name, stage in documents.items():
                table = read_columns(stage.path, "work", "text", "held_out")
                kept = [i for i, held_out in enumerate(table["held_out"]) if held_out]
                texts = evaluation.build_bits_per_byte_items(
                    [table["work"][i] for i in kept],
                    [table["text"][i] for i in kept],
                    probe=probe,
                    source=name,
                    seed=recipe.seed,
                )
                items = evaluation.ProbeItems(
                    name=name,
                    role=recipe.sources[name].role,
                    kind="bits_per_byte",
                    items=tuple(texts),
                )
                evaluation.write_probe(folder, items)
                facts[name] = {"items": len(texts), "bytes": sum(len(t.encode()) for t in texts)}
        else:
            questions = evaluation.read_questions(tasks[probe.name])
            evaluation.write_probe(
                folder,
                evaluation.ProbeItems(
                    name=probe.name, role=probe.role, kind="multiple_choice", items=questions
                ),
            )
            facts[probe.name] = {"items": len(questions)}
    return facts
