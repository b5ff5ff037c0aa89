r"""Repaired, normal Unicode: what ftfy mends, NFC, and line feeds without other controls.

    text -> ftfy (encoding, C1 controls, terminal escapes) -> NFC -> line feeds, no controls

All three are slow in Python, so a kernel marks the texts that may need each:

    ftfy      a C1 control; an escape; a pair of neighbours that mojibake consists of, by a table
              over ftfy's own characters; the oe ligature before anything but an ASCII letter; a
              capital A with circumflex or tilde before a space
    NFC       a character from U+0300 on, but for U+2010..U+2060 (quotes, dashes)
    controls  a control but tab and line feed, U+2028, U+2029, U+FEFF, and the characters that
              ftfy too drops (U+206A..U+206F, U+FFF9..U+FFFB)

ftfy mends only what one regular expression of it finds, and each of that expression's branches
needs one of the marks above; a test compares the two over all pairs. Curly quotes, ligatures, wide
letters and HTML entities stay as they are: they are no broken encoding.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gapless.corpus.cleaners.answer import Answer, with_texts
from gapless.words.compiled import compiled
from gapless.words.split import decode, text_bytes

if TYPE_CHECKING:
    import pyarrow as pa
    from ftfy import TextFixerConfig

    from gapless.corpus.cleaners.answer import Cleaner
    from gapless.recipe.cleanings import Unicode

_MOJIBAKE, _NORMAL, _CONTROLS = 1, 2, 4

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u206a-\u206f\ufeff\ufff9-\ufffb]")

_NONE, _PLAIN, _SMALL, _COMMON, _OTHER, _LEAD, _LIGATURE = range(7)
"""What a character is to mojibake; `_pairs_up` says which neighbours are suspicious."""
_LEADS = "\u00c2\u00c3\u00ce\u00d0\u00d8\u00d9\u221a"
_CIRCUMFLEX_AND_TILDE = 0xC2, 0xC3
_LIGATURES = 0x152, 0x153


def build_unicode(_spec: Unicode) -> Cleaner:
    """Return the cleaner that repairs and normalises text."""
    kinds = character_kinds()

    def clean(texts: pa.LargeStringArray) -> Answer:
        data, borders = text_bytes(texts)
        needs = np.zeros(len(texts), dtype=np.uint8)
        mark_needs(data, borders, kinds, needs)
        changed = {}
        for place in np.flatnonzero(needs):
            text = texts[int(place)].as_py()
            mended = mend(text, int(needs[place]))
            if mended != text:
                changed[int(place)] = mended
        return Answer(with_texts(texts, changed))

    return clean


def mend(text: str, needs: int = _MOJIBAKE | _NORMAL | _CONTROLS) -> str:
    """Return a text mended in the ways it needs (all, unless told)."""
    if needs & _MOJIBAKE:
        import ftfy

        text = ftfy.fix_text(text, _ftfy_config())
        needs |= _NORMAL | _CONTROLS
    if needs & _NORMAL and not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if needs & _CONTROLS:
        text = _DROPPED.sub("", _LINE_ENDS.sub("\n", text))
    return text


@cache
def _ftfy_config() -> TextFixerConfig:
    import ftfy

    return ftfy.TextFixerConfig(
        unescape_html=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )


@cache
def character_kinds() -> np.ndarray:
    """Return what each character of the basic plane is to mojibake: uint8, shape (0x10000,)."""
    from ftfy.badness import MOJIBAKE_CATEGORIES

    kinds = np.zeros(0x10000, dtype=np.uint8)
    for category, members in MOJIBAKE_CATEGORIES.items():
        finds = re.compile(f"[{members}]")
        for point in range(0x80, len(kinds)):
            if finds.match(chr(point)):
                kinds[point] = _kind(category, point)
    kinds[[ord(character) for character in _LEADS]] = _LEAD
    kinds[[*_LIGATURES]] = _LIGATURE
    return kinds


def _kind(category: str, point: int) -> int:
    if category in ("upper_common", "lower_common") and not 0x402 <= point <= 0x40F:
        return _PLAIN
    if category == "common":
        return _COMMON
    small = category in ("lower_accented", "kaomoji") and chr(point).islower()
    return _SMALL if small else _OTHER


@compiled
def _pairs_up(left: int, right: int) -> bool:
    """Whether two neighbours may be mojibake: never two letters of a plain or small kind."""
    if _COMMON in (left, right):
        return left == _LEAD or (right == _LEAD and left != _NONE)
    kinds_mix = left + right == _PLAIN + _SMALL
    return kinds_mix or (max(left, right) >= _OTHER and min(left, right) >= _PLAIN)


@compiled
def mark_needs(data: np.ndarray, borders: np.ndarray, kinds: np.ndarray, needs: np.ndarray) -> None:
    """Set the bits of what each text may need."""
    for document in range(len(borders) - 1):
        place, end = borders[document], borders[document + 1]
        before, last, bits = _NONE, 0, 0
        while place < end:
            byte = data[place]
            if byte < 0x80 and before == _NONE:
                if byte < 0x20 or byte == 0x7F:
                    bits |= _control_bits(int(byte))
                last = byte
                place += 1
                continue
            point, size = decode(data, place)
            kind = kinds[point] if point < 0x10000 else _NONE
            bits |= _point_bits(point)
            if _pairs_up(before, kind) or (point == 0x20 and last in _CIRCUMFLEX_AND_TILDE):
                bits |= _MOJIBAKE
            if last in _LIGATURES and not 0x61 <= (point | 0x20) <= 0x7A:
                bits |= _MOJIBAKE
            before, last = kind, point
            place += size
        needs[document] = bits


@compiled
def _control_bits(point: int) -> int:
    if point in (0x09, 0x0A):
        return 0
    return _CONTROLS | _MOJIBAKE if point == 0x1B else _CONTROLS


@compiled
def _point_bits(point: int) -> int:
    """Return what one character alone may need."""
    if point < 0x20 or point == 0x7F:
        return int(_control_bits(point))
    if point < 0xA0:
        return _CONTROLS | _MOJIBAKE if point >= 0x80 else 0
    if point < 0x300 or 0x2010 <= point < 0x2028 or 0x202A <= point <= 0x2060:
        return 0
    if point in (0x2028, 0x2029, 0xFEFF) or 0x206A <= point <= 0x206F:
        return _CONTROLS
    return _NORMAL | _CONTROLS if 0xFFF9 <= point <= 0xFFFB else _NORMAL
