"""Train an n-gram model of a reference corpus."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.errors import DataError, RecipeError, RunError
from gapless.scoring.ngram.arpa import write_arpa
from gapless.scoring.ngram.kneser_ney import count, discounts, names, smooth
from gapless.scoring.ngram.lmplz import train_with_lmplz
from gapless.scoring.ngram.word_ids import SPECIAL, WordIds, pieces, windows

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


def train(
    batches: Iterable[pa.LargeStringArray],
    out: Path,
    *,
    order: int,
    prune: tuple[int, ...],
    memory_bytes: int,
    scratch: Path,
) -> dict[str, Any]:
    """Write ``out/model.arpa`` (and ``model.binary``, where KenLM's build_binary is on the path).

    Each text is one normalised document; empty ones are passed over. Smoothing is interpolated
    modified Kneser-Ney (Chen and Goodman 1998), by KenLM's lmplz where it is on the path, else by
    our own trainer, with the same result. ``prune``: from order 1 up, n-grams seen at most this
    often are dropped; the last counts for longer ones. ``memory_bytes`` is the trainer's; our own
    takes about 400 MB more for Python and its buffers.

    Returns: trainer, documents, words, vocabulary (how many different words), ngrams (kept, of each
    order), discounts (D1, D2, D3+ of each order), binary (whether there is one).

    Raises:
        RecipeError: the order or the prune counts are none that can be had.
        DataError: the texts have no words, or too few documents for the pruning.
        RunError: the trainer fails, for want of memory say.

    """
    thresholds = pruning(order, prune)
    out.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(parents=True, exist_ok=True)
    arpa = out / "model.arpa"
    way = train_with_lmplz if shutil.which("lmplz") else train_with_duckdb
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        facts = way(
            _documents(batches, thresholds[0]),
            arpa,
            thresholds=thresholds,
            memory_bytes=memory_bytes,
            scratch=Path(folder),
        )
    return {**facts, "binary": _build_binary(arpa, out / "model.binary")}


def pruning(order: int, prune: tuple[int, ...]) -> tuple[int, ...]:
    """Return one threshold for each order; lmplz's rules."""
    if not 1 <= order <= 6:
        raise RecipeError(
            f"order {order} is not from 1 to 6", mend="KenLM reads no longer n-grams."
        )
    if len(prune) > order or list(prune) != sorted(prune) or any(at_most < 0 for at_most in prune):
        what = f"the prune counts {list(prune)} do not fit a model of order {order}"
        mend = "Give at most one for each order, none smaller than the one before: [0, 0, 1]."
        raise RecipeError(what, mend=mend)
    return (prune or (0,)) + (prune or (0,))[-1:] * (order - max(len(prune), 1))


def train_with_duckdb(
    batches: Iterable[pa.LargeStringArray],
    path: Path,
    *,
    thresholds: Sequence[int],
    memory_bytes: int,
    scratch: Path,
) -> dict[str, Any]:
    """Write the model of texts, none empty, in bounded memory: the rest goes to ``scratch``.

    Raises:
        RunError: the memory is too small.

    """
    import duckdb

    settings = {
        "memory_limit": f"{memory_bytes // 1024} KiB",
        "temp_directory": str(scratch / "spilled"),
        # Order is asked for where it matters; keeping it elsewhere costs memory.
        "preserve_insertion_order": False,
    }
    vocabulary = WordIds()
    try:
        with duckdb.connect(config=settings) as con:
            facts = _store(con, batches, vocabulary, len(thresholds))
            count(con, thresholds)
            amounts = discounts(con, len(thresholds))
            smooth(con, amounts)
            kept = [_size(con, f"model_{n}") for n in range(1, len(thresholds) + 1)]
            write_arpa(con, vocabulary.words, kept, path)
    except duckdb.OutOfMemoryException as error:
        what = f"counting n-grams needs more than {memory_bytes >> 20} MB of memory"
        raise RunError(what, mend="Allow more memory, or ask for a lower order.") from error
    return {
        "trainer": "gapless",
        **facts,
        "vocabulary": len(vocabulary.words) - len(SPECIAL),
        "ngrams": kept,
        "discounts": [list(amount) for amount in amounts],
    }


def _store(
    con: duckdb.DuckDBPyConnection,
    batches: Iterable[pa.LargeStringArray],
    vocabulary: WordIds,
    order: int,
) -> dict[str, int]:
    """Fill the table ``tokens`` and return how many documents and words there are."""
    import pyarrow as pa

    columns = names(order)
    con.execute(f"CREATE TABLE tokens ({', '.join(f'{name} INTEGER' for name in columns)})")
    documents = tokens = 0
    for texts in pieces(batches):
        padded = vocabulary.padded(texts, order)
        piece = pa.table(dict(zip(columns, windows(padded, order), strict=True)))
        con.register("piece", piece)
        con.execute("INSERT INTO tokens FROM piece")
        con.unregister("piece")
        documents += len(texts)
        tokens += len(piece)
    return {"documents": documents, "words": tokens - documents}


def _size(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"FROM {table} SELECT count(*)").fetchall()[0][0])


def _documents(
    batches: Iterable[pa.LargeStringArray], threshold: int
) -> Iterator[pa.LargeStringArray]:
    """Give the texts that are not empty, and insist that they are enough."""
    import pyarrow.compute as pc

    documents = 0
    for batch in batches:
        texts = batch.filter(pc.not_equal(batch, ""))
        documents += len(texts)
        if len(texts):
            yield texts
    if documents == 0:
        raise DataError("the reference of the n-gram model has no words")
    if documents <= threshold:
        # Pruning would drop the end of a document, which every document has.
        what = (
            f"a reference of {documents} documents cannot be pruned of words seen {threshold} times"
        )
        raise DataError(what, mend="Name a larger reference, or let pruning begin with 0.")


def _build_binary(arpa: Path, path: Path) -> bool:
    """Let KenLM turn the model into its fast-loading form, where it can."""
    program = shutil.which("build_binary")
    path.unlink(missing_ok=True)
    if program is None:
        return False
    done = subprocess.run(  # noqa: S603 - our own arguments
        [program, "probing", str(arpa), str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RunError(f"build_binary ended with status {done.returncode}: {done.stderr[-200:]}")
    return True
