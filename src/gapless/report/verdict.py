"""The verdict: what became of an arm, in plain words.

A sentence says gained, forgot or fell only when the 95 % interval lies on that side of zero.
"""

from dataclasses import dataclass
from typing import Literal

from gapless.report.content import ArmContent, GapRow
from gapless.report.numbers import (
    Metric,
    amount,
    interval,
    is_known,
    metric_named,
    plain_interval,
    signed,
    tokens,
)

Direction = Literal["better", "worse", "unclear", "no interval"]


@dataclass(frozen=True)
class KeyNumber:
    """One number of a verdict, to be seen at a glance."""

    label: str
    shown: str
    note: str
    direction: Direction


@dataclass(frozen=True)
class Verdict:
    """What became of one arm."""

    arm: ArmContent
    numbers: tuple[KeyNumber, ...]
    sentences: tuple[str, ...]


def verdict(arm: ArmContent) -> Verdict:
    """Say what became of ``arm``: gains and losses first, then early drops."""
    rows = in_order(arm.gaps)
    sentences = [change_sentence(row) for row in rows] + drop_sentences(rows)
    if not sentences:
        sentences = ["Nothing was measured along this arm."]
    return Verdict(arm, tuple(_key_numbers(rows)), tuple(sentences))


def in_order(rows: tuple[GapRow, ...]) -> tuple[GapRow, ...]:
    """Return the means over a role first, and the domain before general text."""
    return tuple(sorted(rows, key=lambda row: (row.name != row.role, row.role != "domain")))


def direction(low: float | None, high: float | None) -> Direction:
    """Say on which side of zero an interval lies."""
    if low is None or high is None or not (is_known(low) and is_known(high)):
        return "no interval"
    if low > 0:
        return "better"
    return "worse" if high < 0 else "unclear"


def place(name: str) -> str:
    """Return how a sentence names what was measured."""
    return {"domain": "the domain", "general": "general text"}.get(name, name)


def change_sentence(row: GapRow) -> str:
    """Say how the end compares with the base model."""
    metric, where = metric_named(row.metric), place(row.name)
    span = interval(row.change_low, row.change_high, metric)
    size = f"{amount(abs(row.change), metric)} {metric.change_label}"
    side = direction(row.change_low, row.change_high)
    if side == "better":
        return f"Gained {size} on {where} (95 % interval {span})."
    if side == "worse":
        return f"{_loss_word(row)} {size} on {where} (95 % interval {span})."
    measured = f"{signed(row.change, metric)} {metric.change_label}"
    if side == "unclear":
        return f"No clear change on {where}: {measured}, 95 % interval {span}."
    return f"Measured {measured} on {where}; there is no interval to judge it by."


def drop_sentences(rows: tuple[GapRow, ...]) -> list[str]:
    """Say which metrics fell on the way, and whether they came back."""
    real = [row for row in rows if row.drop_is_real]
    if real:
        return [_drop_sentence(row) for row in real]
    if not rows:
        return []
    return ["No drop below the base model on the way that its interval tells from noise."]


def _drop_sentence(row: GapRow) -> str:
    metric, where = metric_named(row.metric), place(row.name)
    span = plain_interval(row.depth_low, row.depth_high, metric)
    size = f"{amount(row.depth, metric)} {metric.change_label}" + (f" ({span})" if span else "")
    bottom = f" at {tokens(row.tokens_to_bottom)} tokens" if row.tokens_to_bottom else ""
    start = f"{where[0].upper()}{where[1:]} was at its worst{bottom}, {size} below the base model"
    if not row.recovered:
        return f"{start}, and had not recovered by the end."
    after = f" by {tokens(row.tokens_to_recovery)} tokens" if row.tokens_to_recovery else ""
    return f"{start}, and had recovered{after}."


def _loss_word(row: GapRow) -> str:
    return "Forgot" if row.role == "general" else "Lost"


def _key_numbers(rows: tuple[GapRow, ...]) -> list[KeyNumber]:
    numbers = []
    means = [row for row in rows if row.name == row.role] or list(rows[:2])
    for row in means:
        metric = metric_named(row.metric)
        side = direction(row.change_low, row.change_high)
        shown = signed(row.change, metric)
        label = f"{row.name}, {metric.change_label}"
        numbers.append(KeyNumber(label, shown, _side_note(row, side), side))
    deepest = [row for row in means if row.role == "general" and row.drop_is_real]
    for row in deepest[:1]:
        metric = metric_named(row.metric)
        note = f"recovered by {tokens(row.tokens_to_recovery)}" if row.recovered else "not recovered"
        numbers.append(KeyNumber("deepest drop, general", _depth(row, metric), note, "worse"))
    return numbers


def _depth(row: GapRow, metric: Metric) -> str:
    return signed(-row.depth, metric)


def _side_note(row: GapRow, side: Direction) -> str:
    words: dict[Direction, str] = {
        "better": "gained",
        "worse": _loss_word(row).lower(),
        "unclear": "no clear change",
        "no interval": "no interval",
    }
    return words[side]
