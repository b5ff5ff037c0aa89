"""Histograms of scores: the data that `assets/bins.js` draws, and the same numbers as a table."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from gapless.report.numbers import MISSING, count, percent, short
from gapless.report.plots import Plot, Table
from gapless.report.text_content import ScoreContent, ScoredSource, SelectedContent

MAX_PANELS = 12
"""More selections by one score than this are in its table alone."""


def histograms(
    score: ScoreContent, *, styles: Mapping[str, str], arms: Sequence[str]
) -> tuple[Plot, list[Plot]]:
    """Return the chart of all sources of a score, and a small one for each selection by it.

    ``styles`` are the sources' colour classes, ``arms`` the names of all arms. A single selection
    is shaded in the chart of all sources, which then needs no other beside it.
    """
    pairs = [(source, each) for source in score.sources for each in source.selections]
    alone = pairs[0] if len(pairs) == 1 else None
    series = [
        _series(source, styles, alone[1] if alone and alone[0] is source else None)
        for source in score.sources
        if source.scored
    ]
    every = [each for _, each in pairs]
    plot = Plot(
        title="All sources" if len(series) > 1 else series[0]["name"],
        subtitle="share of each source's documents" + (", by log of the score" * score.log),
        spec=_spec(score, series, _cuts(every, arms, named=True)),
        table=_table(score),
    )
    if alone:
        return plot, []
    panels = [_panel(score, source, each, styles, arms) for source, each in pairs[:MAX_PANELS]]
    return plot, panels


def arms_named(names: Sequence[str], arms: Sequence[str]) -> str:
    """Return arms as a list in words; ``every arm`` for all of several."""
    return "every arm" if len(arms) > 1 and set(names) >= set(arms) else ", ".join(names)


def cut_text(selection: SelectedContent) -> str:
    """Return where a selection ends, in words; empty for a draw, or if the description says it."""
    cuts = [f"{label or 'at'} {short(at)}" for label, at in selection.cuts]
    cuts = [cut for cut in cuts if cut not in selection.description]
    return f"cut {', '.join(cuts)}" if cuts else ""


def _panel(
    score: ScoreContent,
    source: ScoredSource,
    selection: SelectedContent,
    styles: Mapping[str, str],
    arms: Sequence[str],
) -> Plot:
    title = f"{source.name}: {arms_named(selection.arms, arms)}"
    spec = _spec(score, [_series(source, styles, selection)], _cuts([selection], arms, named=False))
    rows = tuple(
        (span, count(number), count(taken))
        for span, number, taken in zip(_spans(score), source.counts, selection.counts, strict=True)
    )
    table = Table((score.name, "Documents", "Selected"), rows)
    return Plot(title, selection.description, spec | {"small": True}, table)


def _spec(
    score: ScoreContent, series: list[dict[str, Any]], cuts: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "kind": "bins",
        "title": score.name,
        "x": score.name,
        "log": score.log,
        "small": False,
        "edges": score.edges,
        "series": series,
        "cuts": cuts,
    }


def _series(
    source: ScoredSource, styles: Mapping[str, str], selection: SelectedContent | None
) -> dict[str, Any]:
    part = 100 / max(1, source.scored)
    return {
        "name": source.name,
        "style": styles[source.name],
        "shares": [number * part for number in source.counts],
        "selected": None if selection is None else [taken * part for taken in selection.counts],
    }


def _cuts(
    selections: Sequence[SelectedContent], arms: Sequence[str], *, named: bool
) -> list[dict[str, Any]]:
    """Return the lines to draw, from left to right; equal cuts share one."""
    shared: dict[tuple[str, float], list[str]] = {}
    for selection in selections:
        for cut in selection.cuts:
            shared.setdefault(cut, []).extend(selection.arms)
    return [
        {
            "at": at,
            "arms": [arms.index(name) for name in names if name in arms],
            "name": _cut_name(arms_named(names, arms) if named else "", label),
        }
        for (label, at), names in sorted(shared.items(), key=lambda item: item[0][1])
    ]


def _cut_name(arms: str, label: str) -> str:
    """Return what stands before the score at a cut: ``replay:``, ``replay, at most``."""
    return f"{arms}, {label}" if arms and label else label or (f"{arms}:" if arms else "")


def _table(score: ScoreContent) -> Table:
    sources = [source for source in score.sources if source.scored]
    rows = tuple(
        (span, *(_counted(source, place) for source in sources))
        for place, span in enumerate(_spans(score))
    )
    return Table((score.name, *(source.name for source in sources)), rows)


def _spans(score: ScoreContent) -> list[str]:
    return [f"{short(low)} to {short(high)}" for low, high in pairwise(score.edges)]


def _counted(source: ScoredSource, place: int) -> str:
    number = source.counts[place]
    return f"{count(number)} ({percent(number / source.scored)})" if number else MISSING
