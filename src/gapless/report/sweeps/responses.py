"""Responses: what the trials came to along each setting that was varied."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from gapless.records.sweep_views import TrialRow
from gapless.report.numbers import metric_named, signed
from gapless.report.plots import Plot, Table
from gapless.report.sweeps.content import SweepContent, axis_label, is_share, value_text
from gapless.report.templating import Section, fill

_BITS = metric_named("bits_per_byte")
_MOST_VALUES = 8
"""Of an axis with more values, the line goes through means of neighbours."""
_NEIGHBOURS = 3
_LOG_FROM = 8.0
"""An axis of which the ends are so many times apart is drawn by its logarithm."""


def _balance(trial: TrialRow) -> float | None:
    if trial.gain is None or trial.forgetting is None:
        return None
    return trial.gain - trial.forgetting


_MEASURES: tuple[tuple[str, Callable[[TrialRow], float | None]], ...] = (
    ("domain gain", lambda trial: trial.gain),
    ("general loss", lambda trial: trial.forgetting),
    ("gain less loss", _balance),
)


def build(content: SweepContent) -> Section | None:
    """Make a chart for each setting that differs between the trials."""
    plots = [_plot(content.done, axis) for axis in content.axes if content.done]
    if not plots:
        return None
    html = fill(
        "sweep_responses",
        plots=plots,
        measures=[name for name, _ in _MEASURES],
        several=len(plots) > 1,
        grouped=any(len(_values(content.done, axis)) > _MOST_VALUES for axis in content.axes),
    )
    return Section("responses", "Responses", html)


def _plot(trials: Sequence[TrialRow], axis: str) -> Plot:
    place = _places(trials, axis)
    series = []
    for number, (name, measure) in enumerate(_MEASURES):
        points = [
            (place(trial), value, trial.name)
            for trial in trials
            if (value := measure(trial)) is not None
        ]
        if points:
            series.append({"arm": number, "name": name, "points": points, "line": _line(points)})
    label = axis_label(axis)
    values = _values(trials, axis)
    named = [value_text(axis, value) for value in values]
    spec: dict[str, Any] = {
        "kind": "points",
        "title": label,
        "x": f"{label}, %" if is_share(axis) else label,
        "y": "bits per byte",
        "digits": 3,
        "xlog": not is_share(axis) and _is_log(values),
        "names": None if _are_numbers(values) else named,
        "zero": "base",
        "series": series,
    }
    return Plot(label, _subtitle(values), spec, _table(trials, axis))


def _subtitle(values: Sequence[Any]) -> str:
    return "line: means of neighbours" if len(values) > _MOST_VALUES else "line: means"


def _values(trials: Sequence[TrialRow], axis: str) -> list[Any]:
    """Return the values that an axis takes, each once: numbers in order, others as they come."""
    values: list[Any] = []
    for trial in trials:
        value = trial.settings.get(axis)
        if value not in values:
            values.append(value)
    return sorted(values) if _are_numbers(values) else values


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _is_log(values: Sequence[Any]) -> bool:
    if not values or not _are_numbers(values) or values[0] <= 0:
        return False
    return bool(values[-1] / values[0] >= _LOG_FROM)


def _places(trials: Sequence[TrialRow], axis: str) -> Callable[[TrialRow], float]:
    """Return trial to its place on the axis: a number, a share in percent, or its turn."""
    values = _values(trials, axis)
    scale = 100.0 if is_share(axis) else 1.0
    if _are_numbers(values):
        return lambda trial: float(trial.settings[axis]) * scale
    return lambda trial: float(values.index(trial.settings.get(axis)))


def _line(points: Sequence[tuple[float, float, str]]) -> list[tuple[float, float]]:
    """Return the means at each value; of many values, those of neighbours."""
    at: dict[float, list[float]] = {}
    for x, y, _ in points:
        at.setdefault(x, []).append(y)
    means = [(x, fmean(at[x])) for x in sorted(at)]
    if len(means) <= _MOST_VALUES:
        return means
    parts = max(3, len(means) // _NEIGHBOURS)
    borders = [math.floor(len(means) * part / parts) for part in range(parts + 1)]
    groups = [means[begin:end] for begin, end in pairwise(borders)]
    return [(fmean(x for x, _ in group), fmean(y for _, y in group)) for group in groups]


def _table(trials: Sequence[TrialRow], axis: str) -> Table:
    rows = []
    for value in _values(trials, axis):
        own = [trial for trial in trials if trial.settings.get(axis) == value]
        means = []
        for _, measure in _MEASURES:
            known = [number for trial in own if (number := measure(trial)) is not None]
            means.append(signed(fmean(known) if known else None, _BITS))
        rows.append((value_text(axis, value), *means, str(len(own))))
    head = (axis_label(axis), *(name for name, _ in _MEASURES), "trials")
    return Table(head, tuple(rows))
