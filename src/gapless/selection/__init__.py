"""Selection: which documents of a source the run may draw from. It repeats nothing.

    lengths, held out, (scores) --select--> indices of documents, in order of preference

To add a kind: one model in ``recipe/schema.py``, one ranking in ``choose.py``, one test.
"""

from gapless.selection.choose import select

__all__ = ["select"]
