"""Give tokens to Megatron-LM: the documents that a run selects, or an arm's rows in their order."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from gapless.errors import RunError
from gapless.interchange import IndexedWriter
from gapless.interchange.megatron import id_type
from gapless.ordering import RunOrder
from gapless.packing import pack
from gapless.recipe import Recipe, arms
from gapless.records.artifact import commit_folder
from gapless.records.rows import Rows
from gapless.records.token_store import TokenStore
from gapless.workflow.export_choice import selected, sources_asked
from gapless.workflow.order import arm_order
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.show import arm_names

FACTS_FILE = "export.json"
_TOKENS_AT_ONCE = 1 << 21
_LOST_MASK = "which tokens are not to be predicted (questions of conversations): all would be"
_LOST_OF_ROWS = (
    "documents that a row joins may see one another: here they do not, and positions begin anew",
    "a document that goes on in the next row begins there without its prefix token",
    "the borders stand in the ids alone: the end-of-text token",
)


@dataclass(frozen=True, kw_only=True)
class TokensFile:
    """One indexed data set."""

    name: str
    """Of its files: NAME.bin and NAME.idx."""
    form: str
    """``documents``: a sequence is a document. ``rows``: a row, in the order of training."""
    dtype: str
    sequences: int
    tokens: int
    end_of_text: int | None
    """The id that ends documents; None where conversations end as their template says."""
    padding: int = 0
    """How many tokens are padding."""
    padding_id: int | None = None
    lost: tuple[str, ...] = ()
    """What the format cannot say."""


@dataclass(frozen=True, kw_only=True)
class ExportedTokens:
    """What was written, and where."""

    folder: Path
    files: tuple[TokensFile, ...]


def export_tokens(
    run_dir: str | Path, out: str | Path, *, sources: Sequence[str] = (), arm: str | None = None
) -> ExportedTokens:
    """Write tokens as Megatron-LM's indexed data sets into a new folder.

    With ``arm`` alone, one data set: the arm's rows of ``context`` tokens in the order of training.
    Otherwise one for each source (all, or those named): the documents that the run selects; with
    ``arm`` too, those that this arm selects.

    Raises:
        RunError: the run is not so far, arms select otherwise and none is named, or the folder is
            not empty.

    """
    folder, out = RunFolder(Path(run_dir)), Path(out)
    with new_folder(out) as place:
        if arm is not None and not sources:
            arm_names(folder, arm)
            files = [_rows(folder, arm, place)]
        else:
            recipe = folder.recipe()
            names = sources_asked(recipe, sources, folder)
            chosen = selected(folder, arm, names)
            files = [_documents(folder, recipe, name, chosen[name], place) for name in names]
        facts = json.dumps([asdict(file) for file in files], indent=1)
        (place / FACTS_FILE).write_text(facts + "\n", encoding="utf-8")
    return ExportedTokens(folder=out, files=tuple(files))


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a folder to fill that takes its name when it is whole."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError("the folder is not empty", where=str(out), mend="Choose a new one.")
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        commit_folder(partial, out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _documents(
    folder: RunFolder, recipe: Recipe, name: str, chosen: np.ndarray, place: Path
) -> TokensFile:
    """Write the selected documents of a source, in the order of its files."""
    store = TokenStore.open(folder.stages()[f"tokens.{name}"].path)
    dtype, lengths = id_type(store.tokens.dtype), store.lengths[chosen]
    with IndexedWriter(place / name, dtype) as writer:
        for low, high in _portions(lengths):
            documents = chosen[low:high]
            runs = np.split(documents, np.flatnonzero(np.diff(documents) != 1) + 1)
            slices = [store.tokens[store.offsets[r[0]] : store.offsets[r[-1] + 1]] for r in runs]
            writer.add(np.concatenate(slices), lengths[low:high])
    return TokensFile(
        name=name,
        form="documents",
        dtype=dtype.name,
        sequences=len(chosen),
        tokens=int(lengths.sum()),
        end_of_text=_end_of_text(recipe, {name: store}),
        lost=(_LOST_MASK,) if len(store.learned) else (),
    )


def _portions(lengths: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield stretches of documents of about as many tokens as are held at once."""
    cuts = np.flatnonzero(np.diff(np.cumsum(lengths) // _TOKENS_AT_ONCE)) + 1
    bounds = [0, *cuts.tolist(), len(lengths)]
    yield from ((low, high) for low, high in pairwise(bounds) if low < high)


def _rows(folder: RunFolder, name: str, place: Path) -> TokensFile:
    """Write an arm's rows in the order of training; what is left of a row is padding."""
    arm, stages = arms(folder.recipe())[name], folder.stages()
    order = arm_order(name, arm, stages)
    _refuse_undecided(order, name, folder)
    stores = {
        source: TokenStore.open(stages[f"tokens.{source}"].path) for source in arm.trained_sources
    }
    end = _end_of_text(arm, stores)
    fill, padding = end or 0, 0
    dtype = id_type(next(iter(stores.values())).tokens.dtype)
    at_once = max(1, _TOKENS_AT_ONCE // order.context)
    with IndexedWriter(place / name, dtype) as writer:
        for first in range(0, order.num_rows, at_once):
            rows = order.rows(first, min(first + at_once, order.num_rows))
            packed = pack(rows, stores, context=order.context)
            filled = _filled(rows)
            packed.ids[np.arange(order.context) >= filled[:, None]] = fill
            writer.add(packed.ids.reshape(-1), np.full(len(rows), order.context))
            padding += packed.padding
    masked = any(len(store.learned) for store in stores.values())
    return TokensFile(
        name=name,
        form="rows",
        dtype=dtype.name,
        sequences=order.num_rows,
        tokens=order.num_tokens,
        end_of_text=end,
        padding=padding,
        padding_id=fill if padding else None,
        lost=(*_LOST_OF_ROWS, *([_LOST_MASK] if masked else [])),
    )


def _filled(rows: Rows) -> np.ndarray:
    """Return how many tokens of each row are no padding."""
    lengths = rows.pieces.ends - rows.pieces.begins
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return np.diff(sums[rows.pieces.offsets])


def _refuse_undecided(order: RunOrder, name: str, folder: RunFolder) -> None:
    if order.known_rows < order.num_rows:
        raise RunError(
            f"what arm {name!r} sees from token {order.known_rows * order.context:,} on is not "
            "decided yet: its mixture moves with measurements",
            where=str(folder.path),
            mend="Run the arm to its end first.",
        )


def _end_of_text(recipe: Recipe, stores: dict[str, TokenStore]) -> int | None:
    """Return the id that ends the documents of sources that are plain text."""
    for name, store in stores.items():
        if recipe.sources[name].chat is None and len(store.tokens):
            return int(store.tokens[-1])
    return None
