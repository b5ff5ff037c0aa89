"""What the model saw around a token."""

from pathlib import Path

import numpy as np

from gapless.errors import RunError
from gapless.recipe import Recipe, arms
from gapless.records.documents import read_document
from gapless.records.rows import Row, Segment
from gapless.records.token_store import TokenStore
from gapless.records.views import Glimpse
from gapless.selection import describe
from gapless.workflow.arm import ORDER, open_order
from gapless.workflow.data import DOCUMENTS, TOKENS
from gapless.workflow.run_folder import RunFolder

_SHOWN_CHARACTERS = 400


def glimpses(run_dir: Path, token: int, arm_name: str | None) -> list[Glimpse]:
    """Return the document slices of the row that holds token number ``token``, per arm."""
    folder = RunFolder(run_dir)
    known = arms(folder.recipe())
    if arm_name is not None and arm_name not in known:
        raise RunError(
            f"the run has no arm {arm_name!r}; it has {', '.join(known)}", where=str(run_dir)
        )
    names = [arm_name] if arm_name else list(known)
    return [glimpse for name in names for glimpse in _of_arm(folder, name, known[name], token)]


def _of_arm(folder: RunFolder, name: str, arm: Recipe, token: int) -> list[Glimpse]:
    stages = folder.stages()
    order_folder = stages[f"{ORDER}.{name}"]
    if not order_folder.exists():
        raise RunError(
            f"the order of arm {name!r} is not settled yet",
            where=str(folder.path),
            mend="Run the recipe at least `--until order`.",
        )
    stores = {
        source: TokenStore.open(stages[f"{TOKENS}.{source}"].path) for source in arm.trained_sources
    }
    order = open_order(arm, order_folder.path, order_folder.manifest().facts, stores)
    if not 0 <= token < order.num_tokens:
        raise RunError(
            f"token {token:,} is outside arm {name!r}, which has {order.num_tokens:,} tokens",
            mend=f"Ask for a token from 0 to {order.num_tokens - 1:,}.",
        )
    row = order.rows(token // order.context, token // order.context + 1)[0]
    documents = stages[f"{DOCUMENTS}.{row.source}"].path
    reason = _why(arm, row, order.streams[row.source].epoch_tokens)
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
        source=row.source,
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
