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
from gapless.report.source_styles import is_topic

Direction = Literal["better", "worse", "unclear", "no interval"]
_TOPIC_METRIC = "nats_per_token"
"""What steers a mixture; what became of an arm is told in other metrics where there are any."""
_BESIDE_ACCURACY = {"accuracy_per_byte", "gold_bits_per_byte"}
"""Other readings of the answers that accuracy counts: they have curves, and no say in the headline
where accuracy has."""


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
    """Say what became of ``arm``: gains and losses first, then drops on the way."""
    rows = headline_rows(arm.gaps)
    sentences = [change_sentence(row) for row in rows] + drop_sentences(rows, arm.tokens_seen)
    if not sentences:
        sentences = ["Nothing was measured along this arm."]
    return Verdict(arm, tuple(_key_numbers(rows, arm.tokens_seen)), tuple(sentences))


def headline_rows(rows: tuple[GapRow, ...]) -> tuple[GapRow, ...]:
    """Return the means over the roles, the domain's first; without one, all but the topics'.

    Of several readings of the same answers, accuracy alone.
    """
    ordered = in_order(rows)
    whole = tuple(row for row in ordered if not is_topic(row.name))
    means = tuple(row for row in ordered if row.name == row.role)
    counted = {row.name for row in means if row.metric == "accuracy"}
    told = tuple(
        row
        for row in means
        if row.metric != _TOPIC_METRIC
        and not (row.metric in _BESIDE_ACCURACY and row.name in counted)
    )
    return told or means or whole or ordered


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


def drop_sentences(rows: tuple[GapRow, ...], tokens_seen: int) -> list[str]:
    """Say which metrics fell on the way, and whether they came back."""
    real = [row for row in rows if row.drop_is_real]
    if real:
        return [_drop_sentence(row, tokens_seen) for row in real]
    if any(row.drop_is_real is False for row in rows):
        return ["No drop below the base model that can be told from noise."]
    return []


def _drop_sentence(row: GapRow, tokens_seen: int) -> str:
    metric, where = metric_named(row.metric), place(row.name)
    if row.name == row.role:
        where = where[0].upper() + where[1:]
    if _falls_to_the_end(row, tokens_seen):
        return f"{where} was at its worst at the very end: a fall without recovery so far."
    size = f"{amount(row.depth, metric)} {metric.change_label}"
    size += _bracketed(plain_interval(row.depth_low, row.depth_high, metric))
    at = f" at {tokens(row.tokens_to_bottom)} tokens" if row.tokens_to_bottom else ""
    return (
        f"{where} was at its worst{at}, {size} below the base model, and {_recovery(row, metric)}."
    )


def _recovery(row: GapRow, metric: Metric) -> str:
    if row.recovered:
        by = f" by {tokens(row.tokens_to_recovery)} tokens" if row.tokens_to_recovery else " later"
        return f"was back at the base{by}"
    better = direction(row.rebound_low, row.rebound_high) == "better"
    is_shown = amount(row.rebound, metric).strip("0.") != ""
    if better and is_shown and row.rebound_is_real is not False:
        span = _bracketed(plain_interval(row.rebound_low, row.rebound_high, metric))
        return f"had regained {amount(row.rebound, metric)}{span} by the end, not all of it"
    return "was not back at the base by the end"


def _falls_to_the_end(row: GapRow, tokens_seen: int) -> bool:
    return not row.recovered and (row.tokens_to_bottom or 0) >= tokens_seen


def _bracketed(text: str) -> str:
    return f" ({text})" if text else ""


def _loss_word(row: GapRow) -> str:
    return "Forgot" if row.role == "general" else "Lost"


def _key_numbers(rows: tuple[GapRow, ...], tokens_seen: int) -> list[KeyNumber]:
    numbers = []
    for row in rows[:4]:
        metric = metric_named(row.metric)
        side = direction(row.change_low, row.change_high)
        label = f"{row.name}, {metric.change_label}"
        numbers.append(KeyNumber(label, signed(row.change, metric), _side_note(row, side), side))
    for row in rows:
        if row.role == "general" and row.drop_is_real and not _falls_to_the_end(row, tokens_seen):
            shown = signed(-row.depth, metric_named(row.metric))
            note = f"at {tokens(row.tokens_to_bottom)} tokens"
            numbers.append(KeyNumber(f"{row.name}, at its worst", shown, note, "worse"))
            break
    return numbers


def _side_note(row: GapRow, side: Direction) -> str:
    words: dict[Direction, str] = {
        "better": "gained",
        "worse": _loss_word(row).lower(),
        "unclear": "no clear change",
        "no interval": "no interval",
    }
    return words[side]
