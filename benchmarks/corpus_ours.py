"""Our sides of the comparisons. Each starts from the same files as its peer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.recipe.cleanings import Cleaning

Facts = Callable[[], dict[str, Any]]

CLEANERS: tuple[dict[str, Any], ...] = (
    {"type": "gopher_quality"},
    {"type": "gopher_repetition"},
    {"type": "c4", "min_words_per_line": 5, "min_sentences": 3},
    {"type": "fineweb", "max_duplicate_line_character_fraction": 0.1},
)
"""What is spelt out is where datatrove's own defaults are others; `corpus_peers` sets it too."""


def cleaning(cleaners: Iterable[dict[str, Any]] = ()) -> Cleaning:
    """Return the cleaning that has these cleaners, and no other check a text could fail."""
    from gapless.recipe.cleanings import Cleaning

    checks = {"min_characters": 1, "max_broken_fraction": 1.0}
    return Cleaning.model_validate(checks | {"cleaners": list(cleaners)})


def batches(files: list[Path]) -> Iterator[pa.RecordBatch]:
    """Read JSON Lines as a source's stage does."""
    from gapless.corpus.readers import read_rows
    from gapless.corpus.rows import Columns

    columns = Columns("text", "id", ())
    for file in files:
        yield from read_rows(file, columns)


def lines(files: list[Path]) -> Iterator[pa.LargeStringArray]:
    """Read normalised text, a document a line."""
    import pyarrow as pa

    for file in files:
        with file.open("rb") as text:
            while block := text.readlines(1 << 20):
                joined = pa.array([line[:-1] for line in block], pa.large_binary())
                yield joined.cast(pa.large_string())


def near_dedup(files: list[Path], out: Path, _: dict[str, Any]) -> Facts:
    """JSON Lines to documents, ids and signatures, and the removals on disk."""
    from gapless.corpus import find_duplicates, mark_part, parts_of, prepare_part
    from gapless.recipe.cleanings import Deduplication, NearDuplicates
    from gapless.recipe.schema import Source
    from gapless.records import documents

    source = Source(role="domain", path="text", id="id", held_out=0)
    spec = Deduplication(exact=False, near=NearDuplicates())
    folder, marks = out / "documents", out / "marks"
    folder.mkdir()
    marks.mkdir()
    for number, part in enumerate(parts_of(files)):
        prepare_part(source, cleaning(), part, folder, number)
    parts = documents.parts(folder)
    for part in parts:
        mark_part(part, marks, spec.near)
    removed = find_duplicates({"text": parts}, marks, spec)["text"]
    removed.write(out, "text")
    return lambda: {"removed": len(removed.documents)}


def near_copies(files: list[Path], _out: Path, _: dict[str, Any]) -> Facts:
    """JSON Lines to signatures and to rows that go, all in memory."""
    from gapless.corpus.near_copies import near_copies as find
    from gapless.corpus.signatures import signatures
    from gapless.recipe.cleanings import NearDuplicates

    spec = NearDuplicates()
    hashes = spec.bands * spec.rows
    rows = [signatures(b.column("text"), ngram=spec.ngram, hashes=hashes) for b in batches(files)]
    copies = find(np.concatenate(rows), spec)
    return lambda: {"removed": int(np.count_nonzero(copies.copy_of >= 0))}


def cleaners(files: list[Path], out: Path, _: dict[str, Any]) -> Facts:
    """JSON Lines to a verdict for each document; nothing is written."""
    from gapless.corpus.cleaning import CleaningLine

    line = CleaningLine(cleaning(CLEANERS))
    verdicts = []
    for rows in batches(files):
        _, reasons = line.cleaned(rows.column("text"), rows.column("problem"))
        verdicts.append(reasons.is_null().to_numpy(zero_copy_only=False))
    kept = np.concatenate(verdicts)
    (out / "kept").write_bytes(kept.astype(np.uint8).tobytes())
    return lambda: {"kept": int(kept.sum()), "verdicts": str(out / "kept")}


@cache
def _scorer(folder: str) -> Any:
    from gapless.scoring.ngram import NgramScorer

    return NgramScorer(Path(folder))


def ngram_score(files: list[Path], _out: Path, settings: dict[str, Any]) -> Facts:
    """JSON Lines to perplexities, normalising the text on the way."""
    scorer = _scorer(settings["model"])
    scores = [scorer(rows.column("text"))[""].to_numpy() for rows in batches(files)]

    def facts() -> dict[str, Any]:
        return {"mean_log10_perplexity": float(np.nanmean(np.log10(np.concatenate(scores))))}

    return facts


def ngram_train(files: list[Path], out: Path, settings: dict[str, Any]) -> Facts:
    """Normalised text to an ARPA file, by our own trainer."""
    from gapless.scoring.ngram.trainer import pruning, train_with_duckdb

    told = train_with_duckdb(
        lines(files),
        out / "model.arpa",
        thresholds=pruning(settings["order"], tuple(settings["prune"])),
        memory_bytes=settings["memory_bytes"],
        scratch=out,
    )
    return lambda: {"ngrams": told["ngrams"]}


@cache
def _tokenizer(folder: str) -> Any:
    from gapless.tokenization import load_tokenizer

    return load_tokenizer(Path(folder))


def tokenise(files: list[Path], out: Path, settings: dict[str, Any]) -> Facts:
    """JSON Lines to a token store."""
    from gapless.tokenization import encode_batches

    def documents() -> Iterator[tuple[pa.LargeStringArray, np.ndarray]]:
        for rows in batches(files):
            yield rows.column("text"), np.zeros(len(rows), np.bool_)

    told = encode_batches(documents, out, _tokenizer(settings["tokenizer"]))

    def facts() -> dict[str, Any]:
        with (out / "tokens.bin").open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"tokens": told["tokens"], "sha256": digest, "encoder": told["encoder"]}

    return facts


def whole_way(files: list[Path], out: Path, settings: dict[str, Any]) -> Facts:
    """`gapless run RECIPE --until tokens`: files are hashed, and everything is fingerprinted too.

    Copies are tokenised as well (they are left out later), so the store has more than the peer's.
    """
    from gapless import run
    from gapless.records.artifact import write_text
    from gapless.workflow.run_folder import RunFolder

    recipe = {
        "name": "whole",
        "model": {"type": "pretrained", "path": settings["tokenizer"]},
        "sources": {
            "text": {
                "role": "domain",
                "path": [str(file) for file in files],
                "id": "id",
            }
        },
        "cleaning": cleaning(CLEANERS).model_dump(mode="json"),
        "deduplication": {"exact": False, "near": {}},
        "decontamination": None,
    }
    write_text(out / "recipe.yaml", json.dumps(recipe))
    run(out / "recipe.yaml", run_dir=out / "run", until="tokens", allow_contamination=True)

    def facts() -> dict[str, Any]:
        stages = RunFolder(out / "run").stages()
        documents = stages["documents.text"].manifest().facts
        removed = stages["duplicates"].manifest().facts["removed"]["text"]
        tokens = stages["tokens.text"].manifest().facts["tokens"]
        return {
            "kept": documents["kept"] - sum(removed.values()),
            "near copies": sum(removed.values()),
            "tokens": tokens,
        }

    return facts


def normal_text(files: list[Path], out: Path, _: dict[str, Any]) -> Facts:
    """Make what the n-gram comparisons start from: normalised text, a document a line."""
    from gapless.words import normalise

    with (out / "normal.txt").open("wb") as file:
        for rows in batches(files):
            texts = normalise(rows.column("text")).to_pylist()
            file.write("".join(f"{text}\n" for text in texts if text).encode())
    return lambda: {"bytes": (out / "normal.txt").stat().st_size}


def ngram_model(files: list[Path], out: Path, settings: dict[str, Any]) -> Facts:
    """Make the model that both sides score with, from the beginning of the normalised text."""
    from gapless.scoring.ngram import train

    def beginning() -> Iterator[pa.LargeStringArray]:
        left = settings["model_bytes"]
        for texts in lines(files):
            if left <= 0:
                return
            left -= texts.nbytes
            yield texts

    told = train(
        beginning(),
        out,
        order=settings["order"],
        prune=tuple(settings["prune"]),
        memory_bytes=settings["memory_bytes"],
        scratch=out / "scratch",
    )
    return lambda: {"trainer": told["trainer"], "binary": told["binary"]}


SIDES = {
    "near_dedup": near_dedup,
    "near_copies": near_copies,
    "cleaners": cleaners,
    "ngram_score": ngram_score,
    "ngram_train": ngram_train,
    "tokenise": tokenise,
    "whole_way": whole_way,
    "normal_text": normal_text,
    "ngram_model": ngram_model,
}
