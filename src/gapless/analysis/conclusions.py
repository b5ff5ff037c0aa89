"""Conclusions: everything the report says about a curve, as rows of plain JSON values.

A row, one for each arm, role or probe, and metric:

    arm, kind (role | probe), name, role, metric, higher_is_better, num_probes, num_items
    base, final                  the metric's value at the first and at the last point
    change                       {name: gain | forgetting, value, low, high}: positive is better
    change_is_real               its interval excludes 0; null without intervals
    gap                          each quantity of `Gap`: {value, low, high}; and recovered
    change_at_bottom             {value, low, high}: the worst point of the full sample
    drop_is_real                 see `bootstrap.drop_is_real`; null without intervals
    drop_is_real_among_all       the same with all roles, or all probes, of all arms judged
                                 together (see `together`)
    rebound_is_real              the end is above the bottom by more than noise makes of the lowest
                                 of all points; null without intervals
    curve                        {tokens, values, changes, low, high, flops}: one entry per point;
                                 flops, the operations of training until there, is null where they
                                 are not known

``low`` and ``high`` are null without intervals (a probe with one item), and null where a recovery
does not come within the run.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gapless.analysis.advisor import advise
from gapless.analysis.bootstrap import Intervals, intervals, replicated_changes
from gapless.analysis.budgets import budgets
from gapless.analysis.comparisons import Replicated, compare
from gapless.analysis.curves import Arm, Curve, load_arm
from gapless.analysis.evidence import Evidence, arm_evidence
from gapless.analysis.gap import measure_gap
from gapless.analysis.repeats import repeats
from gapless.analysis.seeds_apart import seeds_apart
from gapless.analysis.together import drops_among_all
from gapless.analysis.trade import trades
from gapless.analysis.turning import turning_points
from gapless.errors import RunError
from gapless.records.arm_journals import STEPS
from gapless.records.artifact import write_text
from gapless.records.flops import flops_at
from gapless.records.journal import Journal

SCHEMA_VERSION = 2
_FILE = "analysis.json"
_CHANGE_NAMES = {"domain": "gain", "general": "forgetting"}


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The conclusions of a run."""

    rows: list[dict[str, Any]]
    """One for each arm, role or probe, and metric (see this file's head)."""
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    """One for each pair of arms, role or probe, and metric (see `comparisons`)."""
    budgets: list[dict[str, Any]] = field(default_factory=list)
    """One for each pair of arms, role or probe, and metric (see `budgets`)."""
    repeats: list[dict[str, Any]] = field(default_factory=list)
    """One for each group of arms that differ in their seed alone, and curve (see `repeats`)."""
    seeds_apart: list[dict[str, Any]] = field(default_factory=list)
    """One for each pair of such groups, and curve (see `seeds_apart`)."""
    trades: list[dict[str, Any]] = field(default_factory=list)
    """Gain against forgetting: one for each metric of both roles (see `trade`)."""
    turning_points: list[dict[str, Any]] = field(default_factory=list)
    """One for each arm and pair of metrics (see `turning`)."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    """What the advisor says: the fields of `findings.Finding`."""
    level: float = 0.95
    """How much of the replicates an interval holds."""
    replicates: int = 1000
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True)
class Named:
    """What an arm is called, and what it was asked, among the arms of several runs."""

    name: str = ""
    """Instead of its own name."""
    items: Mapping[str, str] = field(default_factory=dict)
    """Probe to which items they are: arms are paired on those that are the same."""


def analyse(
    folders: Sequence[Path],
    *,
    seed: int = 0,
    replicates: int = 1000,
    level: float = 0.95,
    seeds: Sequence[Sequence[str]] = (),
    named: Sequence[Named] = (),
) -> Analysis:
    """Draw the conclusions of a run from its arms' folders.

    ``seeds`` are groups of arms that differ in nothing but their seed. ``named``, one for each
    folder, tells arms of several runs apart.

    Raises:
        RunError: a folder's measurements cannot be used, or two folders are of one arm.

    """
    rows: list[dict[str, Any]] = []
    replicated: list[Replicated] = []
    names: dict[str, Path] = {}
    for folder, whose in zip(folders, named or [Named()] * len(folders), strict=True):
        arm = load_arm(folder, name=whose.name, items=whose.items)
        if arm.name in names:
            mend = "Give each arm's folder once."
            raise RunError(f"the arm {arm.name!r} is there twice", where=str(folder), mend=mend)
        names[arm.name] = folder
        steps = list(Journal(folder / STEPS).rows())
        for curve in (*arm.roles, *(history.curve for history in arm.probes)):
            changes = replicated_changes(curve, arm.probes, replicates=replicates, seed=seed)
            found = None if changes is None else intervals(curve, changes, level=level)
            rows.append(_row(arm, curve, found))
            spent = flops_at(steps, curve.tokens)
            items = {probe: each for probe, each in whose.items.items() if probe in curve.probes}
            replicated.append(
                Replicated(arm.name, curve, changes, _num_items(arm, curve), items, spent)
            )
            rows[-1]["curve"]["flops"] = None if spent is None else spent.tolist()
    _judge_together(rows, replicated, level)
    found_so_far: dict[str, Any] = {
        "comparisons": compare(replicated, level=level),
        "budgets": budgets(replicated, level=level),
        "repeats": repeats(replicated, seeds, level=level),
        "seeds_apart": seeds_apart(replicated, seeds, level=level),
        "trades": trades(replicated, level=level),
        "turning_points": turning_points(replicated, level=level),
    }
    arms = [
        arm_evidence(
            name,
            folder,
            [row for row in rows if row["arm"] == name],
            [curve for curve in replicated if curve.arm == name],
        )
        for name, folder in names.items()
    ]
    findings = advise(Evidence(arms=arms, level=level, **found_so_far))
    return Analysis(
        rows=rows,
        **found_so_far,
        findings=[asdict(finding) for finding in findings],
        level=level,
        replicates=replicates,
    )


def _judge_together(
    rows: Sequence[dict[str, Any]], replicated: Sequence[Replicated], level: float
) -> None:
    """Put into every row whether its drop is real among all rows of its kind."""
    for kind in ("role", "probe"):
        places = [place for place, row in enumerate(rows) if row["kind"] == kind]
        fell = drops_among_all([replicated[place] for place in places], level=level)
        for place, is_real in zip(places, fell, strict=True):
            rows[place]["drop_is_real_among_all"] = is_real


def _row(arm: Arm, curve: Curve, found: Intervals | None) -> dict[str, Any]:
    gap = asdict(measure_gap(curve))
    recovered = gap.pop("recovered")
    ends = found.gap if found else {}
    bottom = int(curve.changes.argmin())
    points = found.changes if found else np.full((2, len(curve.tokens)), math.nan)
    low, high = ends.get("final", (math.nan, math.nan))
    return {
        "arm": arm.name,
        "kind": curve.kind,
        "name": curve.name,
        "role": curve.role,
        "metric": curve.metric,
        "higher_is_better": curve.higher_is_better,
        "num_probes": len(curve.probes),
        "num_items": sum(_num_items(arm, curve).values()),
        "base": float(curve.values[0]),
        "final": float(curve.values[-1]),
        "change": {"name": _CHANGE_NAMES.get(curve.role, "change")}
        | _estimate(gap["final"], ends.get("final")),
        "change_is_real": (low > 0 or high < 0) if found else None,
        "gap": {name: _estimate(value, ends.get(name)) for name, value in gap.items()}
        | {"recovered": recovered},
        "change_at_bottom": _estimate(
            float(curve.changes[bottom]), (points[0, bottom], points[1, bottom])
        ),
        "drop_is_real": found.drop_is_real if found else None,
        "rebound_is_real": found.rebound_is_real if found else None,
        "drop_is_real_among_all": None,  # known when all rows are there
        "curve": {
            "tokens": curve.tokens.tolist(),
            "values": curve.values.tolist(),
            "changes": curve.changes.tolist(),
            "low": [_finite(value) for value in points[0]],
            "high": [_finite(value) for value in points[1]],
        },
    }


def _num_items(arm: Arm, curve: Curve) -> dict[str, int]:
    return {
        history.curve.name: history.num_items
        for history in arm.probes
        if history.curve.metric == curve.metric and history.curve.name in curve.probes
    }


def _estimate(value: float | None, ends: tuple[float, float] | None) -> dict[str, float | None]:
    low, high = ends or (math.nan, math.nan)
    return {"value": value, "low": _finite(low), "high": _finite(high)}


def _finite(value: float) -> float | None:
    """JSON has no infinity and no NaN."""
    return float(value) if math.isfinite(value) else None


def write_analysis(folder: Path, analysis: Analysis) -> Path:
    """Write ``analysis.json`` and return its path."""
    path = folder / _FILE
    write_text(path, json.dumps(asdict(analysis), indent=1, allow_nan=False, ensure_ascii=False))
    return path


def read_analysis(folder: Path) -> Analysis:
    """Read what `write_analysis` wrote.

    Raises:
        RunError: the file cannot be read, or another version of gapless wrote it.

    """
    path = folder / _FILE
    mend = f"Delete the folder {folder}; the next run makes it again."
    try:
        analysis = Analysis(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise RunError("the analysis cannot be read", where=str(path), mend=mend) from error
    if analysis.schema_version != SCHEMA_VERSION:
        what = f"schema version {analysis.schema_version}; this version reads {SCHEMA_VERSION}"
        raise RunError(what, where=str(path), mend=mend)
    return analysis
