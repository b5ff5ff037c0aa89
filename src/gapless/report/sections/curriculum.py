"""The curricula: the scores of the documents in the order in which the model saw them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gapless.report.content import ArmContent, Content, CurriculumTrace, Trace
from gapless.report.numbers import MISSING, short, tokens
from gapless.report.plots import MAX_POINTS, Plot, Table, capped, phase_marks, thinned
from gapless.report.source_styles import Part, part_groups, parts_of
from gapless.report.templating import Section, fill

MAX_ALL_POINTS = 1200
"""Points of all traces of one chart together; more are drawn as means over stretches."""
MIN_POINTS = 40
MAX_ROWS = 24
WIDE = 30
"""Scores that span more than this are drawn on a log scale, as are those whose histogram is."""


def build(content: Content) -> Section | None:
    """Make a chart for each arm and score by which something was ordered."""
    parts = parts_of(content)
    logs = {score.name for score in content.scores if score.log}
    plots = []
    for index, arm in enumerate(content.arms):
        columns: dict[str, list[CurriculumTrace]] = {}
        for trace in arm.curricula:
            if trace.tokens:
                columns.setdefault(trace.column, []).append(trace)
        plots += [
            (index, curriculum_plot(arm, traces, parts, log=column in logs))
            for column, traces in columns.items()
            if not all(trace.shuffled for trace in traces)
        ]
    if not plots:
        return None
    ordered = {t.name for arm in content.arms for t in arm.curricula if not t.shuffled}
    html = fill(
        "curriculum",
        plots=plots,
        groups=part_groups(part for name, part in parts.items() if name in ordered),
        has_shuffled=any(t.shuffled for arm in content.arms for t in arm.curricula),
    )
    return Section("curriculum", "Curriculum", html)


def curriculum_plot(
    arm: ArmContent, traces: Sequence[CurriculumTrace], parts: Mapping[str, Part], *, log: bool
) -> Plot:
    """Make the chart of one score along one arm; the shuffled sources lie behind, in grey."""
    points = max(MIN_POINTS, min(MAX_POINTS, MAX_ALL_POINTS // len(traces)))
    behind = sorted(traces, key=lambda trace: not trace.shuffled)
    column = traces[0].column
    ends = (min(min(t.low) for t in traces), max(max(t.high) for t in traces))
    log = ends[0] > 0 and (log or ends[1] > WIDE * ends[0])
    spec = {
        "kind": "lines",
        "title": column,
        "y": column,
        "scale": 1,
        "digits": None,
        "unit": "",
        "small": False,
        "log": False,
        "ylog": log,
        "last": arm.tokens_seen,
        "phases": phase_marks(arm),
        "lines": [_line(_shorter(trace, points), parts[trace.name]) for trace in behind],
        "levels": [],
    }
    return Plot(arm.name, f"by {column}" + ", log scale" * log, spec, _table(traces))


def _line(trace: CurriculumTrace, part: Part) -> dict[str, object]:
    own = {"part": part.index, "style": part.style} if not trace.shuffled else {"style": "shuffled"}
    return own | {
        "name": part.name + (", shuffled" if trace.shuffled else ""),
        "x": trace.tokens,
        "y": [_rounded(number) for number in trace.median],
        "low": [_rounded(number) for number in trace.low],
        "high": [_rounded(number) for number in trace.high],
    }


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")


def _shorter(trace: CurriculumTrace, points: int) -> CurriculumTrace:
    kept = {
        name: thinned(Trace(tokens=trace.tokens, values=getattr(trace, name)), points)
        for name in ("low", "median", "high")
    }
    return replace(
        trace,
        tokens=kept["median"].tokens,
        low=kept["low"].values,
        median=kept["median"].values,
        high=kept["high"].values,
    )


def _table(traces: Sequence[CurriculumTrace]) -> Table:
    columns = [
        {
            seen: f"{short(median)} ({short(low)} to {short(high)})"
            for seen, low, median, high in zip(
                trace.tokens, trace.low, trace.median, trace.high, strict=True
            )
        }
        for trace in (_shorter(trace, MAX_ROWS) for trace in traces)
    ]
    every = sorted({seen for column in columns for seen in column})
    rows = tuple(
        (tokens(seen), *(column.get(seen, MISSING) for column in columns)) for seen in every
    )
    head = tuple(t.name + (", shuffled" if t.shuffled else "") for t in traces)
    kept, note = capped(rows, 2 * MAX_ROWS)
    note = " ".join(filter(None, ("Median, and in brackets from low to high.", note)))
    return Table(("Tokens seen", *head), kept, note)
