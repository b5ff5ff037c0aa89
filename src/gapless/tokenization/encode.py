"""A source's documents as a token store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gapless.records import documents
from gapless.records.token_store import TokenStoreWriter
from gapless.tokenization.fast import FastEncoder, Unsupported, text_bytes
from gapless.tokenization.load import end_id, largest_id, prefix_id
from gapless.tokenization.parity import CheckedEncoder, Differs
from gapless.tokenization.plain import Encoder, Ids, PlainEncoder, encode_texts, plain_encoder

if TYPE_CHECKING:
    import pyarrow as pa
    from transformers import PreTrainedTokenizerFast

__all__ = ["Batch", "encode_batches", "encode_documents", "encode_texts", "plain_encoder"]

_PIECE_BYTES = 16 << 20
"""How much text is encoded at once: enough for the cores to share."""

Batch = tuple["pa.LargeStringArray", np.ndarray]
"""Texts of documents, and whether each is held out (bool)."""


def encode_documents(
    folder: Path,
    out: Path,
    tokenizer: PreTrainedTokenizerFast,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write the token store of a folder of documents into ``out`` and return its counts.

    ``progress`` is called with (documents done, documents in all).
    """
    total = int(documents.first_documents(folder)[-1])
    return encode_batches(
        lambda: _batches(folder),
        out,
        tokenizer,
        progress=None if progress is None else lambda done: progress(done, total),
    )


def encode_batches(
    batches: Callable[[], Iterable[Batch]],
    out: Path,
    tokenizer: PreTrainedTokenizerFast,
    *,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Write the token store of documents into ``out`` and return its counts.

    A document is the prefix token, the ids of its text, the end-of-text token. ``encoder`` says
    which library made the ids: gigatoken where it agrees with Hugging Face's tokenizers on every
    text compared, otherwise these. When they first differ in the midst of the documents,
    ``batches`` is called again and all is made anew: what was not compared may be wrong too.
    ``progress`` is called with the number of documents done.
    """
    plain, vocabulary_size = PlainEncoder(tokenizer), largest_id(tokenizer) + 1
    write = partial(
        _write,
        out=out,
        prefix=prefix_id(tokenizer),
        end=end_id(tokenizer),
        vocabulary_size=vocabulary_size,
        progress=progress,
    )
    try:
        fast = CheckedEncoder(FastEncoder(plain, num_ids=vocabulary_size), plain)
        counts = write(batches(), fast)
    except (Unsupported, Differs) as reason:
        counts = write(batches(), plain)
        return counts | {"encoder": f"tokenizers {version('tokenizers')} (gigatoken {reason})"}
    sampled = f"equal on {fast.num_sampled} sampled documents"
    return counts | {"encoder": f"gigatoken {version('gigatoken')} ({sampled})"}


def _write(
    batches: Iterable[Batch],
    encoder: Encoder,
    *,
    out: Path,
    prefix: int,
    end: int,
    vocabulary_size: int,
    progress: Callable[[int], None] | None,
) -> dict[str, Any]:
    """Write the store with one encoder."""
    names = ("documents", "tokens", "held_out_documents", "held_out_tokens")
    counts = dict.fromkeys((*names, "bytes"), 0)
    with TokenStoreWriter(out, vocabulary_size=vocabulary_size) as writer:
        for texts, held_out in _joined(batches):
            ids, lengths = _as_documents(encoder(texts), prefix=prefix, end=end)
            writer.add_many(ids, lengths, held_out)
            counts["documents"] += len(texts)
            counts["tokens"] += len(ids)
            counts["held_out_documents"] += int(np.count_nonzero(held_out))
            counts["held_out_tokens"] += int(lengths[held_out].sum())
            counts["bytes"] += len(text_bytes(texts)[0])
            if progress is not None:
                progress(counts["documents"])
    return counts


def _batches(folder: Path) -> Iterator[Batch]:
    """Read the documents of all parts."""
    import pyarrow as pa

    for part in documents.parts(folder):
        for rows in documents.batches(part, ["text", "held_out"]):
            texts = rows.column("text").cast(pa.large_string())
            yield texts, rows.column("held_out").to_numpy(zero_copy_only=False)


def _joined(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Join small batches until they have some ``_PIECE_BYTES`` of text."""
    import pyarrow as pa

    def join() -> Batch:
        texts, held_out = zip(*waiting, strict=True)
        return pa.concat_arrays(texts), np.concatenate(held_out)

    waiting: list[Batch] = []
    num_bytes = 0
    for batch in batches:
        waiting.append(batch)
        num_bytes += batch[0].nbytes
        if num_bytes >= _PIECE_BYTES:
            yield join()
            waiting, num_bytes = [], 0
    if waiting:
        yield join()


def _as_documents(ids: Ids, *, prefix: int, end: int) -> Ids:
    """Put the prefix before each text's ids and the end after them."""
    flat, lengths = ids[0], ids[1] + 2
    ends = np.cumsum(lengths)
    documents = np.empty(len(flat) + 2 * len(lengths), flat.dtype)
    is_text = np.ones(len(documents), np.bool_)
    for places, token in ((ends - lengths, prefix), (ends - 1, end)):
        is_text[places] = False
        documents[places] = token
    documents[is_text] = flat
    return documents, lengths
