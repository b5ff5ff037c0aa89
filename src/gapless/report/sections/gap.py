"""The gap: how far each metric fell, for how long, and what was paid for what was gained."""

from dataclasses import dataclass
from typing import Any

from gapless.report.content import ArmContent, Content, GapRow
from gapless.report.numbers import (
    MISSING,
    amount,
    interval,
    metric_named,
    plain_interval,
    signed,
    tokens,
    value,
)
from gapless.report.plots import Plot, Table
from gapless.report.side_by_side import (
    pair_lines,
    seed_lines,
    seed_pair_lines,
    tells_flops,
    turning_lines,
)
from gapless.report.source_styles import is_topic
from gapless.report.templating import Section, fill
from gapless.report.turns import turns_plot, way_plot
from gapless.report.verdict import in_order


@dataclass(frozen=True)
class GapLine:
    """One row of the table of gaps."""

    arm: int
    arm_name: str
    cells: tuple[tuple[str, str], ...]
    """What is shown, and a smaller line under it."""


@dataclass(frozen=True)
class Trade:
    """One arm's gain on the domain and its change on general text, on one metric."""

    index: int
    arm: str
    domain: GapRow
    general: GapRow


def build(content: Content) -> Section:
    """Make the table of gaps and the chart of gain against forgetting."""
    trades = trades_of(content.arms)
    groups: dict[tuple[str, str], list[GapLine]] = {}
    for index, arm in enumerate(content.arms):
        for row in in_order(arm.gaps):
            line = GapLine(index, arm.name, _cells(row))
            groups.setdefault((row.name, metric_named(row.metric).label), []).append(line)
    html = fill(
        "gap",
        groups={key: lines for key, lines in groups.items() if not is_topic(key[0])},
        topics={key: lines for key, lines in groups.items() if is_topic(key[0])},
        arms=[arm.name for arm in content.arms],
        plot=_trade_plot(trades) if trades else None,
        front=[trade.arm for trade in front_of(trades)],
        way=_way_plot(content.arms, trades),
        turns=turns_plot(content.arms),
        pairs=pair_lines(content),
        seeds=seed_lines(content),
        seed_pairs=seed_pair_lines(content),
        turning=turning_lines(content),
        with_flops=tells_flops(content),
        same_cost=len(content.flops) > 1 and not tells_flops(content),
    )
    return Section("gap", "The gap", html)


def _way_plot(arms: tuple[ArmContent, ...], trades: list[Trade]) -> Plot | None:
    if not trades:
        return None
    domain, general = trades[0].domain, trades[0].general
    return way_plot(arms, domain.name, general.name, domain.metric)


def trades_of(arms: tuple[ArmContent, ...]) -> list[Trade]:
    """Pair each arm's domain row with its general row on the same metric, means first."""
    trades: list[Trade] = []
    for index, arm in enumerate(arms):
        rows = in_order(arm.gaps)
        wanted = trades[0].domain.metric if trades else None
        for domain in (row for row in rows if row.role == "domain"):
            metric = wanted or domain.metric
            general = next((r for r in rows if r.role == "general" and r.metric == metric), None)
            if domain.metric == metric and general is not None:
                trades.append(Trade(index, arm.name, domain, general))
                break
    return trades


def front_of(trades: list[Trade]) -> list[Trade]:
    """Return the arms that no other one beats on both sides, by their point values."""
    return [trade for trade in trades if not any(_beats(other, trade) for other in trades)]


def _beats(one: Trade, other: Trade) -> bool:
    gains = (one.domain.change - other.domain.change, one.general.change - other.general.change)
    return min(gains) >= 0 and max(gains) > 0


def _cells(row: GapRow) -> tuple[tuple[str, str], ...]:
    metric = metric_named(row.metric)
    drop = {True: "real", False: "within noise", None: "not judged"}[row.drop_is_real]
    if row.drop_is_real and row.drop_is_real_among_all is False:
        drop = "real by itself"
    recovery = tokens(row.tokens_to_recovery) if row.recovered else "never"
    regained = row.change + row.depth if row.rebound is None else row.rebound
    way_back = (
        (tokens(row.tokens_to_bottom), drop),
        (recovery, ""),
        (signed(regained, metric), interval(row.rebound_low, row.rebound_high, metric)),
    )
    if row.depth <= 0:
        way_back = ((MISSING, "no drop"), (MISSING, ""), (MISSING, ""))
    return (
        (value(row.final, metric), f"from {value(row.base, metric)}"),
        (signed(row.change, metric), interval(row.change_low, row.change_high, metric)),
        (amount(row.depth, metric), plain_interval(row.depth_low, row.depth_high, metric)),
        *way_back,
        (amount(row.area, metric), ""),
        (value(row.peak, metric), f"at {tokens(row.tokens_to_peak)}"),
    )


def _trade_plot(trades: list[Trade]) -> Plot:
    metric = metric_named(trades[0].domain.metric)
    on_front = {trade.index for trade in front_of(trades)}
    spec = {
        "kind": "scatter",
        "title": "Gain against forgetting",
        "x": "change on general text",
        "y": "change on the domain",
        "digits": metric.digits,
        "points": [_point(trade, metric.scale, on_front) for trade in trades],
    }
    rows = tuple(
        (
            trade.arm,
            _with_interval(trade.general),
            _with_interval(trade.domain),
            "yes" if trade.index in on_front else "no",
        )
        for trade in trades
    )
    head = ("Arm", "Change on general text", "Change on the domain", "Beaten by none on both")
    subtitle = f"{metric.change_label} against the base; up and right is better"
    return Plot("Gain against forgetting", subtitle, spec, Table(head, rows))


def _point(trade: Trade, scale: float, on_front: set[int]) -> dict[str, Any]:
    return {
        "arm": trade.index,
        "name": trade.arm,
        "x": _spread(trade.general, scale),
        "y": _spread(trade.domain, scale),
        "front": trade.index in on_front,
    }


def _spread(row: GapRow, scale: float) -> list[float | None]:
    numbers = (row.change, row.change_low, row.change_high)
    return [None if number is None else number * scale for number in numbers]


def _with_interval(row: GapRow) -> str:
    metric = metric_named(row.metric)
    span = interval(row.change_low, row.change_high, metric)
    return signed(row.change, metric) + (f" ({span})" if span else "")
