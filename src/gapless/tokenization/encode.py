"""A source's documents as a token store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.records.documents import DOCUMENTS_FILE
from gapless.records.token_store import TokenStoreWriter
from gapless.tokenization.load import end_id, largest_id, prefix_id

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

_BATCH_DOCUMENTS, _BATCH_BYTES = 1024, 2 << 20
"""Tokens take some 25 times the memory of their text while they are made."""

Progress = Callable[[int, int], None]
"""Called with (documents done, documents in all)."""


def encode_documents(
    documents: Path,
    out: Path,
    tokenizer: PreTrainedTokenizerFast,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the token store of a folder of documents into ``out`` and return its counts.

    A document is the prefix token, the ids of its text, the end-of-text token.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    encoder = plain_encoder(tokenizer)
    prefix, end = prefix_id(tokenizer), end_id(tokenizer)
    writer = TokenStoreWriter(out, vocabulary_size=largest_id(tokenizer) + 1)
    counts = dict.fromkeys(
        ("documents", "tokens", "held_out_documents", "held_out_tokens", "bytes"), 0
    )
    with pq.ParquetFile(documents / DOCUMENTS_FILE) as table:
        total = table.metadata.num_rows
        for batch in _batches(table):
            texts, held_out = batch.column("text"), batch.column("held_out").to_pylist()
            rows = encode_texts(encoder, texts.to_pylist(), prefix=prefix, end=end)
            for ids, kept_out in zip(rows, held_out, strict=True):
                writer.add(ids, held_out=kept_out)
                counts["tokens"] += len(ids)
                counts["held_out_tokens"] += len(ids) if kept_out else 0
            counts["documents"] += len(rows)
            counts["held_out_documents"] += sum(held_out)
            counts["bytes"] += int(pc.sum(pc.binary_length(texts)).as_py() or 0)
            if progress is not None:
                progress(counts["documents"], total)
    writer.close()
    return counts


def plain_encoder(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    """Return a copy of the fast tokenizer that encodes any text as text, whole.

    It neither cuts nor pads, and a special token's name inside a text is text like any other: a
    document cannot end itself.
    """
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    encoder.no_truncation()
    encoder.no_padding()
    encoder.encode_special_tokens = True
    return encoder


def _batches(table: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """Give the documents in batches that are small in rows and in text."""
    import pyarrow.compute as pc

    for group in range(table.num_row_groups):  # a batch over two groups could be any size
        for rows in table.iter_batches(
            _BATCH_DOCUMENTS, row_groups=[group], columns=["text", "held_out"]
        ):
            ends = np.cumsum(pc.binary_length(rows.column("text")).to_numpy())
            pieces = (ends - 1) // _BATCH_BYTES
            starts = [0, *(np.flatnonzero(np.diff(pieces)) + 1).tolist(), len(rows)]
            for start, stop in pairwise(starts):
                yield rows.slice(start, stop - start)


def encode_texts(
    encoder: Tokenizer, texts: list[str], *, prefix: int, end: int
) -> list[np.ndarray]:
    """Return each text as the ids of a document (int64)."""
    encodings = encoder.encode_batch_fast(texts, add_special_tokens=False)
    return [np.array([prefix, *encoding.ids, end], dtype=np.int64) for encoding in encodings]
