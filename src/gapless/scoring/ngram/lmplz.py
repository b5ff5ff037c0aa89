"""KenLM's own trainer, where the machine has it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gapless.errors import RunError
from gapless.scoring.ngram.arpa import add_empty_bigrams

if TYPE_CHECKING:
    import pyarrow as pa

_STATISTICS = re.compile(r"^(\d+) (\d+)(?:/\d+)? D1=(\S+) D2=(\S+) D3\+=(\S+)$", re.MULTILINE)
_TOKENS = re.compile(r"^Unigram tokens (\d+) types (\d+)$", re.MULTILINE)


def train_with_lmplz(
    batches: Iterable[pa.LargeStringArray],
    path: Path,
    *,
    thresholds: Sequence[int],
    memory_bytes: int,
    scratch: Path,
) -> dict[str, Any]:
    """Write the model of texts, none empty, and return lmplz's own statistics.

    Raises:
        RunError: lmplz fails.

    """
    program = shutil.which("lmplz")
    assert program is not None
    order = len(thresholds)
    command = [program, "-o", str(order), "--discount_fallback", "-S", f"{memory_bytes}b"]
    command += ["-T", f"{scratch}/", "--prune", *map(str, thresholds)]
    said = scratch / "lmplz.txt"
    with path.open("wb") as arpa, said.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            command, stdin=subprocess.PIPE, stdout=arpa, stderr=log
        )
        assert process.stdin is not None
        try:
            documents = _feed(batches, process.stdin)
        except BaseException:
            process.kill()
            raise
        finally:
            status = process.wait()
    text = said.read_text(errors="replace")
    if status != 0:
        raise RunError(f"lmplz ended with status {status}: {_reason(text)}")
    if order == 1:
        add_empty_bigrams(path)
    return {"trainer": "lmplz", "documents": documents, **_facts(text)}


def _feed(batches: Iterable[pa.LargeStringArray], file: IO[bytes]) -> int:
    """Write one document a line, and return how many."""
    documents = 0
    try:
        with file:
            for batch in batches:
                file.write(("\n".join(batch.to_pylist()) + "\n").encode())
                documents += len(batch)
    except BrokenPipeError:
        pass  # lmplz has ended early: its status and its words say why.
    return documents


def _facts(text: str) -> dict[str, Any]:
    tokens = _TOKENS.search(text)
    orders = _STATISTICS.findall(text)
    assert tokens is not None
    assert orders
    return {
        "words": int(tokens[1]),
        # lmplz counts the three special words among the types.
        "vocabulary": int(tokens[2]) - 3,
        "ngrams": [int(row[1]) for row in orders],
        "discounts": [[float(amount) for amount in row[2:]] for row in orders],
    }


def _reason(text: str) -> str:
    """Return what lmplz says last that is no progress bar."""
    lines = [line for line in text.splitlines() if line.strip("-*=0123456789 ")]
    return lines[-1] if lines else "it gave no reason"
