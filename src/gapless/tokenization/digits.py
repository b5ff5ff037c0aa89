"""Digits as words of their own: a way of cutting that gigatoken lacks (SmolLM2, StarCoder).

Words are encoded one by one, so a text cut at its digits gives the same ids piece by piece.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

_LAST_WITH_NUMBERS = 0x1FFFF
"""After it come ideographs, tags and private use."""


def cut_at_digits(
    data: np.ndarray, offsets: np.ndarray, *, each: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Cut texts around each ASCII digit, or around each run of them.

    Returns the offsets of the pieces in the bytes ``data``, and which piece each text begins with
    (one longer than the texts, as ``offsets`` is). A text of no bytes has no piece.
    """
    is_digit = (data - ord("0")) < 10  # uint8 wraps around: smaller bytes become large
    is_cut = np.zeros(len(data) + 1, np.bool_)
    is_cut[offsets] = True
    if each:
        is_cut[:-1] |= is_digit
        is_cut[1:] |= is_digit
    else:
        is_cut[1:-1] |= is_digit[1:] != is_digit[:-1]
    pieces = np.flatnonzero(is_cut)
    return pieces, np.searchsorted(pieces, offsets)


def rows_with_other_numbers(texts: pa.LargeStringArray) -> np.ndarray:
    """Return the rows with a number that is not an ASCII digit, or with a character that may be."""
    import pyarrow.compute as pc

    rows = np.flatnonzero(pc.not_equal(pc.binary_length(texts), pc.utf8_length(texts)))
    found = pc.match_substring_regex(texts.take(rows), _other_numbers())
    found_rows: np.ndarray = rows[found.to_numpy(zero_copy_only=False)]
    return found_rows


@lru_cache(maxsize=1)
def _other_numbers() -> str:
    """Return the pattern of them: unknown characters too, as tables of Unicode differ in age."""

    def is_one(code: int) -> bool:
        category = unicodedata.category(chr(code))
        return category[0] == "N" or category == "Cn"

    ranges = []
    for found, run in groupby(range(0x80, _LAST_WITH_NUMBERS + 1), key=is_one):
        codes = list(run)
        if found:
            ranges.append(f"\\x{{{codes[0]:x}}}-\\x{{{codes[-1]:x}}}")
    return f"[{''.join(ranges)}]"
