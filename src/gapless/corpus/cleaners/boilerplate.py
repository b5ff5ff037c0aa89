"""Lines that are web furniture are taken out of a document.

    notices     C4's policy phrases (`c4.POLICY_PHRASES`) and notices that JavaScript is needed, in
                lines of up to 60 words; C4 takes lines of any length
    short lines up to 10 words, as RefinedWeb's line-wise corrections (Penedo et al. 2023, appendix
                G.2): that begin ("sign in to"), end ("read more") or are ("menu") a stock phrase,
                or hold one ("items in cart"); only a number; a counter ("3 likes"); a bare date
    bars        three parts or more between | and the like, at least two of them stock names

RefinedWeb gives its kinds of phrases by example: the lists (`furniture`) are ours. Not taken over
are its rules against upper case and one-word lines, which take headings, and against documents that
lose more than 5 % of their words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gapless.corpus.cleaners.answer import Answer, reasons_of_codes
from gapless.corpus.cleaners.furniture import (
    MAX_NOTICE_WORDS,
    MAX_SHORT_WORDS,
    NOTICES,
    STOCK_PHRASES,
    is_furniture,
)
from gapless.corpus.cleaners.lines import line_end, num_lines, num_words, strip
from gapless.corpus.cleaners.phrases import Phrases, find_phrase, pack_phrases
from gapless.words.compiled import compiled
from gapless.words.split import text_bytes

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.corpus.cleaners.answer import Cleaner
    from gapless.recipe.cleanings import Boilerplate

_COPYRIGHT_SIGN = 0xA9
_KEEP, _DROP, _ASK = 0, 1, 2


def build_boilerplate(_spec: Boilerplate) -> Cleaner:
    """Return the cleaner that takes out lines of web furniture."""
    import pyarrow as pa

    notices, phrases = pack_phrases(NOTICES), pack_phrases(STOCK_PHRASES)

    def clean(texts: pa.LargeStringArray) -> Answer:
        data, borders = text_bytes(texts)
        begins, ends, verdicts = _judge_lines(data, borders, notices, phrases)
        for line in np.flatnonzero(verdicts == _ASK):
            text = data[begins[line] : ends[line]].tobytes().decode()
            verdicts[line] = _DROP if is_furniture(text) else _KEEP
        if not verdicts.any():
            return Answer(texts)
        out = np.empty(len(data), dtype=np.uint8)
        offsets = np.zeros(len(texts) + 1, dtype=np.int64)
        codes = np.zeros(len(texts), dtype=np.int64)
        size = _drop_lines(data, borders, verdicts, out, (offsets, codes))
        buffers = pa.py_buffer(offsets), pa.py_buffer(out[:size])
        cleaned = pa.LargeStringArray.from_buffers(len(texts), *buffers)
        return Answer(cleaned, reasons_of_codes("boilerplate", ("nothing_left",), codes))

    return clean


def _judge_lines(
    data: np.ndarray, borders: np.ndarray, notices: Phrases, phrases: Phrases
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where every line begins and ends, stripped, and its verdict, batch-wide."""
    capacity = num_lines(data, 0, len(data)) + len(borders)
    begins, ends = np.empty(capacity, dtype=np.int64), np.empty(capacity, dtype=np.int64)
    verdicts = np.zeros(capacity, dtype=np.int64)
    count = _judge_all(data, borders, (notices, phrases), (begins, ends, verdicts))
    return begins[:count], ends[:count], verdicts[:count]


@compiled
def _judge_all(
    data: np.ndarray,
    borders: np.ndarray,
    phrases: tuple[Phrases, Phrases],
    out: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> int:
    begins, ends, verdicts = out
    count = 0
    for document in range(len(borders) - 1):
        place, end = borders[document], borders[document + 1]
        while place <= end:
            after = line_end(data, place, end)
            begin, stop = strip(data, place, after)
            begins[count], ends[count] = begin, stop
            verdicts[count] = _judge(data, begin, stop, phrases)
            count += 1
            place = after + 1
    return count


@compiled
def _judge(data: np.ndarray, begin: int, end: int, phrases: tuple[Phrases, Phrases]) -> int:
    """Return what becomes of a line; _ASK when `is_furniture` must say."""
    words = num_words(data, begin, end)
    if words == 0 or words > MAX_NOTICE_WORDS:
        return _KEEP
    if find_phrase(data, begin, end, phrases[0]) >= 0:
        return _DROP
    marks, signs, digits = 0, 0, 0
    for place in range(begin, end):
        byte = data[place]
        marks += byte in (0x7C, 0xBB, 0xBA, 0xA2)
        signs += byte == _COPYRIGHT_SIGN
        digits += 0x30 <= byte <= 0x39
    if marks >= 2:
        return _ASK
    if words > MAX_SHORT_WORDS:
        return _KEEP
    # A counter or a number begins with a digit or a mark, a date has a day and a year.
    is_letter = 0x61 <= (data[begin] | 0x20) <= 0x7A
    if digits >= 5 or (digits > 0 and not is_letter):
        return _ASK
    return _ASK if signs > 0 or find_phrase(data, begin, end, phrases[1]) >= 0 else _KEEP


@compiled
def _drop_lines(
    data: np.ndarray,
    borders: np.ndarray,
    verdicts: np.ndarray,
    out: np.ndarray,
    answers: tuple[np.ndarray, np.ndarray],
) -> int:
    """Copy the texts without the lines dropped; a text with nothing left is copied whole."""
    offsets, codes = answers
    size, line = 0, 0
    for document in range(len(borders) - 1):
        start, place, end = size, borders[document], borders[document + 1]
        kept, dropped, words = 0, 0, 0
        while place <= end:
            after = line_end(data, place, end)
            if verdicts[line] == _KEEP:
                if kept > 0:
                    out[size] = 0x0A
                    size += 1
                out[size : size + after - place] = data[place:after]
                size += after - place
                kept += 1
                words += num_words(data, place, after)
            else:
                dropped += 1
            line += 1
            place = after + 1
        if dropped > 0 and words == 0:
            codes[document] = 1
            size = start + end - borders[document]
            out[start:size] = data[borders[document] : end]
        offsets[document + 1] = size
    return size
