"""The shape of every number in the report."""

import math
from dataclasses import dataclass, replace

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EN DASH}"
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True)
class Metric:
    """How one metric is written."""

    label: str
    change_label: str
    """What a difference of it is measured in."""
    scale: float = 1.0
    digits: int = 3
    unit: str = ""


_METRICS = {
    "bits_per_byte": Metric("bits per byte", "bits per byte"),
    "nats_per_token": Metric("perplexity (nats per token)", "nats per token"),
    "acc": Metric("accuracy", "points of accuracy", scale=100.0, digits=1, unit=" %"),
    "acc_norm": Metric(
        "accuracy by length", "points of accuracy by length", scale=100.0, digits=1, unit=" %"
    ),
    "accuracy": Metric("accuracy", "points of accuracy", scale=100.0, digits=1, unit=" %"),
    "exact_match": Metric("exact match", "points of exact match", scale=100.0, digits=1, unit=" %"),
    "macro_f1": Metric("macro-F1", "points of macro-F1", scale=100.0, digits=1),
    "micro_f1": Metric("micro-F1", "points of micro-F1", scale=100.0, digits=1),
    "pass_at_1": Metric("pass@1", "points of pass@1", scale=100.0, digits=1, unit=" %"),
    "rouge_l": Metric("Rouge-L", "points of Rouge-L", scale=100.0, digits=1),
}


_CHANGE = Metric("change", "change", scale=100.0, digits=1)


def metric_named(name: str) -> Metric:
    """Return how the metric is written; one that is not known is written plainly.

    A metric of a filter of lm-evaluation-harness, ``metric,filter``, is written with the filter.
    """
    name, _, filter_name = name.partition(",")
    label = name.replace("_", " ")
    metric = _METRICS.get(name, Metric(label, label))
    return replace(metric, label=f"{metric.label} ({filter_name})") if filter_name else metric


def is_known(number: float | None) -> bool:
    """Whether there is a finite number to show."""
    return number is not None and math.isfinite(number)


def value(number: float | None, metric: Metric) -> str:
    """Write a value: ``2.341``, ``41.2 %``."""
    if number is None or not math.isfinite(number):
        return MISSING
    return _fixed(number * metric.scale, metric.digits) + metric.unit


def amount(number: float | None, metric: Metric) -> str:
    """Write the size of a difference, without unit: ``0.121``."""
    if number is None or not math.isfinite(number):
        return MISSING
    return _fixed(number * metric.scale, metric.digits)


def signed(number: float | None, metric: Metric) -> str:
    """Write a difference with its sign, without unit: ``+0.479``."""
    text = amount(number, metric)
    positive = text != MISSING and not text.startswith(MINUS) and text.strip("0.") != ""
    return f"+{text}" if positive else text


def interval(low: float | None, high: float | None, metric: Metric) -> str:
    """Write a signed interval, ``+0.455 to +0.503``; empty when it is not known."""
    if not (is_known(low) and is_known(high)):
        return ""
    return f"{signed(low, metric)} to {signed(high, metric)}"


def plain_interval(low: float | None, high: float | None, metric: Metric) -> str:
    """Write an interval of values or sizes, ``0.105 to 0.137``; empty when it is not known."""
    if not (is_known(low) and is_known(high)):
        return ""
    return f"{amount(low, metric)} to {amount(high, metric)}"


def count(number: int) -> str:
    """Write a whole number in groups of three digits."""
    return f"{number:,}".replace(",", NARROW_SPACE)


def short(number: float | None) -> str:
    """Write a number of any size in three digits: ``12.3k``, ``0.0003``."""
    if number is None or not math.isfinite(number):
        return MISSING
    for suffix, scale in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= scale * 0.9995:
            return _three_digits(number / scale) + suffix
    return _three_digits(number)


def tokens(number: float | None) -> str:
    """Write an amount of tokens: ``98.3k``."""
    return short(number)


def flops(number: float | None) -> str:
    """Write an amount of operations: ``1.23 EFLOPs``."""
    if number is None or not math.isfinite(number):
        return MISSING
    scale, unit = flops_unit(number)
    return f"{_three_digits(number / scale)} {unit}"


def flops_unit(most: float) -> tuple[float, str]:
    """Return the unit in which amounts of operations up to ``most`` are written: size, name."""
    for prefix, scale in (("Z", 1e21), ("E", 1e18), ("P", 1e15), ("T", 1e12), ("G", 1e9)):
        if most >= scale * 0.9995:
            return scale, f"{prefix}FLOPs"
    return 1e6, "MFLOPs"


def percent(share: float) -> str:
    """Write a share: ``12.5 %``."""
    return f"{share * 100:.1f} %"


def perplexity(number: float | None) -> str:
    """Write a perplexity so that a change of a hundredth is seen: ``12.31``, ``1.23k``."""
    if number is None or not math.isfinite(number):
        return MISSING
    return _fixed(number, 2) if abs(number) < 999.995 else short(number)


def signed_percent(change: float | None) -> str:
    """Write a relative change with its sign: ``+5.8 %``."""
    if change is None or not math.isfinite(change):
        return MISSING
    return signed(change, _CHANGE) + " %"


def _fixed(number: float, digits: int) -> str:
    text = f"{number:.{digits}f}"
    if text.startswith("-"):
        text = text[1:]
        return text if text.strip("0.") == "" else MINUS + text
    return text


def _three_digits(number: float) -> str:
    text = f"{number:.3g}"
    return text.replace("-", MINUS, 1) if text.startswith("-") else text
