"""Selection: which documents of a source the run may draw from. It repeats nothing.

    Pool (lengths, eligible, columns) --rank--> documents, most preferred first
                                      --take--> Choice, to a budget or to one per label
                                      --explain--> why a document is in, or is not

`rankings.py` has one function per type of selection; `scores.py` reads columns, `quotas.py`
divides a budget over labels, `budgets.py` takes whole documents while they fit. The draws behind
every random order are one number per document, of the seed, the source and the document's index:
they do not depend on the budget, nor on which other documents are eligible.

To add a kind: one model in ``recipe/selections.py``, one ranking in ``rankings.py``, one sentence
in ``reasons.py``, one test.
"""

from gapless.selection.choice import Choice, Portion
from gapless.selection.choose import select
from gapless.selection.pool import Pool
from gapless.selection.reasons import describe, explain

__all__ = ["Choice", "Pool", "Portion", "describe", "explain", "select"]
