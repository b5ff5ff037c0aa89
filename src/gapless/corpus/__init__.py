"""Files to documents: read, clean, hold out, write. Text moves in Daft dataframes.

    paths --source_files--> files --prepare_documents--> documents.parquet, removed.parquet

`resolve.py` finds files, `readers.py` is the table of formats (`json_lines.py`, `parquet.py`,
`plain_text.py`; each makes the rows of `rows.py`), `packed.py` unpacks, `engine.py` loads Daft,
`cleaning.py` is the table of cleaners, `held_out.py` the split, `tables.py` what is written.

To add a format: one file with ``read(path, columns)``, one line in READERS, one test. To add a
cleaner: one function and one line in `cleaning.py`, one test.
"""

from gapless.corpus.prepare import prepare_documents
from gapless.corpus.resolve import source_files

__all__ = ["prepare_documents", "source_files"]
