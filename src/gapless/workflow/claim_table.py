"""The tables of claims' results, in a Markdown page."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from gapless.errors import RunError
from gapless.records.artifact import write_text
from gapless.records.claim_views import EMBEDDED, ClaimRow

BEGIN, END = "<!-- claims: begin -->", "<!-- claims: end -->"


def write_table(rows: Sequence[ClaimRow], page: Path) -> None:
    """Put the table of results between the two marks of a Markdown page.

    Raises:
        RunError: the page has no such marks.

    """
    text = page.read_text("utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        mend = f"Write {BEGIN} and {END}, each on a line of its own, where the table belongs."
        raise RunError("the page has no place for a table", where=str(page), mend=mend)
    write_text(page, head + begin + "\n" + "\n".join(table(rows)) + "\n" + end + tail)


def table(rows: Sequence[ClaimRow]) -> Iterator[str]:
    """Yield the lines of two Markdown tables: the verdicts, and the numbers behind them."""
    yield "| claim | | scale | verdict | seeds | tokens |"
    yield "| --- | --- | --- | --- | ---: | ---: |"
    for row in rows:
        told = f"{len(row.seeds)} | {f'{row.tokens:,}' if row.tokens else '-'}"
        yield f"| {row.id} | {_cell(row.hypothesis)} | {row.scale} | **{row.verdict}** | {told} |"
    yield ""
    yield "| claim | number | mean and 95 % interval over seeds | wanted | verdict |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        scale = "" if row.scale == EMBEDDED else f", {row.scale}"
        for part in row.parts:
            numbers = f"{_cell(part.seen)} | {part.wanted} | {part.verdict}"
            yield f"| {row.id}{scale} | {_cell(part.says)} | {numbers} |"


def _cell(text: str) -> str:
    """Return a text that stays in its cell: on one line, and without a border of its own."""
    return " ".join(text.split()).replace("|", "\\|")
