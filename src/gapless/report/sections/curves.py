"""The curves: what the model could do at every measured point of every arm."""

from gapless.report.content import Content
from gapless.report.numbers import metric_named
from gapless.report.plots import ArmCurve, Plot, curve_plot, curves_named
from gapless.report.source_styles import Part, is_topic, parts_of
from gapless.report.templating import Section, fill

_TITLES = {"domain": "Domain", "general": "General text"}


def build(content: Content) -> Section:
    """Make the charts of both roles, a small one for each source and task, then for each topic."""
    gathered = curves_named(content.arms)
    means = {key: curves for key, curves in gathered.items() if key[0] in _TITLES}
    topics = {key: curves for key, curves in gathered.items() if is_topic(key[0])}
    parts = {key: c for key, c in gathered.items() if key not in means and key not in topics}
    html = fill(
        "curves",
        arms=[arm.name for arm in content.arms],
        means=[
            _mean_plot(key, curves, len(means), content.along) for key, curves in _in_order(means)
        ],
        parts=[_part_plot(curves, content.along) for _, curves in _in_order(parts)],
        folds=_folds(topics, parts_of(content), content.along),
        along=content.along,
        has_bands=any(curve.low for arm in content.arms for curve in arm.curves),
    )
    return Section("curves", "Curves", html)


def _in_order(
    gathered: dict[tuple[str, str], list[ArmCurve]],
) -> list[tuple[tuple[str, str], list[ArmCurve]]]:
    """Put bits per byte first, then the general role: the gap is looked for there."""
    return sorted(
        gathered.items(),
        key=lambda item: (item[0][1] != "bits_per_byte", item[1][0].curve.role != "general"),
    )


def _mean_plot(key: tuple[str, str], curves: list[ArmCurve], total: int, along: str) -> Plot:
    name, metric = key
    title = (
        _TITLES[name] if total <= len(_TITLES) else f"{_TITLES[name]}: {metric_named(metric).label}"
    )
    return curve_plot(curves, title=title, along=along)


def _part_plot(curves: list[ArmCurve], along: str) -> Plot:
    first = curves[0].curve
    return curve_plot(curves, title=f"{first.name} ({first.role})", small=True, along=along)


def _folds(
    topics: dict[tuple[str, str], list[ArmCurve]], parts: dict[str, Part], along: str
) -> dict[tuple[str, str], list[tuple[Part, Plot]]]:
    """Gather the topics' charts by source and metric, in the order of the page's legends."""
    folds: dict[tuple[str, str], list[tuple[Part, Plot]]] = {}
    for (name, metric), curves in sorted(topics.items(), key=lambda item: parts[item[0][0]].index):
        part = parts[name]
        plot = curve_plot(curves, title=part.label, small=True, along=along)
        folds.setdefault((part.source, metric_named(metric).label), []).append((part, plot))
    return folds
