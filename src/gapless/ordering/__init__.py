"""Ordering: what comes when. The order is a value: row k is computable without rows 0..k-1.

    stretches --interleave--> row k = (stratum, its j-th row)
    selection, seed, curriculum --DocumentStream--> a stratum's j-th row = slices of documents

    permutation.py  a random permutation that is never held     blocks.py   documents in blocks
    packers.py, best_fit.py  documents into rows                 stream.py   epoch after epoch
    remainder.py    what an epoch has left at a change           curriculum.py  documents by a score
    interleave.py   strata spread evenly                         merge.py    strata by one score
    run_order.py    all of it                                    table.py    its arrays on the disk

A stream runs on from stretch to stretch: what one used up, the next does not draw again before the
epoch is over. Held in memory are the sizes of blocks and the blocks that are being read.
"""

from gapless.ordering.blocks import Arrangement, Documents, Shuffled, Sorted
from gapless.ordering.curriculum import sequence_of
from gapless.ordering.interleave import interleave, rows_taken
from gapless.ordering.packers import BestFit, Cut, Packer
from gapless.ordering.run_order import RunOrder
from gapless.ordering.stream import DocumentStream
from gapless.ordering.table import OrderTable

__all__ = [
    "Arrangement",
    "BestFit",
    "Cut",
    "DocumentStream",
    "Documents",
    "OrderTable",
    "Packer",
    "RunOrder",
    "Shuffled",
    "Sorted",
    "interleave",
    "rows_taken",
    "sequence_of",
]
