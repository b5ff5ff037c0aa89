"""Documents: Parquet tables of texts that stay and of texts that were removed.

    documents.parquet   id, work, text, origin, held_out, one column per score
    removed.parquet     work, origin, reason, beginning

``id`` is the hash of the text; ``work`` is the user's id of the document (or ``id``); ``origin`` is
``file name:line``. Rows stand in the order of the files and of the lines in them.
"""

import hashlib
from pathlib import Path
from typing import Any

DOCUMENTS_FILE = "documents.parquet"
REMOVED_FILE = "removed.parquet"
BEGINNING_CHARACTERS = 200
"""How much of a removed text is kept for the report."""


def is_held_out(work: str, fraction: float) -> bool:
    """Whether a work is kept out of training, by the hash of its id: the same in every recipe.

    A larger fraction holds out the same works and more.
    """
    digest = hashlib.blake2b(work.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < fraction * 2**64


def read_columns(folder: Path, *columns: str, file_name: str = DOCUMENTS_FILE) -> dict[str, Any]:
    """Read columns of a table as numpy arrays (numbers, booleans) or lists (text)."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder / file_name, columns=list(columns))
    return {
        name: table.column(name).to_pylist()
        if str(table.schema.field(name).type) in {"string", "large_string"}
        else table.column(name).to_numpy()
        for name in columns
    }
