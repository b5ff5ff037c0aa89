"""Kernels that find any of some phrases in a text, in any case of its ASCII letters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gapless.words.compiled import compiled


class Phrases(NamedTuple):
    """Phrases as a kernel reads them."""

    data: np.ndarray
    """Their lower-cased ASCII bytes end to end: uint8."""
    borders: np.ndarray
    """Phrase i is ``data[borders[i]:borders[i + 1]]``: int64, shape (phrases + 1,)."""
    first: np.ndarray
    """Whether a phrase begins with a byte, in either case: bool, shape (256,)."""


def pack_phrases(phrases: tuple[str, ...]) -> Phrases:
    """Return phrases, which must be ASCII and not empty, for the kernels."""
    encoded = [phrase.lower().encode("ascii") for phrase in phrases]
    borders = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    first = np.zeros(256, dtype=np.bool_)
    for phrase in encoded:
        first[[phrase[0], ord(chr(phrase[0]).upper())]] = True
    return Phrases(np.frombuffer(b"".join(encoded), dtype=np.uint8), borders, first)


@compiled
def lower(byte: int) -> int:
    """Return a byte, lower-cased where it is an ASCII letter."""
    return byte + 0x20 if 0x41 <= byte <= 0x5A else byte


@compiled
def phrase_at(data: np.ndarray, place: int, end: int, phrases: Phrases) -> int:
    """Return the number of the phrase that begins at a place, or -1."""
    for number in range(len(phrases.borders) - 1):
        begin, after = phrases.borders[number], phrases.borders[number + 1]
        size = after - begin
        if size > end - place:
            continue
        matched = 0
        while matched < size and lower(data[place + matched]) == phrases.data[begin + matched]:
            matched += 1
        if matched == size:
            return number
    return -1


@compiled
def find_phrase(data: np.ndarray, begin: int, end: int, phrases: Phrases) -> int:
    """Return the lowest number of the phrases that stand in a text, or -1."""
    lowest = -1
    for place in range(begin, end):
        if phrases.first[data[place]]:
            number = phrase_at(data, place, end, phrases)
            if number >= 0 and (lowest < 0 or number < lowest):
                lowest = number
    return lowest
