"""Named cleaners: what a recipe lists under ``cleaning.cleaners``.

    spec (recipe/cleanings.py) --build_cleaner--> Cleaner
    Cleaner(texts) -> Answer: the texts, changed or not, and for each its reason to go, or null

A cleaner sees only documents that still stay, in batches, and judges each by itself: who else is in
the batch changes nothing. A document that goes is given back as it came. A reason is machine
readable: the cleaner's name, a colon, the rule. Loops run in kernels compiled by Numba over the
UTF-8 bytes (`lines`, `characters`); they leave Python's lock alone.

To add a cleaner: one spec in recipe/cleanings.py, one file here, one line in the table, one test.
"""

from gapless.corpus.cleaners.answer import Answer, Cleaner
from gapless.corpus.cleaners.table import build_cleaner

__all__ = ["Answer", "Cleaner", "build_cleaner"]
