"""Files to documents, and the documents that must not be trained on.

    paths --source_files--> files --prepare_part--> documents-*.parquet, removed-*.parquet
    paths --source_files--> files --prepare_distinct--> the same, without copied paragraphs
    documents --mark_part, find_duplicates--> copies
    documents, evaluation items --ItemIndex, hits_in_part--> documents that hold an item

`resolve.py` finds files, `readers.py` is the table of formats (one file each; all make the rows of
`rows.py`), `packed.py` unpacks, `prepare.py` makes a part of a source's documents, `cleaning.py`
runs the checks and the table of `cleaners/`, `tables.py` is what is written. `paragraphs.py` takes
out paragraphs that stood in the source before, with the loops of `paragraph_loops.py`.
`signatures.py` (MinHash) and `near_copies.py` find what `duplicates.py` turns into removals.

To add a format: one file with ``read(path, columns)``, one line in READERS, one test. To add a
cleaner: one spec in the recipe, one file in `cleaners/`, one line in its table, one test.
"""

from gapless.corpus.duplicates import find_duplicates, mark_part
from gapless.corpus.paragraphs import prepare_distinct
from gapless.corpus.prepare import add_up, parts_of, prepare_part
from gapless.corpus.resolve import SourceFile, size_of, source_files

__all__ = [
    "SourceFile",
    "add_up",
    "find_duplicates",
    "mark_part",
    "parts_of",
    "prepare_distinct",
    "prepare_part",
    "size_of",
    "source_files",
]
