"""Laws: how well each says what a setting comes to that it has not seen."""

from dataclasses import dataclass
from typing import Any

from gapless.records.sweep_views import Bounds, FittedLaw
from gapless.report.numbers import metric_named, signed, value
from gapless.report.plots import Plot, Table
from gapless.report.sweeps.content import SweepContent, setting_name
from gapless.report.templating import Section, fill

_BITS = metric_named("bits_per_byte")


@dataclass(frozen=True)
class Line:
    """A law of one metric in the table."""

    law: str
    metric: str
    rank: str
    error: str
    against_mean: str
    against_regression: str
    passes: bool


def build(content: SweepContent) -> Section | None:
    """Make the table of laws, and two charts for each."""
    if not content.laws:
        return None
    html = fill(
        "sweep_laws",
        lines=[_line(law) for law in content.laws],
        plots=[plot for law in content.laws if law.observed for plot in _plots(law)],
        notes=[note for law in content.laws for note in _notes(law)],
        bar=content.laws[0].bar,
    )
    return Section("laws", "Laws", html)


def _line(law: FittedLaw) -> Line:
    rival = law.against_regression
    return Line(
        law=law.law,
        metric=law.metric,
        rank=_bounds(law.rank_correlation, 2),
        error=_bounds(law.error, 4),
        against_mean=_bounds(law.against_mean, 2),
        against_regression="" if rival is None else _bounds(rival, 2),
        passes=law.passes,
    )


def _bounds(bounds: Bounds, digits: int) -> str:
    found, low, high = (f"{number:.{digits}f}" for number in bounds)
    return f"{found} ({low} to {high})"


def _plots(law: FittedLaw) -> tuple[Plot, Plot]:
    names = [setting_name(setting) for setting in law.settings]
    rank = f"{law.rank_correlation[0]:.2f}"
    table = Table(
        ("Setting", "measured", "predicted", "residual"),
        tuple(
            (name, value(seen, _BITS), value(said, _BITS), signed(seen - said, _BITS))
            for name, seen, said in zip(names, law.observed, law.predicted, strict=True)
        ),
    )
    said = list(zip(law.predicted, law.observed, names, strict=True))
    missed = [(each, seen - each, name) for each, seen, name in said]
    title = f"{law.metric}: {law.law}"
    unit = f"{law.metric}, bits per byte"
    agreeing: dict[str, Any] = _spec(
        title, f"predicted {unit}", f"measured {unit}", said, diagonal=True
    )
    residuals = _spec(f"{title}, residuals", f"predicted {unit}", "measured less predicted", missed)
    return (
        Plot(title, f"held-out settings, rank correlation {rank}", agreeing, table),
        Plot(f"{title}, residuals", "held-out settings", residuals | {"zero": ""}, table),
    )


def _spec(
    title: str,
    x: str,
    y: str,
    points: list[tuple[float, float, str]],
    *,
    diagonal: bool = False,
) -> dict[str, Any]:
    return {
        "kind": "points",
        "title": title,
        "x": x,
        "y": y,
        "digits": 4,
        "diagonal": diagonal,
        "zero": None,
        "series": [{"arm": 0, "name": "setting", "points": points, "line": []}],
    }


def _notes(law: FittedLaw) -> list[str]:
    """Say what a fit leaves open."""
    own = f"{law.metric}, {law.law}"
    notes = []
    if law.agreeing.startswith("1 of ") and law.agreeing != "1 of 1":
        notes.append(f"{own}: only {law.agreeing} starts ended there; there may be a better end.")
    if law.at_bounds:
        notes.append(f"{own}: the trials do not determine {', '.join(law.at_bounds)}.")
    if law.unread:
        notes.append(f"{own}: it does not read {', '.join(law.unread)}.")
    return notes
