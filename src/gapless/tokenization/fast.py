"""The same ids from gigatoken, some sixty times as fast as from Hugging Face's tokenizers.

gigatoken reads a byte-level BPE, or a SentencePiece BPE with bytes to fall back on, and refuses
others. What it overlooks is mended here where that is possible and is otherwise
found by `parity.py`:

- it splits at every added token, so the special ones are taken out of what it is given;
- it asks for a token for each of the 256 bytes. Those that a vocabulary lacks are added, and a
  text that has one of them is encoded by Hugging Face's tokenizers;
- it cannot cut around digits before all else, so `digits.py` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from gapless.tokenization.digits import cut_at_digits, rows_with_other_numbers

if TYPE_CHECKING:
    import awkward as ak
    import gigatoken
    import pyarrow as pa

    from gapless.tokenization.plain import Ids, PlainEncoder

_RENEWED_AFTER_BYTES = 1 << 30
"""gigatoken remembers every word it has met: of noise, some 6 bytes for each byte of text."""


class Unsupported(Exception):  # noqa: N818  (it is an answer, caught where it is asked for)
    """gigatoken cannot do a tokenizer."""


class FastEncoder:
    """gigatoken, equal to a plain encoder as far as a difference is known."""

    def __init__(self, plain: PlainEncoder, *, num_ids: int) -> None:
        """Raise Unsupported where gigatoken cannot do it; ids are below ``num_ids``."""
        self._plain = plain
        self._num_ids = num_ids
        self._settings, self._each_digit = _settings(plain.settings, num_ids)
        self._backend = self._open()
        self._seen_bytes = 0

    def _open(self) -> gigatoken.Tokenizer:
        from gigatoken import Tokenizer

        try:
            return Tokenizer.from_json(self._settings)
        except RuntimeError as error:  # it has no error of its own
            reason = str(error).split("\n", 1)[0]
            raise Unsupported(f"cannot do this tokenizer: {reason}") from error

    def __call__(self, texts: pa.LargeStringArray) -> Ids:
        """Encode texts: pieces of 1 MB or more on all cores, but in a forked process on one."""
        data, offsets = text_bytes(texts)
        if not len(data):
            return np.zeros(0, np.uint32), np.zeros(len(texts), np.int64)
        if self._seen_bytes > _RENEWED_AFTER_BYTES:
            self._backend, self._seen_bytes = self._open(), 0
        self._seen_bytes += len(data)
        ids, lengths = self._encode(data, offsets)
        strange = np.zeros(0, np.int64)
        if self._each_digit is not None:
            strange = rows_with_other_numbers(texts)
        if len(ids) and ids.max() >= self._num_ids:
            places = np.flatnonzero(ids >= self._num_ids)
            rows = np.searchsorted(np.cumsum(lengths), places, side="right")
            strange = np.union1d(strange, rows)
        if len(strange):
            return replaced((ids, lengths), strange, self._plain(texts.take(strange)))
        return ids, lengths

    def _encode(self, data: np.ndarray, offsets: np.ndarray) -> Ids:
        import awkward as ak

        pieces, firsts = offsets, None
        if self._each_digit is not None:
            pieces, firsts = cut_at_digits(data, offsets, each=self._each_digit)
        rows = self._backend.encode_batch(_as_awkward(data, pieces))
        ids, lengths = ak.to_numpy(ak.flatten(rows)), ak.to_numpy(ak.num(rows))
        if firsts is not None:
            lengths = np.diff(np.concatenate([[0], np.cumsum(lengths)])[firsts])
        return ids, lengths


def text_bytes(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the texts' UTF-8 bytes (uint8), not copied, and their offsets in them (int64)."""
    assert texts.null_count == 0
    _, offsets_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64, len(texts) + 1, 8 * texts.offset)
    begin, end = int(offsets[0]), int(offsets[-1])
    if begin == end:  # the buffer of no bytes may be missing
        return np.zeros(0, np.uint8), offsets - begin
    return np.frombuffer(data_buffer, np.uint8, end - begin, begin), offsets - begin


def replaced(ids: Ids, rows: np.ndarray, others: Ids) -> Ids:
    """Return ``ids`` with the texts ``rows`` (rising) replaced by ``others``, one for each."""
    flat, lengths = ids
    ends = np.cumsum(lengths)
    other_ends = np.cumsum(others[1])
    pieces, done = [], 0
    for row, end, length in zip(rows, other_ends, others[1], strict=True):
        pieces += [flat[done : ends[row] - lengths[row]], others[0][end - length : end]]
        done = ends[row]
    new_lengths = lengths.copy()
    new_lengths[rows] = others[1]
    return np.concatenate([*pieces, flat[done:]]), new_lengths


def _as_awkward(data: np.ndarray, offsets: np.ndarray) -> ak.Array:
    """Give strings the form that gigatoken reads without an object for each."""
    from awkward import Array
    from awkward.contents import ListOffsetArray, NumpyArray
    from awkward.index import Index64

    content = NumpyArray(data, parameters={"__array__": "char"})
    return Array(ListOffsetArray(Index64(offsets), content, parameters={"__array__": "string"}))


def _settings(plain: str, num_ids: int) -> tuple[bytes, bool | None]:
    """Return the tokenizer.json for gigatoken, and whether digits are cut each or in runs.

    Ids from ``num_ids`` on are not the tokenizer's. None: digits are like other letters.
    """
    from tokenizers import pre_tokenizers

    settings: dict[str, Any] = orjson.loads(plain)
    settings["added_tokens"] = [t for t in settings["added_tokens"] if not t["special"]]
    if b'"ByteLevel"' in orjson.dumps(settings["pre_tokenizer"]):
        vocabulary = settings["model"]["vocab"]
        missing = sorted(set(pre_tokenizers.ByteLevel.alphabet()) - set(vocabulary))
        vocabulary.update({letter: num_ids + n for n, letter in enumerate(missing)})
    steps = (settings["pre_tokenizer"] or {}).get("pretokenizers", [])
    if [step["type"] for step in steps] == ["Digits", "ByteLevel"]:
        settings["pre_tokenizer"] = steps[1]
        return orjson.dumps(settings), bool(steps[0]["individual_digits"])
    return orjson.dumps(settings), None
