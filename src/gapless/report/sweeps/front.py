"""The front: gain against loss over all trials, and those that no other beats at both."""

from collections.abc import Sequence
from typing import Any

from gapless.records.sweep_views import TrialRow
from gapless.report.numbers import metric_named, signed
from gapless.report.plots import Plot, Table
from gapless.report.sweeps.content import SweepContent, axis_label, value_text
from gapless.report.templating import Section, fill

_BITS = metric_named("bits_per_byte")
_FRONT, _OTHER = 0, 7
"""Arms whose marks and colours are taken."""


def build(content: SweepContent) -> Section | None:
    """Make the plane of all trials that were measured on both."""
    trials = [trial for trial in content.done if _place(trial) is not None]
    if not trials:
        return None
    kept = non_dominated(trials)
    others = [trial for trial in trials if trial not in kept]
    spec: dict[str, Any] = {
        "kind": "points",
        "title": "Gain against loss",
        "x": "general loss, bits per byte",
        "y": "domain gain, bits per byte",
        "digits": 3,
        "zero": None,
        "bound": content.general_loss,
        "front": [_place(trial) for trial in kept],
        "series": [
            {"arm": _OTHER, "name": "beaten", "points": _points(others), "line": []},
            {"arm": _FRONT, "name": "on the front", "points": _points(kept), "line": [],
             "named": True},
        ],
    }  # fmt: skip
    rows = tuple(_row(content, trial) for trial in kept)
    head = ("Trial", "gain", "loss", *(axis_label(name) for name in content.axes))
    plot = Plot("Gain against loss", "every trial", spec, Table(head, rows))
    html = fill("sweep_front", plot=plot, front=len(kept), number=len(trials))
    return Section("front", "Front", html)


def non_dominated(trials: Sequence[TrialRow]) -> list[TrialRow]:
    """Return the trials than which none gains more and loses no more, by their loss."""
    kept: list[TrialRow] = []
    best = float("-inf")
    for trial in sorted(trials, key=lambda each: (_loss(each), -_gain(each))):
        if _gain(trial) > best:
            kept.append(trial)
            best = _gain(trial)
    return kept


def _place(trial: TrialRow) -> tuple[float, float] | None:
    if trial.gain is None or trial.forgetting is None:
        return None
    return trial.forgetting, trial.gain


def _gain(trial: TrialRow) -> float:
    assert trial.gain is not None
    return trial.gain


def _loss(trial: TrialRow) -> float:
    assert trial.forgetting is not None
    return trial.forgetting


def _points(trials: Sequence[TrialRow]) -> list[tuple[float, float, str]]:
    return [(_loss(trial), _gain(trial), trial.name) for trial in trials]


def _row(content: SweepContent, trial: TrialRow) -> tuple[str, ...]:
    values = (value_text(name, trial.settings.get(name, "")) for name in content.axes)
    return (trial.name, signed(_gain(trial), _BITS), signed(_loss(trial), _BITS), *values)
