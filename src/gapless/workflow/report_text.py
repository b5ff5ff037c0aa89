"""What the report says of the text: the sources, and every document that was removed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gapless.corpus.duplicates import DUPLICATE, NEAR_DUPLICATE
from gapless.recipe import Recipe
from gapless.records.artifact import ArtifactFolder
from gapless.records.documents import (
    BEGINNING_CHARACTERS,
    REMOVED,
    batches,
    parts,
    read_document,
)
from gapless.records.removals import Removals
from gapless.records.token_store import TokenStore
from gapless.report import RemovalContent, RemovedExample, SourceContent
from gapless.workflow.contamination import CONTAMINATION
from gapless.workflow.data import DOCUMENTS, DUPLICATES, TOKENS

_EXAMPLES = 3


def source_content(
    name: str, recipe: Recipe, stages: Mapping[str, ArtifactFolder]
) -> SourceContent:
    """Return what became of a source's documents."""
    source, facts = recipe.sources[name], stages[f"{DOCUMENTS}.{name}"].manifest().facts
    paths = [source.path] if isinstance(source.path, str) else list(source.path)
    fates: dict[str, Any] = {
        "copies": 0,
        "held_out_documents": 0,
        "contaminated": None,
        "eligible": facts["kept"],
    }
    tokens = None
    if name in recipe.trained_sources:
        fates, tokens = _fates(name, stages)
    return SourceContent(
        name=name,
        role=source.role,
        read=facts["read"],
        removed=sum(facts["removed"].values()),
        tokens=tokens,
        path_shown=", ".join(paths),
        licence=_licence(paths),
        changed=tuple(facts["changed"].items()),
        **fates,
    )


def _fates(name: str, stages: Mapping[str, ArtifactFolder]) -> tuple[dict[str, Any], int]:
    """Count the documents that stayed by what became of them, each once; and eligible tokens."""
    store = TokenStore.open(stages[f"{TOKENS}.{name}"].path)
    number = len(store.held_out)
    left = Removals.read(stages[DUPLICATES].path, name).stays(number)
    counts: dict[str, Any] = {"copies": int((~left).sum()), "contaminated": None}
    counts["held_out_documents"] = int((left & store.held_out).sum())
    left &= ~store.held_out
    clean = left
    if CONTAMINATION in stages:
        clean = left & Removals.read(stages[CONTAMINATION].path, name).stays(number)
        counts["contaminated"] = int((left & ~clean).sum())
    counts["eligible"] = int(clean.sum())
    return counts, int(store.lengths[clean].sum())


def _licence(paths: list[str]) -> str | None:
    from gapless import assets

    names = {path.removeprefix("asset:") for path in paths if path.startswith("asset:")}
    found = [asset.licence for asset in assets.known() if asset.name in names]
    return ", ".join(found) or None


def removals(recipe: Recipe, stages: Mapping[str, ArtifactFolder]) -> Iterator[RemovalContent]:
    """Give the removals of every source, by reason, with examples."""
    for name in recipe.sources:
        folder = stages[f"{DOCUMENTS}.{name}"]
        counts = folder.manifest().facts["removed"]
        examples = _first_removed(folder.path, counts)
        for reason, count in counts.items():
            yield RemovalContent(
                source=name, reason=reason, count=count, examples=tuple(examples[reason])
            )
        if name in recipe.trained_sources:
            for stage in (DUPLICATES, CONTAMINATION):
                if stage in stages:
                    yield from _later_removals(name, stage, stages)


def _first_removed(folder: Path, counts: Mapping[str, int]) -> dict[str, list[RemovedExample]]:
    """Return the first documents with each reason."""
    found: dict[str, list[RemovedExample]] = {reason: [] for reason in counts}
    for part in parts(folder, REMOVED):
        for rows in batches(part, ["origin", "reason", "beginning"]):
            for row in rows.to_pylist():
                examples = found[row["reason"]]
                if len(examples) < _EXAMPLES:
                    beginning = row["beginning"] or ""
                    examples.append(RemovedExample(origin=row["origin"], beginning=beginning))
            if all(len(examples) == min(counts[r], _EXAMPLES) for r, examples in found.items()):
                return found
    return found


def _later_removals(
    name: str, stage: str, stages: Mapping[str, ArtifactFolder]
) -> Iterator[RemovalContent]:
    """Give what fell to copies or to evaluation items, with what each fell to."""
    table = Removals.read(stages[stage].path, name)
    first: dict[str, dict[int, int]] = {}
    for row, (reason, document) in enumerate(
        zip(table.reasons, table.documents.tolist(), strict=True)
    ):
        shown = first.setdefault(reason, {})
        if len(shown) < _EXAMPLES:
            shown.setdefault(document, row)
    for reason, count in table.counts().items():
        examples = tuple(
            _fallen(name, document, table, row, stages) for document, row in first[reason].items()
        )
        yield RemovalContent(source=name, reason=reason, count=count, examples=examples)


def _fallen(
    name: str, number: int, table: Removals, row: int, stages: Mapping[str, ArtifactFolder]
) -> RemovedExample:
    """Return a document that fell, and by what: row ``row`` of the table of removals."""
    document = read_document(stages[f"{DOCUMENTS}.{name}"].path, number, "origin", "text")
    by, _, place = table.by[row].rpartition(":")
    if table.reasons[row] in {DUPLICATE, NEAR_DUPLICATE}:
        kept = read_document(stages[f"{DOCUMENTS}.{by}"].path, int(place), "work")
        fell_to = f"{by}: {kept['work']}"
    else:
        fell_to = f"item {place} of probe {by}"
    return RemovedExample(
        origin=document["origin"],
        beginning=document["text"][:BEGINNING_CHARACTERS],
        fell_to=fell_to,
        similarity=float(table.similarity[row]),
    )
