"""The tables of the command line, made to fit 80 columns."""

import unicodedata
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from gapless.records.views import (
    ArmStatus,
    PlanArm,
    PlanMixtureRow,
    PlanScore,
    PlanSource,
    SummaryRow,
)
from gapless.units import format_seconds, format_tokens

_NONE = "-"


def plain(text: str) -> str:
    """Return text without the control characters that could steer a terminal."""
    return "".join(
        "\ufffd"
        if unicodedata.category(letter) in {"Cc", "Cs"} and letter not in "\n\t"
        else letter
        for letter in text
    )


def sources(rows: Sequence[PlanSource]) -> Table:
    """Tabulate what the sources hold."""
    table = _table("Sources", "source", "role", ">documents", ">held out", ">removed", ">tokens")
    for row in rows:
        about = "" if row.exact else "about "
        tokens = _NONE if row.tokens is None else about + format_tokens(row.tokens)
        counts = (row.documents, row.held_out_documents, row.removed_documents)
        table.add(row.name, row.role, *map(_count, counts), tokens)
    return table


def scores(rows: Sequence[PlanScore]) -> Table:
    """Tabulate what scoring with a language model costs."""
    table = _table("Scores under a model", "score", "source", ">tokens", ">FLOPs", ">time here")
    for row in rows:
        time = "done" if row.done else format_seconds(row.hours * 3600)
        table.add(row.name, row.source, format_tokens(row.tokens), f"{row.flops:.2g}", time)
    return table


def mixture(rows: Sequence[PlanMixtureRow]) -> Table:
    """Tabulate what each source gives to each phase of each arm."""
    table = _table(
        "Mixture", "arm", ">phase", "source", ">share", ">tokens", ">of\nselected", ">times\nseen"
    )
    last: tuple[str, int] | None = None
    for row in rows:
        again = (row.arm, row.phase) == last
        last = (row.arm, row.phase)
        table.add(
            "" if again else row.arm,
            "" if again else str(row.phase + 1),
            row.source,
            f"{row.share:.1%}",
            format_tokens(row.tokens),
            format_tokens(row.selected_tokens),
            f"{row.repetition:.2f}",
        )
    return table


def arms(rows: Sequence[PlanArm]) -> Table:
    """Tabulate what each arm costs."""
    table = _table("Cost", "arm", ">tokens", ">steps", ">FLOPs", ">time here", ">measured")
    for row in rows:
        table.add(
            row.name,
            format_tokens(row.tokens),
            f"{row.steps:,}",
            f"{row.flops:.2g}",
            format_seconds(row.hours * 3600),
            f"{row.probes} times",
        )
    if len(rows) > 1:
        table.add_section()
        table.add(
            "together",
            format_tokens(sum(row.tokens for row in rows)),
            f"{sum(row.steps for row in rows):,}",
            f"{sum(row.flops for row in rows):.2g}",
            format_seconds(sum(row.hours for row in rows) * 3600),
            f"{sum(row.probes for row in rows)} times",
        )
    return table


def summary(rows: Iterable[tuple[str, SummaryRow]]) -> Table:
    """Tabulate how each arm ended, beside the base model; names stand before their rows."""
    table = _table(
        "Result in bits per byte (less is better); gain and forgetting: above 0 is better",
        "arm",
        ">domain",
        ">general",
        ">gain",
        ">forgetting",
        ">gap\ndepth",
        ">tokens to\nrecovery",
    )
    for name, row in rows:
        table.add(
            name,
            _number(row.domain_bits_per_byte),
            _number(row.general_bits_per_byte),
            _change(row.gain),
            _change(row.forgetting),
            _number(row.gap_depth),
            _recovery(row),
        )
    return table


def progress(rows: Sequence[ArmStatus]) -> Table:
    """Tabulate how far each arm is."""
    table = _table("Training", "arm", "state", ">tokens seen", ">of", ">done")
    for row in rows:
        total = row.total_tokens
        table.add(
            row.name,
            row.state,
            format_tokens(row.tokens_seen),
            _NONE if total is None else format_tokens(total),
            f"{row.tokens_seen / total:.0%}" if total else _NONE,
        )
    return table


def assets(rows: Iterable[tuple[str, str, bool, str, str]]) -> Table:
    """Tabulate assets: name, kind, whether here, licence, what it is."""
    table = _table("", "name", "kind", "here", "licence", "what it is")
    for name, kind, here, licence, about in rows:
        table.add(name, kind, "yes" if here else "no", licence, about)
    table.columns[0].no_wrap = True
    return table


class _Plain(Table):
    """A table whose cells are text, never markup."""

    def add(self, *cells: str) -> None:
        """Add a row."""
        self.add_row(*(Text(plain(cell)) for cell in cells))


def _table(title: str, *columns: str) -> _Plain:
    """Return an empty table; a column whose head begins with '>' holds numbers."""
    table = _Plain(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for column in columns:
        head, numbers = column.removeprefix(">"), column.startswith(">")
        justify: JustifyMethod = "right" if numbers else "left"
        table.add_column(head, justify=justify, no_wrap=numbers, overflow="fold")
    return table


def _count(number: int | None) -> str:
    return _NONE if number is None else f"{number:,}"


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"


def _change(value: float | None) -> str:
    return _NONE if value is None else f"{value:+.3f}"


def _recovery(row: SummaryRow) -> str:
    if row.gap_depth is None:
        return _NONE
    if not row.gap_depth:
        return "no gap"
    if row.recovered and row.tokens_to_recovery is not None:
        return format_tokens(row.tokens_to_recovery)
    return "never"
