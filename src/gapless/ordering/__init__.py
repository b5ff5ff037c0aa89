"""Ordering: what comes when. The order is a value: row k is computable without rows 0..k-1.

    phases as rows --interleave--> row k = (source, its j-th row)
    selection, seed --stream-----> a source's j-th row = slices of documents

Within a phase, every source's rows are spread evenly. A source's stream runs on from phase to
phase: what one phase used up, the next does not draw again before the epoch is over.
"""

from gapless.ordering.interleave import interleave
from gapless.ordering.run_order import RunOrder
from gapless.ordering.stream import DocumentStream

__all__ = ["DocumentStream", "RunOrder", "interleave"]
