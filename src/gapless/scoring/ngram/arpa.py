"""A model as ARPA text: log10 probability, n-gram, log10 backoff."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gapless.scoring.ngram.kneser_ney import names

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_ROWS = 1 << 16
_NO_BIGRAMS = b"\\2-grams:\n\n"


def write_arpa(
    con: duckdb.DuckDBPyConnection, words: pa.LargeStringArray, counts: Sequence[int], path: Path
) -> None:
    """Write model_1 .. model_N, in the order of lmplz: by last word, last but one, and so on.

    The models are used up.
    """
    order = len(counts)
    with path.open("wb") as file:
        file.write(_header(counts))
        for n in range(1, order + 1):
            file.write(f"\\{n}-grams:\n".encode())
            backwards = ", ".join(reversed(names(n)))
            sorted_rows = con.sql(f"FROM {_numbers(con, n, order)} ORDER BY {backwards}")
            for batch in sorted_rows.to_arrow_reader(_ROWS):
                _write_lines(file, batch, words, n)
            file.write(b"\n")
        file.write(_NO_BIGRAMS if order == 1 else b"")
        file.write(b"\\end\\\n")


def add_empty_bigrams(path: Path) -> None:
    """Give a model of order 1 a section of no bigrams, without which KenLM cannot read it."""
    text = path.read_bytes().replace(b"\n\n", b"\nngram 2=0\n\n", 1)
    path.write_bytes(text.removesuffix(b"\\end\\\n") + _NO_BIGRAMS + b"\\end\\\n")


def _header(counts: Sequence[int]) -> bytes:
    sizes = [*counts, 0] if len(counts) == 1 else counts
    lines = [f"ngram {n}={size}\n" for n, size in enumerate(sizes, start=1)]
    return f"\\data\\\n{''.join(lines)}\n".encode()


def _numbers(con: duckdb.DuckDBPyConnection, n: int, order: int) -> str:
    """Turn model_n into the words and numbers of its section, and return the table's name.

    An n-gram that is no context backs off at no cost; -99 is how ARPA writes log10 of 0. The sort
    is a query of its own because a join and a sort in one keep more in memory.
    """
    columns = f"{', '.join(names(n, 'm.'))}, least(log10(p), 0)::FLOAT AS log10_p"
    same = " AND ".join(f"m.{name} = c.{name}" for name in names(n))
    backoff = "log10(greatest(coalesce(gamma, 1), 1e-99))::FLOAT AS log10_backoff"
    query = f"FROM model_{n} m SELECT {columns}"
    if n < order:
        query = (
            f"FROM model_{n} m LEFT JOIN contexts_{n + 1} c ON {same} SELECT {columns}, {backoff}"
        )
    con.execute(f"CREATE TABLE section_{n} AS {query}")
    con.execute(f"DROP TABLE model_{n}")
    return f"section_{n}"


def _write_lines(file: BinaryIO, batch: pa.RecordBatch, words: pa.LargeStringArray, n: int) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    tab, space, end, nothing = (
        pa.scalar(text, pa.large_string()) for text in ("\t", " ", "\n", "")
    )
    gram = pc.binary_join_element_wise(*(words.take(batch.column(i)) for i in range(n)), space)
    numbers = [column.cast(pa.large_string()) for column in batch.columns[n:]]
    line = pc.binary_join_element_wise(numbers[0], gram, *numbers[1:], tab)
    lines = pc.binary_join_element_wise(line, nothing, end)
    _, offsets, text = lines.buffers()
    size = memoryview(offsets).cast("q")[len(lines)]
    file.write(memoryview(text)[:size])
