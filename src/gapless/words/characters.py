"""What each character is to a word: two tables over the code points of Unicode."""

from functools import cache

import numpy as np

SEPARATOR, APOSTROPHE, ALONE, LETTER, DIGIT = range(5)
"""Between words; inside a word only; a word alone; of a word; of a word, and 0 when normalised.

What is of a word is LETTER or above.
"""

_TABLE_SIZE = 0x110000
_ASSIGNED = (range(0x32400), range(0xE0100, 0xE01F0))
"""Planes with letters, and the variation selectors, which are marks; the rest separates."""
_APOSTROPHES = (0x27, 0x2019)
_ALONE = (
    range(0x2E80, 0x2FE0),  # radicals
    range(0x3005, 0x3008),
    range(0x3021, 0x302A),
    range(0x3040, 0x3100),  # hiragana, katakana
    range(0x31F0, 0x3200),
    range(0x3400, 0x4DC0),
    range(0x4E00, 0xA000),
    range(0xF900, 0xFB00),
    range(0x20000, 0x32400),
)


@cache
def tables() -> tuple[np.ndarray, np.ndarray]:
    """Return the class (uint8) and the lower-case form (int32) of every code point."""
    import unicodedata

    classes = np.zeros(_TABLE_SIZE, dtype=np.uint8)
    lower = np.arange(_TABLE_SIZE, dtype=np.int32)
    for block in _ASSIGNED:
        for point in block:
            character = chr(point)
            category = unicodedata.category(character)
            if category[0] in "LMN":
                classes[point] = DIGIT if category == "Nd" else LETTER
                form = character.lower()
                if len(form) == 1:
                    lower[point] = ord(form)
    for block in _ALONE:
        part = classes[block.start : block.stop]
        part[part == LETTER] = ALONE
    for point in _APOSTROPHES:
        classes[point] = APOSTROPHE
        lower[point] = _APOSTROPHES[0]
    return classes, lower
