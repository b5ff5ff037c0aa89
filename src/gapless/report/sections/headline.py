"""The headline: a verdict on each arm and the table of where it began and ended."""

from dataclasses import dataclass

from gapless.report.content import ArmContent, Content, GapRow
from gapless.report.numbers import MISSING, interval, metric_named, signed, value
from gapless.report.templating import Section, fill
from gapless.report.verdict import Direction, direction, headline_rows, verdict


@dataclass(frozen=True)
class Cell:
    """One measured outcome in the table."""

    final: str
    change: str
    span: str
    direction: Direction


@dataclass(frozen=True)
class Line:
    """One row of the table: the base model of some arms, or an arm."""

    name: str
    arm: int | None
    """The arm's place; None for a base model."""
    tokens_seen: int | None
    seconds: float | None
    flops: float | None
    cells: tuple[Cell | None, ...]


def build(content: Content) -> Section:
    """Make the headline."""
    columns = measured_columns(content.arms)
    html = fill(
        "headline",
        verdicts=[verdict(arm) for arm in content.arms],
        columns=[(name, metric_named(metric).label) for name, metric in columns],
        lines=[*_base_lines(content.arms, columns), *_arm_lines(content, columns)],
        with_flops=bool(content.flops),
        notes=content.notes,
    )
    return Section("headline", "Headline", html)


def measured_columns(arms: tuple[ArmContent, ...]) -> list[tuple[str, str]]:
    """Return each (name, metric) that the headline tells of, the domain's first."""
    rows = headline_rows(tuple(row for arm in arms for row in arm.gaps))
    return list(dict.fromkeys((row.name, row.metric) for row in rows))


def _base_lines(arms: tuple[ArmContent, ...], columns: list[tuple[str, str]]) -> list[Line]:
    """Return one row per different base model: one run has one, a comparison may have more."""
    bases: dict[tuple[str, ...], list[str]] = {}
    for arm in arms:
        rows = _by_column(arm)
        shown = tuple(_base_shown(rows.get(column)) for column in columns)
        bases.setdefault(shown, []).append(arm.name)
    return [
        Line(
            "base model" if len(bases) == 1 else f"base model of {', '.join(names)}",
            None,
            0,
            None,
            None,
            tuple(Cell(text, "", "", "no interval") for text in shown),
        )
        for shown, names in bases.items()
    ]


def _arm_lines(content: Content, columns: list[tuple[str, str]]) -> list[Line]:
    lines = []
    for index, arm in enumerate(content.arms):
        rows = _by_column(arm)
        cells = tuple(_cell(rows.get(column)) for column in columns)
        spent = content.flops.get(arm.name)
        lines.append(Line(arm.name, index, arm.tokens_seen, arm.seconds, spent, cells))
    return lines


def _by_column(arm: ArmContent) -> dict[tuple[str, str], GapRow]:
    return {(row.name, row.metric): row for row in arm.gaps}


def _base_shown(row: GapRow | None) -> str:
    return MISSING if row is None else value(row.base, metric_named(row.metric))


def _cell(row: GapRow | None) -> Cell | None:
    if row is None:
        return None
    metric = metric_named(row.metric)
    return Cell(
        final=value(row.final, metric),
        change=signed(row.change, metric),
        span=interval(row.change_low, row.change_high, metric),
        direction=direction(row.change_low, row.change_high),
    )
