"""Hugging Face's tokenizers on whole texts: slow, and right by definition."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

Ids = tuple[np.ndarray, np.ndarray]
"""Flat ids (uint32, text after text) and how many each text has (int64)."""


_PIECE_BYTES = 2 << 20
"""Tokens take some 25 times the memory of their text while they are made."""


class Encoder(Protocol):
    """Turns texts into ids, without a prefix or an end."""

    def __call__(self, texts: pa.LargeStringArray) -> Ids:
        """Encode texts; none may be null."""
        ...


class PlainEncoder:
    """The encoder that every other one must equal."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.settings = tokenizer.backend_tokenizer.to_str()
        """Its tokenizer.json."""
        self.backend = _plain(self.settings)

    def __call__(self, texts: pa.LargeStringArray) -> Ids:
        """Encode texts, on all cores where `tokenizers` is let."""
        pieces = (np.cumsum(lengths_in_bytes(texts)) - 1) // _PIECE_BYTES
        starts = [0, *(np.flatnonzero(np.diff(pieces)) + 1).tolist(), len(texts)]
        parts = [self._encode(texts[start:stop].to_pylist()) for start, stop in pairwise(starts)]
        ids, lengths = zip(*parts, strict=True)
        return np.concatenate(ids), np.concatenate(lengths)

    def _encode(self, texts: list[str]) -> Ids:
        encodings = self.backend.encode_batch_fast(texts, add_special_tokens=False)
        lengths = np.fromiter(map(len, encodings), np.int64, len(encodings))
        rows = chain.from_iterable(encoding.ids for encoding in encodings)
        return np.fromiter(rows, np.uint32, int(lengths.sum())), lengths


def lengths_in_bytes(texts: pa.LargeStringArray) -> np.ndarray:
    """Return how many bytes each text has (int64)."""
    import pyarrow.compute as pc

    lengths: np.ndarray = pc.binary_length(texts).to_numpy()
    return lengths


def plain_encoder(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    """Return a copy of the fast tokenizer that encodes any text as text, whole.

    It neither cuts nor pads, and a special token's name inside a text is text like any other: a
    document cannot end itself.
    """
    return _plain(tokenizer.backend_tokenizer.to_str())


def _plain(settings: str) -> Tokenizer:
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_str(settings)
    encoder.no_truncation()
    encoder.no_padding()
    encoder.encode_special_tokens = True
    return encoder


def encode_texts(
    encoder: Tokenizer, texts: list[str], *, prefix: int, end: int
) -> list[np.ndarray]:
    """Return each text as the ids of a document (int64)."""
    encodings = encoder.encode_batch_fast(texts, add_special_tokens=False)
    return [np.array([prefix, *encoding.ids, end], dtype=np.int64) for encoding in encodings]
