"""The tables of the command line, made to fit 80 columns."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from rich import box
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from gapless.records.comparison_views import Estimate, SeedsRow, SideBySide
from gapless.records.sweep_views import FittedLaw, SweepResult
from gapless.records.synthesis_views import PlanSynthesis
from gapless.records.views import (
    ArmStatus,
    AuditDocuments,
    AuditRow,
    PlanArm,
    PlanScore,
    PlanSource,
    RateSearch,
    SummaryRow,
)
from gapless.units import format_seconds, format_tokens

_NONE = "-"
_SHOWN = 20
"""Sources of one phase; the rest are one row."""


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
        time = "done" if row.done else _time(row.hours)
        table.add(row.name, row.source, format_tokens(row.tokens), f"{row.flops:.2g}", time)
    return table


def syntheses(rows: Sequence[PlanSynthesis]) -> Table:
    """Tabulate what a language model is to write, and what that costs."""
    head = (">answered", ">tokens", ">cost", ">time", ">pilot", ">kept")
    table = _table("To be written", "synthesis", *head)
    for row in rows:
        time = _NONE if row.hours is None else _time(row.hours)
        table.add(
            row.name,
            f"{_count(row.answered)} of {row.requests:,}",
            f"{'' if row.pilot else 'up to '}{format_tokens(row.tokens)}",
            _NONE if row.cost is None else f"{row.cost:.2f} {row.currency}",
            "done" if row.done else time,
            f"{row.pilot:,}" if row.pilot else _NONE,
            _NONE if row.kept is None else f"{row.kept:.0%}",
        )
    return table


def rejections(rows: Sequence[tuple[str, int]], requests: int) -> Table:
    """Tabulate why answers were thrown away."""
    table = _table("", "thrown away because", ">answers", ">of all")
    for reason, count in rows:
        table.add(reason, f"{count:,}", f"{count / requests:.1%}")
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
            _time(row.hours),
            f"{row.probes} times",
        )
    if len(rows) > 1:
        table.add_section()
        table.add(
            "together",
            format_tokens(sum(row.tokens for row in rows)),
            f"{sum(row.steps for row in rows):,}",
            f"{sum(row.flops for row in rows):.2g}",
            _time(sum(row.hours for row in rows)),
            f"{sum(row.probes for row in rows)} times",
        )
    return table


def _time(hours: float) -> str:
    return _NONE if math.isnan(hours) else format_seconds(hours * 3600)


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


def sweep_ranking(result: SweepResult) -> Table:
    """Tabulate the best settings of a sweep, and what they came to."""
    settings = {trial.setting: trial.settings for trial in result.trials}
    table = _table("", "setting", ">gain", ">forgetting", "of")
    for setting, gain, forgetting, _ in result.ranking[:_SHOWN]:
        of = ", ".join(
            f"{_last_key(path)} {value:g}"
            if isinstance(value, float)
            else f"{_last_key(path)} {value}"
            for path, value in settings[setting].items()
        )
        table.add(f"t{setting:03d}", _signed(gain), _signed(forgetting), of)
    return table


def laws(rows: Sequence[FittedLaw]) -> Table:
    """Tabulate how well laws predict settings that were held out."""
    table = _table("Held-out settings", "metric", ">rank correlation", ">error", ">of the mean's")
    for row in rows:
        value, low, high = row.rank_correlation
        table.add(
            row.metric,
            f"{value:.2f} ({low:.2f} to {high:.2f})",
            f"{row.error[0]:.4f}",
            f"{row.against_mean[0]:.0%}",
        )
    return table


def _last_key(path: str) -> str:
    return path.removeprefix("share of ").rpartition(".")[2]


def _signed(value: float | None) -> str:
    return _NONE if value is None else f"{value:+.4f}"


def over_seeds(rows: Sequence[SeedsRow]) -> Table:
    """Tabulate the means of arms that differ in their seed alone."""
    title = "Means over seeds, with 95 % intervals of items and seeds"
    table = _table(title, "arms", ">seeds", ">gain", ">forgetting")
    for row in rows:
        estimates = (_estimate(each) for each in (row.gain, row.forgetting))
        table.add("\n".join(row.arms), str(len(row.arms)), *estimates)
    return table


def side_by_side(rows: Sequence[SideBySide]) -> Table:
    """Tabulate by how much arms differ at the same cost."""
    by_flops = any(row.flops is not None for row in rows)
    title = "How much better (+) or worse the first is, at the same cost; 95 % intervals"
    at = ">FLOPs" if by_flops else ">tokens"
    table = _table(title, "first", "against", at, ">domain", ">general")
    for row in rows:
        cost = (
            f"{row.flops:.2g}" if row.flops is not None else format_tokens(round(row.tokens or 0))
        )
        table.add(
            "\n".join(row.arms),
            "\n".join(row.against),
            cost,
            _estimate(row.domain),
            _estimate(row.general),
        )
    return table


def _estimate(found: Estimate | None) -> str:
    if found is None:
        return _NONE
    if found.low is None or found.high is None:
        return f"{found.value:+.3f}"
    return f"{found.value:+.3f}\n{found.low:+.3f} to {found.high:+.3f}"


def rates(search: RateSearch) -> Table:
    """Tabulate what short runs at several learning rates came to."""
    tokens = format_tokens(search.tokens_per_rate)
    table = _table(
        f"Changes in bits per byte after {tokens} tokens",
        ">rate",
        ">domain\nchange",
        ">general\nchange",
        ">last\nloss",
        "loss",
    )
    for row in search.rows:
        state = {
            "fell": "fell",
            "rose": "rose",
            "diverged": f"diverged, step {row.steps + 1}",
        }
        table.add(
            f"{row.rate:.2e}",
            _small_change(row.gain),
            _small_change(row.forgetting),
            _number(row.loss),
            state[row.state],
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


def audit(title: str, rows: Sequence[AuditRow]) -> Table:
    """Tabulate what every phase has seen of each source, against the plan."""
    padded = any(row.padding_tokens for row in rows)
    numbers = [">planned", ">seen", *([">padding"] if padded else []), ">share", ">times\nseen"]
    table = _table(f"Seen, {title}", ">phase", "source", *numbers)
    for phase, group in groupby(rows, lambda row: row.phase):
        members = list(group)
        shown = members if len(members) <= _SHOWN + 1 else members[:_SHOWN]
        for row in shown:
            table.add(
                str(phase + 1) if row is members[0] else "",
                row.stratum,
                _exactly(row.planned_tokens),
                _exactly(row.seen_tokens),
                *([_exactly(row.padding_tokens)] if padded else []),
                f"{row.share:.1%}",
                f"{row.repetition:.2f}",
            )
        if rest := members[len(shown) :]:
            table.add(
                "",
                f"... {len(rest):,} more",
                _exactly(sum(row.planned_tokens for row in rest)),
                _exactly(sum(row.seen_tokens for row in rest)),
                *([_exactly(sum(row.padding_tokens for row in rest))] if padded else []),
                f"{sum(row.share for row in rest):.1%}",
                "",
            )
    return table


def seen_documents(title: str, rows: Sequence[AuditDocuments]) -> Table:
    """Tabulate how often documents were seen."""
    table = _table(
        f"Documents seen from beginning to end, {title}",
        "source",
        ">documents",
        "how many, how often",
        ">in part",
        ">cut by\na row",
    )
    by_size = sorted(rows, key=lambda row: -row.documents)
    shown = by_size if len(by_size) <= _SHOWN + 1 else by_size[:_SHOWN]
    for row in shown:
        table.add(row.stratum, f"{row.documents:,}", *_seen([row]))
    if rest := by_size[len(shown) :]:
        documents = sum(row.documents for row in rest)
        table.add(f"... {len(rest):,} more", f"{documents:,}", *_seen(rest))
    return table


def _seen(rows: Sequence[AuditDocuments]) -> tuple[str, str, str]:
    """Return how often documents were seen, and how many in part and cut, as text."""
    counts: Counter[int] = Counter()
    for row in rows:
        counts.update(dict(row.whole))
    words = {0: "never", 1: "once", 2: "twice"}
    whole = ", ".join(
        f"{count:,} {words.get(times, f'{times:,} times')}"
        for times, count in sorted(counts.items())
    )
    in_part, cut = sum(row.in_part for row in rows), sum(row.cut for row in rows)
    return whole or _NONE, f"{in_part:,}", f"{cut:,}"


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


def _exactly(tokens: int) -> str:
    """Return every digit where the columns have room for them."""
    return f"{tokens:,}" if tokens < 10**10 else format_tokens(tokens)


def _count(number: int | None) -> str:
    return _NONE if number is None else f"{number:,}"


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"


def _change(value: float | None) -> str:
    return _NONE if value is None else f"{value:+.3f}"


def _small_change(value: float | None) -> str:
    return _NONE if value is None else f"{value:+.4f}"


def _recovery(row: SummaryRow) -> str:
    if row.gap_depth is None:
        return _NONE
    if not row.gap_depth:
        return "no gap"
    if row.recovered and row.tokens_to_recovery is not None:
        return format_tokens(row.tokens_to_recovery)
    return "never"
