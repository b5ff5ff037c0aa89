"""Several runs side by side: one analysis of all their arms, drawn on the items that they share."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from gapless.errors import RunError
from gapless.records.artifact import write_text
from gapless.records.comparison_views import Align, Estimate, SeedsRow, SideBySide
from gapless.records.views import Comparison
from gapless.report.content import ArmContent, Content
from gapless.workflow.report_content import analysis_of, content_of
from gapless.workflow.report_findings import findings, side_by_side
from gapless.workflow.results import SHOWN_METRIC, summary
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.same_but_seed import ComparedArm, compared_arms, groups_of_seeds

_ROLES = ("domain", "general")


def compare_runs(
    folders: Sequence[RunFolder], out: Path | None, *, align: Align = "tokens"
) -> Comparison:
    """Return every run's summary and all arms at the same cost; write one report to ``out``.

    Raises:
        RunError: a run is not finished, or ``align`` asks for operations that one did not count.

    """
    from gapless.analysis import analyse

    names = _run_names(folders)
    rows = tuple(
        (name, row)
        for name, folder in zip(names, folders, strict=True)
        for row in summary(analysis_of(folder, folder.stages()).rows)
    )
    compared = [
        arm
        for name, folder in zip(names, folders, strict=True)
        for arm in compared_arms(name, folder)
    ]
    groups = groups_of_seeds(compared)
    analysis = analyse(
        [arm.folder for arm in compared],
        seed=folders[0].recipe().seed,
        seeds=groups,
        named=[arm.named for arm in compared],
    )
    if align == "flops":
        _refuse_uncounted(analysis.rows)
    notes = tuple(_notes(compared, analysis.rows))
    if out is not None:
        _write_report(out, dict(zip(names, folders, strict=True)), analysis, notes, align)
    return Comparison(
        rows=rows,
        report=out,
        seeds=tuple(_seeds_row(analysis, group) for group in groups),
        pairs=tuple(_side_by_side(analysis, groups, compared, align)),
        notes=notes,
    )


def _run_names(folders: Sequence[RunFolder]) -> list[str]:
    """Return the runs' names; those that share one go by their folders too, or by a number."""
    names = [folder.recipe().name for folder in folders]
    places = [folder.path.resolve().name for folder in folders]
    beside = Counter(zip(names, places, strict=True))
    return [
        name
        if names.count(name) == 1
        else f"{name} ({place if beside[name, place] == 1 else number})"
        for number, (name, place) in enumerate(zip(names, places, strict=True), start=1)
    ]


def _refuse_uncounted(rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        if row["curve"]["flops"] is None:
            raise RunError(
                "its training did not write down the operations it took",
                where=row["arm"],
                mend="Compare by tokens, or train it again: this version writes them down.",
            )


def _notes(compared: Sequence[ComparedArm], rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what keeps arms of several runs from being compared as those of one."""
    asked = {tuple(arm.named.items) for arm in compared}
    if len(asked) > 1:
        yield (
            "The runs were not measured by the same probes: a role's means are compared only "
            "where they are over the same ones."
        )
    others = sorted(
        probe
        for probe in set.intersection(*(set(arm.named.items) for arm in compared))
        if len({arm.named.items[probe] for arm in compared}) > 1
    )
    if others:
        yield (
            f"The runs answered different items of {', '.join(others)}: their arms are not paired "
            "there, and the intervals of their differences are wider for it."
        )
    bases: dict[tuple[str, str, str], list[float]] = {}
    for arm in compared:
        for row in rows:
            if row["arm"] == arm.named.name and row["kind"] == "probe":
                items = arm.named.items.get(row["name"], "")
                bases.setdefault((row["name"], row["metric"], items), []).append(row["base"])
    if any(max(own) - min(own) > 1e-3 * abs(max(own, key=abs)) for own in bases.values()):
        yield "The runs began from different base models: changes are against each one's own."


def _seeds_row(analysis: Any, group: Sequence[str]) -> SeedsRow:
    found = {
        row["role"]: row["means"]["final"]
        for row in analysis.repeats
        if row["arms"] == list(group) and _is_shown(row)
    }
    gain, forgetting = (_estimate(found.get(role)) for role in _ROLES)
    return SeedsRow(arms=tuple(group), gain=gain, forgetting=forgetting)


def _side_by_side(
    analysis: Any, groups: Sequence[Sequence[str]], compared: Sequence[ComparedArm], align: Align
) -> Iterator[SideBySide]:
    """Yield every two groups of seeds, or arms that are in none, at the same cost."""
    alone = [arm.named.name for arm in compared if not any(arm.named.name in g for g in groups)]
    wanted = [*map(tuple, groups), *((name,) for name in alone)]
    key = f"at_equal_{align}"
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[str, Mapping[str, Any]]] = {}
    for row in (row for row in [*analysis.seeds_apart, *analysis.budgets] if _is_shown(row)):
        first, second = (
            (tuple(row["arms"]), tuple(row["against"]))
            if "arms" in row
            else ((row["arm"],), (row["against"],))
        )
        found.setdefault((first, second), {})[row["role"]] = row[key]
    for against, arms in combinations(wanted, 2):
        roles = found.get((arms, against)) or _turned(found.get((against, arms), {}))
        if roles:
            budget = next(iter(roles.values()))["budget"]
            domain, general = (_estimate(roles.get(role)) for role in _ROLES)
            yield SideBySide(
                arms=arms,
                against=against,
                tokens=budget if align == "tokens" else None,
                flops=budget if align == "flops" else None,
                domain=domain,
                general=general,
            )


def _turned(roles: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return differences the other way round."""
    return {
        role: {
            "budget": row["budget"],
            "value": -row["value"],
            "low": None if row["high"] is None else -row["high"],
            "high": None if row["low"] is None else -row["low"],
        }
        for role, row in roles.items()
    }


def _is_shown(row: Mapping[str, Any]) -> bool:
    return bool(row["kind"] == "role" and row["metric"] == SHOWN_METRIC)


def _estimate(found: Mapping[str, Any] | None) -> Estimate | None:
    if found is None:
        return None
    return Estimate(value=found["value"], low=found["low"], high=found["high"])


def _write_report(
    out: Path,
    folders: Mapping[str, RunFolder],
    analysis: Any,
    notes: Sequence[str],
    align: Align,
) -> None:
    from gapless.report import render

    contents = [content_of(folder, arm_prefix=f"{name}/") for name, folder in folders.items()]
    arms = tuple(arm for content in contents for arm in content.arms)
    joined = replace(
        contents[0],
        title="Comparison of " + ", ".join(folders),
        run_name=", ".join(folders),
        arms=arms,
        findings=tuple(findings(analysis.findings)),
        recipe_yaml="\n".join(
            f"# {content.run_name}\n{content.recipe_yaml}" for content in contents
        ),
        warnings=(*notes, *_warnings(contents, folders)),
        **side_by_side(analysis),
    )
    write_text(out, render(_along_flops(joined, analysis) if align == "flops" else joined))


def _warnings(contents: Sequence[Content], names: Iterable[str]) -> Iterator[str]:
    for name, content in zip(names, contents, strict=True):
        for warning in content.warnings:
            yield f"{name}: {warning}"


def _along_flops(content: Content, analysis: Any) -> Content:
    """Draw every curve over the operations that training took until its points."""
    spent = {
        (row["arm"], row["name"], row["metric"]): tuple(map(round, row["curve"]["flops"]))
        for row in analysis.rows
    }

    def moved(arm: ArmContent) -> ArmContent:
        curves = (
            replace(curve, flops=spent[arm.name, curve.name, curve.metric]) for curve in arm.curves
        )
        return replace(arm, curves=tuple(curves))

    return replace(content, along="flops", arms=tuple(map(moved, content.arms)))
