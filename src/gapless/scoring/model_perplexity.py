"""Perplexity or bits per byte of documents under any causal language model.

perplexity    = exp(nats / tokens)         per token, which depends on the tokenizer
bits per byte = nats / ln 2 / UTF-8 bytes  per byte, which does not

It is the novelty of a document for the model that is to learn (Xie et al. 2023, a smaller model of
the family may stand in), and the order of a curriculum from easy to hard (paper 2, section 3.7).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gapless.errors import DataError, ModelError
from gapless.modeling import facts_of
from gapless.tokenization import check_matches, load_tokenizer, prefix_id
from gapless.tokenization.encode import plain_encoder

if TYPE_CHECKING:
    import pyarrow as pa
    from tokenizers import Tokenizer

    from gapless.scoring.model_perplexity_reader import Device, ModelReader, Precision

Unit = Literal["perplexity", "bits_per_byte"]

_MOST_TOKENS = 1024
"""Of a document, unless the recipe says otherwise: its beginning tells its difficulty."""
_CHARACTERS_PER_TOKEN = 32
"""Of a longer text only this many characters per token of ``max_tokens`` are tokenized."""
_BATCH_BYTES = 2 << 20
"""Text tokenized at a time: tokens take some 25 times the memory of their text meanwhile."""


@dataclass
class ScoringFacts:
    """What a scorer has read since it was made."""

    documents: int = 0
    cut: int = 0
    """Documents scored on their beginning."""
    unscored: int = 0
    """Documents without a score: they have no token."""
    tokens: int = 0
    """Tokens scored."""
    slots: int = 0
    """Tokens the model read, padding included."""


class ModelScorer:
    """Scores documents under the model of a folder; pickled, it leaves the loaded model behind.

    A document is read as the prefix token and the ids of its text, ``max_tokens`` in all. The
    prefix and the end-of-text token are not scored, as in the held-out bits per byte. A document
    that is cut ends at a character's border, and its bytes are those of the ids it keeps. Without
    any token there is no score (NaN).

    The same texts give the same bytes on one machine. In other company a document's score differs
    by float noise, up to some 3e-7 of it in fp32; rounding it away would fail for the few scores
    in a thousand at a rounding's border. So work that resumes must cut its parts as before.

    Raises:
        DataError: ``max_tokens`` is more than the model's context.
        ModelError: a folder cannot be used, the tokenizer has ids that the model lacks, the model
            is not causal, or it answers NaN.

    """

    def __init__(
        self,
        model: Path,
        tokenizer: Path | None = None,
        *,
        unit: Unit = "perplexity",
        max_tokens: int | None = None,
        batch_tokens: int = 16_384,
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> None:
        self.facts = ScoringFacts()
        self._folder, self._tokenizer_folder = model, tokenizer or model
        self._unit = unit
        self._max_tokens = self._longest(facts_of(model).context, max_tokens)
        self._computing: dict[str, Any] = {
            "batch_tokens": batch_tokens,
            "device": device,
            "precision": precision,
        }
        self._loaded: tuple[ModelReader, Tokenizer, int] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_loaded": None}

    def __call__(self, texts: pa.LargeStringArray) -> dict[str, pa.Array]:
        """Return the score of each text: float64, NaN where there is none."""
        import pyarrow as pa

        reader, encoder, prefix = self._load()
        documents: list[np.ndarray] = []
        num_bytes = np.zeros(len(texts), dtype=np.float64)
        for ids, scored_bytes, cut in self._beginnings(texts, encoder):
            num_bytes[len(documents)] = scored_bytes
            documents.append(np.array([prefix, *ids], dtype=np.int64))
            self.facts.cut += cut
        num_tokens = np.array([len(document) - 1 for document in documents], dtype=np.int64)
        (scored,) = np.nonzero(num_tokens)
        slots_before = reader.slots
        nats = reader.nats([documents[index] for index in scored])
        self._count(num_tokens, slots=reader.slots - slots_before)
        if not np.isfinite(nats).all():
            raise ModelError(
                "the model's answer is not a number",
                where=str(self._folder),
                mend="Check its weights; in bf16, try fp32.",
            )
        scores = np.full(len(texts), np.nan)
        if self._unit == "perplexity":
            scores[scored] = np.exp(nats / num_tokens[scored])
        else:
            scores[scored] = nats / math.log(2) / num_bytes[scored]
        return {"": pa.array(scores)}

    @property
    def packs(self) -> bool:
        """Whether rows hold many documents; else the model lets them leak, and each has its own."""
        return self._load()[0].packs

    def _load(self) -> tuple[ModelReader, Tokenizer, int]:
        """Return the model, the encoder and the prefix id, loaded once per process."""
        if self._loaded is None:
            from tokenizers.processors import Sequence

            from gapless.scoring.model_perplexity_reader import ModelReader

            tokenizer = load_tokenizer(self._tokenizer_folder)
            encoder = plain_encoder(tokenizer)
            encoder.post_processor = Sequence([])  # some trim the blanks off a token's place
            reader = ModelReader(self._folder, **self._computing)
            self._longest(reader.context, self._max_tokens)
            check_matches(tokenizer, reader.vocabulary_size)
            self._loaded = reader, encoder, prefix_id(tokenizer)
        return self._loaded

    def _beginnings(
        self, texts: pa.LargeStringArray, encoder: Tokenizer
    ) -> Iterator[tuple[list[int], int, bool]]:
        """Give of each text the ids that are scored, their UTF-8 bytes and whether it was cut."""
        import pyarrow.compute as pc

        most_ids = self._max_tokens - 1
        most_characters = _CHARACTERS_PER_TOKEN * self._max_tokens
        begin = 0
        while begin < len(texts):
            rows = max(1, min(len(texts) - begin, _BATCH_BYTES // (4 * most_characters)))
            whole = texts.slice(begin, rows)
            short = pc.utf8_slice_codeunits(whole, 0, most_characters)
            num_bytes, cuts = pc.binary_length(short), pc.not_equal(short, whole)
            strings = short.to_pylist()
            encodings = encoder.encode_batch_fast(strings, add_special_tokens=False)
            for text, encoding, size, cut in zip(
                strings, encodings, num_bytes.to_pylist(), cuts.to_pylist(), strict=True
            ):
                if len(encoding) <= most_ids:
                    yield encoding.ids, size, cut
                else:
                    yield *_cut(text, encoder, most_ids), True
            begin += rows

    def _longest(self, context: int | None, asked: int | None) -> int:
        """Return how many tokens of a document are read."""
        if asked is None:
            return _MOST_TOKENS if context is None else min(_MOST_TOKENS, context)
        if context is not None and asked > context:
            raise DataError(
                f"max_tokens is {asked}, the model's context {context} tokens",
                where=str(self._folder),
                mend=f"Set the score's max_tokens to {context} or less.",
            )
        assert asked >= 2
        return asked

    def _count(self, num_tokens: np.ndarray, *, slots: int) -> None:
        self.facts.documents += len(num_tokens)
        self.facts.unscored += int((num_tokens == 0).sum())
        self.facts.tokens += int(num_tokens.sum())
        self.facts.slots += slots


def _cut(text: str, encoder: Tokenizer, most_ids: int) -> tuple[list[int], int]:
    """Return the first ids of a longer text, whole characters, and the bytes they stand for."""
    encoding = encoder.encode(text, add_special_tokens=False)
    places, kept = encoding.offsets, most_ids
    while kept and places[kept][0] < places[kept - 1][1]:  # both hold bytes of one character
        kept -= 1
    end = places[kept - 1][1] if kept else 0
    return encoding.ids[:kept], len(text[:end].encode())
