"""What each character is to a rule: one table of flags over the code points of Unicode."""

from functools import cache

import numpy as np

SPACE, ALPHABETIC, DIGIT, SENTENCE_END = 1, 2, 4, 8
"""As `str.isspace`, `str.isalpha` and `str.isdigit`; and marks that end a sentence."""

_TABLE_SIZE = 0x110000
_WITH_LETTERS = 0x32400
"""No letter, space or digit is assigned from here on."""

_SENTENCE_ENDS = (
    "!.?\u0589\u061d\u061e\u061f\u06d4\u0700\u0701\u0702\u07f9\u0837\u0839\u083d\u083e\u0964\u0965"
    "\u104a\u104b\u1362\u1367\u1368\u166e\u1735\u1736\u17d4\u17d5\u1803\u1809\u1944\u1945\u1b5a"
    "\u1b5b\u1b5e\u1b5f\u1c3b\u1c3c\u1c7e\u1c7f\u203c\u203d\u2047\u2048\u2049\u2e2e\u2e3c\u3002"
    "\ua4ff\ua60e\ua60f\ua6f3\ua6f7\ua876\ua877\ua8ce\ua8cf\ua92f\ua9c8\ua9c9\uaa5d\uaa5e\uaa5f"
    "\uaaf0\uaaf1\uabeb\ufe52\ufe56\ufe57\uff01\uff0e\uff1f\uff61"
)
"""Unicode's property Sentence_Terminal in the basic plane; scripts beyond it are not living."""


@cache
def character_flags() -> np.ndarray:
    """Return the flags of every code point: uint8, shape (0x110000,)."""
    flags = np.zeros(_TABLE_SIZE, dtype=np.uint8)
    for point in range(_WITH_LETTERS):
        character = chr(point)
        flags[point] = (
            SPACE * character.isspace()
            | ALPHABETIC * character.isalpha()
            | DIGIT * character.isdigit()
        )
    for character in _SENTENCE_ENDS:
        flags[ord(character)] |= SENTENCE_END
    return flags
