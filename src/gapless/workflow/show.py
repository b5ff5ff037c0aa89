"""What the model saw around a token, and what became of a document."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from gapless.errors import RunError
from gapless.recipe import Recipe, arms
from gapless.records.artifact import ArtifactFolder
from gapless.records.documents import batches, parts, read_document
from gapless.records.rows import Row, Segment
from gapless.records.token_store import TokenStore
from gapless.records.views import Fate, Glimpse
from gapless.selection import Choice, describe, explain
from gapless.workflow.data import DOCUMENTS
from gapless.workflow.order import ORDER, SELECTION_FILE, arm_order
from gapless.workflow.pool import SourcePool
from gapless.workflow.run_folder import RunFolder

_SHOWN_CHARACTERS = 400


def glimpses(run_dir: Path, token: int, arm_name: str | None) -> list[Glimpse]:
    """Return the document slices of the row that holds token number ``token``, per arm."""
    folder = RunFolder(run_dir)
    known = arms(folder.recipe())
    names = arm_names(folder, arm_name)
    return [glimpse for name in names for glimpse in _of_arm(folder, name, known[name], token)]


def fates(run_dir: Path, wanted: str, arm_name: str | None) -> list[Fate]:
    """Return what became of a document, per arm; ``wanted`` is its work, its id or SOURCE:ROW."""
    folder = RunFolder(run_dir)
    recipe, stages = folder.recipe(), folder.stages()
    names = arm_names(folder, arm_name)
    found = list(_rows_of(wanted, recipe, stages))
    if not found:
        raise RunError(
            f"no document that is trained or measured on is called {wanted!r}",
            where=str(run_dir),
            mend="Give its id in the source's files, or SOURCE:ROW. What cleaning removed is in "
            "the artifacts' removed tables, and counted in the report.",
        )
    return [
        _fate(name, arms(recipe)[name], stages, source, row)
        for source, row in found
        for name in names
    ]


def arm_names(folder: RunFolder, arm_name: str | None) -> list[str]:
    """Return the arm that is asked for, which must be there; all of the run without a name."""
    known = arms(folder.recipe())
    if arm_name is not None and arm_name not in known:
        raise RunError(
            f"the run has no arm {arm_name!r}; it has {', '.join(known)}", where=str(folder.path)
        )
    return [arm_name] if arm_name else list(known)


def _rows_of(
    wanted: str, recipe: Recipe, stages: Mapping[str, ArtifactFolder]
) -> Iterator[tuple[str, int]]:
    """Give source and row of the documents that go by a name."""
    source, _, row = wanted.rpartition(":")
    for name in recipe.trained_sources:
        documents = stages[f"{DOCUMENTS}.{name}"]
        if not documents.exists():
            continue
        first = 0
        for part in parts(documents.path):
            for rows in batches(part, ["id", "work"]):
                for kind in ("work", "id"):
                    same = pc.equal(rows.column(kind), wanted).to_numpy(zero_copy_only=False)
                    yield from ((name, first + int(at)) for at in np.flatnonzero(same))
                    if kind == "work" and same.any():
                        break
                first += len(rows)
        if source == name and row.isascii() and row.isdecimal() and int(row) < first:
            yield name, int(row)


def _fate(
    name: str, arm: Recipe, stages: Mapping[str, ArtifactFolder], source: str, row: int
) -> Fate:
    pool = SourcePool.of_run(source, arm, stages)
    document = read_document(pool.documents, row, "work", "origin", "text", "held_out")
    computed = [column for column, (folder, _) in pool.scores.items() if folder.is_dir()]
    columns = [*arm.sources[source].scores, *computed]
    return Fate(
        arm=name,
        source=source,
        document=row,
        work=document["work"],
        origin=document["origin"],
        why=_why_in_or_out(name, arm, stages, pool, row),
        scores=tuple((column, str(pool.column(column)[row])) for column in columns),
        text=document["text"][:_SHOWN_CHARACTERS],
    )


def _why_in_or_out(
    name: str, arm: Recipe, stages: Mapping[str, ArtifactFolder], pool: SourcePool, row: int
) -> str:
    order = stages[f"{ORDER}.{name}"]
    if not order.exists():
        raise RunError(
            f"the order of arm {name!r} is not settled yet",
            mend="Run the recipe at least `--until order`.",
        )
    if TokenStore.open(pool.tokens).held_out[row]:
        return "not trained on: it is held out for the probes"
    for removals in pool.removed():
        at = np.flatnonzero(removals.documents == row)
        if len(at):
            reason, by = removals.reasons[at[0]], removals.by[at[0]]
            share = removals.similarity[at[0]]
            return f"not trained on: {reason.replace('_', ' ')}, {share:.0%} the same as {by}"
    selection = arm.selection.get(pool.source)
    facts = order.manifest().facts
    with np.load(order.path / SELECTION_FILE, allow_pickle=False) as chosen:
        choice = Choice.from_facts(chosen[pool.source], facts["choices"][pool.source])
    return explain(selection, pool.open(selection), choice, row)


def _of_arm(folder: RunFolder, name: str, arm: Recipe, token: int) -> list[Glimpse]:
    stages = folder.stages()
    order = arm_order(name, arm, stages)
    if not 0 <= token < order.num_tokens:
        raise RunError(
            f"token {token:,} is outside arm {name!r}, which has {order.num_tokens:,} tokens",
            mend=f"Ask for a token from 0 to {order.num_tokens - 1:,}.",
        )
    if token >= order.known_rows * order.context:
        raise RunError(
            f"what arm {name!r} sees from token {order.known_rows * order.context:,} on is not "
            "decided yet: its mixture moves with measurements",
            where=str(folder.path),
            mend="Go on with the run first.",
        )
    row = order.row(token // order.context)
    documents = stages[f"{DOCUMENTS}.{row.source}"].path
    lengths = order.streams[row.stratum].documents
    reason = _why(arm, row, int(lengths.lengths(slice(None)).sum()))
    begins = np.cumsum([0, *(s.end - s.begin for s in row.segments)])
    return [
        _glimpse(
            name, row, segment, documents, reason, token=row.index * order.context + int(begin)
        )
        for segment, begin in zip(row.segments, begins, strict=False)
    ]


def _glimpse(
    arm: str, row: Row, segment: Segment, documents: Path, reason: str, *, token: int
) -> Glimpse:
    document = read_document(documents, segment.document, "id", "work", "origin", "text")
    return Glimpse(
        token=token,
        row=row.index,
        arm=arm,
        phase=row.phase,
        source=row.stratum,
        document_id=document["id"],
        work=document["work"],
        origin=document["origin"],
        reason=reason,
        epoch=segment.epoch,
        text=document["text"][:_SHOWN_CHARACTERS],
    )


def _why(arm: Recipe, row: Row, selected_tokens: int) -> str:
    selection = arm.selection.get(row.source)
    return f"{describe(selection)} ({selected_tokens:,} tokens)"
