"""Tables of arms side by side: pairs at the same cost, several seeds, perplexity beside tasks."""

from collections.abc import Sequence
from dataclasses import dataclass

from gapless.report.comparison_content import AtFlops, PairRow, TaskTurn, TurningRow
from gapless.report.content import Content
from gapless.report.numbers import (
    MISSING,
    Metric,
    amount,
    flops,
    interval,
    metric_named,
    signed,
    tokens,
)

_ALIKE = 0.01
"""Tokens of two arms cost the same when they differ by less."""
Cell = tuple[str, str]
"""What is shown, and a smaller line under it."""


@dataclass(frozen=True)
class Line:
    """One row: the arms that it is of, those that it is against, and what is shown."""

    arms: tuple[tuple[int, str], ...]
    """Place and name of each."""
    against: tuple[str, ...]
    cells: tuple[Cell, ...]


Groups = dict[tuple[str, str], list[Line]]
"""Name of the curve and label of the metric to its rows."""


def tells_flops(content: Content) -> bool:
    """Whether what arms spent is worth telling: it was asked for, or tokens cost differently."""
    if content.along == "flops":
        return True
    costs = [
        content.flops[arm.name] / arm.tokens_seen
        for arm in content.arms
        if arm.name in content.flops and arm.tokens_seen
    ]
    return len(costs) > 1 and max(costs) > (1 + _ALIKE) * min(costs)


def pair_lines(content: Content) -> Groups:
    """Return the lines of every two arms at the same cost."""
    with_flops = tells_flops(content)
    groups: Groups = {}
    for row in sorted(content.pairs, key=lambda row: row.name != "domain"):
        metric = metric_named(row.metric)
        cells = (
            (tokens(row.tokens), ""),
            (signed(row.difference, metric), interval(row.low, row.high, metric)),
            *(_at_flops(row.at_flops, metric) if with_flops else ()),
            _reached(row),
            (tokens(row.of_tokens), ""),
        )
        line = Line(_placed(content, [row.arm]), (row.against,), cells)
        groups.setdefault((row.name, metric.label), []).append(line)
    return groups


def seed_lines(content: Content) -> Groups:
    """Return the lines of arms that differ in their seed alone."""
    groups: Groups = {}
    for row in sorted(content.seeds, key=lambda row: row.name != "domain"):
        metric = metric_named(row.metric)
        cells = (
            (signed(row.change, metric), interval(row.low, row.high, metric)),
            (amount(row.spread, metric), ""),
            (amount(row.depth, metric), ""),
        )
        line = Line(_placed(content, row.arms), (), cells)
        groups.setdefault((row.name, metric.label), []).append(line)
    return groups


def seed_pair_lines(content: Content) -> Groups:
    """Return the lines of groups of such arms against others."""
    with_flops = tells_flops(content)
    groups: Groups = {}
    for row in sorted(content.seed_pairs, key=lambda row: row.name != "domain"):
        metric = metric_named(row.metric)
        cells = (
            (tokens(row.tokens), ""),
            (signed(row.difference, metric), interval(row.low, row.high, metric)),
            *(_at_flops(row.at_flops, metric) if with_flops else ()),
        )
        line = Line(_placed(content, row.arms), row.against, cells)
        groups.setdefault((row.name, metric.label), []).append(line)
    return groups


def turning_lines(content: Content) -> list[Line]:
    """Return the lines of perplexity beside tasks, an arm and task metric each."""
    return [
        Line(
            _placed(content, [row.arm]),
            (),
            (_loss(row), _task(row.domain), _task(row.general), _verdict(row)),
        )
        for row in content.turning_points
    ]


def _loss(row: TurningRow) -> Cell:
    metric = metric_named(row.loss_metric)
    way = {True: "fell steadily", False: "not steadily", None: "not judged"}[row.steadily]
    return f"{signed(row.change, metric)} {metric.change_label}", way


def _task(task: TaskTurn | None) -> Cell:
    if task is None:
        return MISSING, "not asked"
    metric = metric_named(task.metric)
    if task.depth <= 0:
        return "no dip", metric.label
    real = {True: "real", False: "within noise", None: "not judged"}[task.dip_is_real]
    back = "never back" if task.recovery is None else f"back at {tokens(task.recovery)}"
    size = f"{amount(task.depth, metric)} {metric.change_label}"
    return f"{size} at {tokens(task.bottom)}", f"{real}, {back}"


def _verdict(row: TurningRow) -> Cell:
    return {True: "yes", False: "no", None: "cannot be told"}[row.as_in_paper], ""


def _placed(content: Content, names: Sequence[str]) -> tuple[tuple[int, str], ...]:
    places = {arm.name: place for place, arm in enumerate(content.arms)}
    return tuple((places[name], name) for name in names)


def _at_flops(found: AtFlops | None, metric: Metric) -> tuple[Cell, ...]:
    if found is None:
        return (MISSING, ""), (MISSING, "")
    span = interval(found.low, found.high, metric)
    return (flops(found.flops), ""), (signed(found.difference, metric), span)


def _reached(row: PairRow) -> Cell:
    """Say after how many tokens an arm had what the other one ended with, and how sure that is."""
    if row.tokens_to_equal == row.tokens_high == 0:
        return "from the start", ""
    reached = "never" if row.tokens_to_equal is None else tokens(row.tokens_to_equal)
    if row.tokens_low is None:
        return reached, ""
    high = "never" if row.tokens_high is None else tokens(row.tokens_high)
    return reached, f"{tokens(row.tokens_low)} to {high}"
