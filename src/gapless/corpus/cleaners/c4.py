"""The rules of C4 (Raffel et al. 2020, section 2.2), first for lines, then for the document.

Order and detail are those of the program that built C4 (TensorFlow Datasets, c4_utils.clean_page):
a line that goes for its ending or its length is not looked at for "lorem ipsum" or a curly bracket,
while the paper speaks of the page. The default thresholds, 5 words a line and 3 sentences, are the
program's; datatrove has 3 and 5.

Here a line may also end with a single or a typographic quotation mark ("end quotation mark", the
paper says), and the space before a citation that is taken from its end goes too. A sentence ends
with full stops, exclamation or question marks, and quotes or brackets after them, before white
space; not after a single letter (an initial), nor before a small letter. The list of bad words is
not applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gapless.corpus.cleaners.answer import Answer, reasons_of_codes
from gapless.corpus.cleaners.lines import is_blank, line_end, num_characters, num_words, strip
from gapless.corpus.cleaners.phrases import Phrases, find_phrase, pack_phrases, phrase_at
from gapless.words.compiled import compiled
from gapless.words.split import text_bytes

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.corpus.cleaners.answer import Cleaner
    from gapless.recipe.cleanings import C4

POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
"""As in the program that built C4."""

_REASONS = ("lorem_ipsum", "curly_bracket", "too_few_sentences", "nothing_left")
_LOREM_IPSUM, _CURLY_BRACKET, _TOO_FEW_SENTENCES, _NOTHING_LEFT = 1, 2, 3, 4
_STAYS, _GOES = 0, -1
"""Of a line; above, what its document goes for."""


class _Rules(NamedTuple):
    """The spec as the kernels read it."""

    ends_with_punctuation: bool
    min_words: int
    max_word_length: int
    min_sentences: int
    citations: Phrases
    phrases: Phrases
    verdicts: np.ndarray
    """What each of the phrases does to its line: int64."""


def build_c4(spec: C4) -> Cleaner:
    """Return the cleaner of C4's rules."""
    import pyarrow as pa

    rules = _rules(spec)

    def clean(texts: pa.LargeStringArray) -> Answer:
        data, borders = text_bytes(texts)
        out = np.empty(len(data), dtype=np.uint8)
        offsets = np.zeros(len(texts) + 1, dtype=np.int64)
        codes = np.zeros(len(texts), dtype=np.int64)
        size = _clean(data, borders, rules, out, offsets, codes)
        buffers = pa.py_buffer(offsets), pa.py_buffer(out[:size])
        cleaned = pa.LargeStringArray.from_buffers(len(texts), *buffers)
        return Answer(cleaned, reasons_of_codes("c4", _REASONS, codes))

    return clean


def _rules(spec: C4) -> _Rules:
    verdicts: dict[str, int] = {}
    if spec.refuse_lorem_ipsum:
        verdicts["lorem ipsum"] = _LOREM_IPSUM
    if spec.remove_javascript_lines:
        verdicts["javascript"] = _GOES
    if spec.refuse_curly_bracket:
        verdicts["{"] = _CURLY_BRACKET
    if spec.remove_policy_lines:
        verdicts.update(dict.fromkeys(POLICY_PHRASES, _GOES))
    return _Rules(
        spec.line_ends_with_punctuation,
        spec.min_words_per_line,
        spec.max_word_length,
        spec.min_sentences,
        pack_phrases(("[edit]", "[citation needed]") if spec.remove_citations else ()),
        pack_phrases(tuple(verdicts)),
        np.array([*verdicts.values()], dtype=np.int64),
    )


@compiled
def _clean(
    data: np.ndarray,
    borders: np.ndarray,
    rules: _Rules,
    out: np.ndarray,
    offsets: np.ndarray,
    codes: np.ndarray,
) -> int:
    size = 0
    for document in range(len(borders) - 1):
        start, place, end = size, borders[document], borders[document + 1]
        sentences, verdict = 0, _STAYS
        while place < end and verdict <= _STAYS:
            after = line_end(data, place, end)
            begin = size + (size > start)
            stop = _copy_line(data, place, after, rules.citations, out, begin)
            stop = strip(out, begin, stop)[1]
            verdict = _judge(data[place:after], out, begin, stop, rules)
            if verdict == _STAYS:
                if begin > start:
                    out[begin - 1] = 0x0A
                sentences += num_sentences(out, begin, stop)
                size = stop
            place = after + 1
        if verdict <= _STAYS and sentences < rules.min_sentences:
            verdict = _TOO_FEW_SENTENCES
        elif verdict <= _STAYS and size == start:
            verdict = _NOTHING_LEFT
        if verdict > _STAYS:
            codes[document] = verdict
            size = start + end - borders[document]
            out[start:size] = data[borders[document] : end]
        offsets[document + 1] = size
    return size


@compiled
def _copy_line(
    data: np.ndarray, begin: int, end: int, citations: Phrases, out: np.ndarray, size: int
) -> int:
    """Copy a line, stripped and without [1], [edit] and [citation needed]; return its end."""
    place, end = strip(data, begin, end)
    takes = len(citations.borders) > 1
    while place < end:
        if takes and data[place] == 0x5B:
            after = _citation_end(data, place, end, citations)
            if after > place:
                place = after
                continue
        out[size] = data[place]
        size += 1
        place += 1
    return size


@compiled
def _citation_end(data: np.ndarray, place: int, end: int, citations: Phrases) -> int:
    number = phrase_at(data, place, end, citations)
    if number >= 0:
        return int(place + citations.borders[number + 1] - citations.borders[number])
    after = place + 1
    while after < end and 0x30 <= data[after] <= 0x39:
        after += 1
    return after + 1 if after < end and data[after] == 0x5D else place


@compiled
def _judge(line: np.ndarray, out: np.ndarray, begin: int, end: int, rules: _Rules) -> int:
    """Return what becomes of a line: ``line`` as it came, ``out[begin:end]`` without citations."""
    if _longest_word(line, rules.max_word_length) > rules.max_word_length:
        return _GOES
    if rules.ends_with_punctuation and not _ends_well(out, begin, end):
        return _GOES
    if num_words(out, begin, end) < rules.min_words:
        return _GOES
    number = find_phrase(out, begin, end, rules.phrases)
    return int(rules.verdicts[number]) if number >= 0 else _STAYS


@compiled
def _longest_word(line: np.ndarray, enough: int) -> int:
    """Return the characters of the longest word, or 0 when the line has not ``enough`` bytes."""
    longest = 0
    if len(line) <= enough:
        return longest
    begin = 0
    for place in range(len(line) + 1):
        if place == len(line) or is_blank(line[place]):
            if place - begin > enough:
                longest = max(longest, num_characters(line, begin, place))
            begin = place + 1
    return longest


@compiled
def _is_end_mark(byte: int) -> bool:
    return bool(byte in (0x2E, 0x21, 0x3F))


@compiled
def _quote_size(data: np.ndarray, place: int, end: int) -> int:
    """Return the bytes of the end quotation mark at a place, or 0."""
    if place >= end:
        return 0
    if data[place] in (0x22, 0x27):
        return 1
    if end - place >= 3 and data[place] == 0xE2 and data[place + 1] == 0x80:
        return 3 if data[place + 2] in (0x99, 0x9D) else 0
    return 0


@compiled
def _ends_well(data: np.ndarray, begin: int, end: int) -> bool:
    """Whether a line ends with an end mark or quotation mark and not with an ellipsis."""
    if end == begin:
        return False
    if end - begin >= 3 and data[end - 1] == 0x2E:
        return bool(data[end - 2] != 0x2E or data[end - 3] != 0x2E)
    if _is_end_mark(data[end - 1]):
        return True
    last = max(begin, end - 3)
    return bool(_quote_size(data, end - 1, end) == 1 or _quote_size(data, last, end) == 3)


@compiled
def num_sentences(data: np.ndarray, begin: int, end: int) -> int:
    """Return the number of sentences of a line; what follows the last end mark is one too."""
    count, last = 0, begin
    place = begin
    while place < end:
        if not _is_end_mark(data[place]):
            place += 1
            continue
        mark = place
        while place < end and _is_end_mark(data[place]):
            place += 1
        initial = place == mark + 1 and _is_initial(data, begin, mark)
        closing = 1
        while closing > 0:
            closing = _quote_size(data, place, end)
            if place < end and data[place] in (0x29, 0x5D):
                closing = 1
            place += closing
        if place >= end or (not initial and _sentence_begins(data, place, end)):
            count, last = count + 1, place
    return count + (last < end)


@compiled
def _is_initial(data: np.ndarray, begin: int, mark: int) -> bool:
    """Whether one ASCII letter alone stands before a full stop."""
    if data[mark] != 0x2E or mark == begin or not 0x61 <= (data[mark - 1] | 0x20) <= 0x7A:
        return False
    return mark - 1 == begin or not 0x61 <= (data[mark - 2] | 0x20) <= 0x7A


@compiled
def _sentence_begins(data: np.ndarray, place: int, end: int) -> bool:
    """Whether white space, and then no small ASCII letter, stands at a place."""
    if not is_blank(data[place]):
        return False
    while place < end and is_blank(data[place]):
        place += 1
    return not (place < end and 0x61 <= data[place] <= 0x7A)
