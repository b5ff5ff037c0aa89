"""Fill the report from a run's artifacts."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gapless.errors import RunError
from gapless.recipe import Recipe, arms
from gapless.records.arm_journals import OBSERVATIONS, STEPS
from gapless.records.artifact import ArtifactFolder
from gapless.records.journal import Journal
from gapless.report import content as shown
from gapless.selection import describe
from gapless.workflow.arm import MEASURING
from gapless.workflow.measuring import BASE
from gapless.workflow.order_words import phase_words
from gapless.workflow.report_findings import findings, side_by_side
from gapless.workflow.report_order import OrderOfArm
from gapless.workflow.report_samples import samples
from gapless.workflow.report_scores import ScoreColumns
from gapless.workflow.report_synthesis import syntheses
from gapless.workflow.report_text import removals, source_content
from gapless.workflow.report_watch import base_facts, gradients, parts_moved, run_facts, seconds_of
from gapless.workflow.results import ANALYSIS
from gapless.workflow.run_folder import RECIPE_FILE, RunFolder
from gapless.workflow.time_spent import energy_facts

_MIXTURE_POINTS = 60
_TRACE_POINTS = 400


def content_of(folder: RunFolder, *, arm_prefix: str = "") -> shown.Content:
    """Return what the report of a finished run says."""
    recipe, stages = folder.recipe(), folder.stages()
    analysis = analysis_of(folder, stages)
    columns = ScoreColumns(recipe, stages, arm_prefix=arm_prefix)
    trainings = {name: stages[f"training.{name}"].path for name in arms(recipe)}
    return shown.Content(
        title=recipe.name,
        run_name=recipe.name,
        arms=tuple(_arms(recipe, analysis.rows, stages, arm_prefix)),
        findings=tuple(findings(analysis.findings, arm_prefix)),
        **side_by_side(analysis, arm_prefix),
        sources=tuple(source_content(name, recipe, stages) for name in recipe.sources),
        removals=tuple(removals(recipe, stages)),
        syntheses=tuple(syntheses(recipe, stages)),
        scores=tuple(columns.numbers()),
        labels=tuple(columns.labels()),
        recipe_yaml=(folder.path / RECIPE_FILE).read_text(),
        environment=_environment(folder)
        | base_facts(stages[BASE].path)
        | run_facts(trainings)
        | energy_facts(stages[BASE].path, trainings),
        warnings=(
            *_warnings(recipe),
            *_left_out(recipe, stages),
            *_budgets(recipe, stages),
            *dict.fromkeys(_shared_points(analysis.rows)),
        ),
    )


def analysis_of(folder: RunFolder, stages: Mapping[str, ArtifactFolder]) -> Any:
    """Return a run's analysis."""
    from gapless.analysis import read_analysis

    if not stages[ANALYSIS].exists():
        raise RunError(
            "the run is not finished: its analysis is missing",
            where=str(folder.path),
            mend="Run the recipe again; it goes on from where it stopped.",
        )
    return read_analysis(stages[ANALYSIS].path)


def _arms(
    recipe: Recipe,
    rows: Sequence[Mapping[str, Any]],
    stages: Mapping[str, ArtifactFolder],
    prefix: str,
) -> Iterator[shown.ArmContent]:
    for name, arm in arms(recipe).items():
        training = stages[f"training.{name}"].path
        order = OrderOfArm(name, arm, stages)
        steps = list(Journal(training / STEPS).rows())
        observed = list(Journal(training / OBSERVATIONS).rows())
        own = [row for row in rows if row["arm"] == name]
        learnt = [row for row in steps if row["loss"] is not None]
        kept = learnt[:: max(1, len(learnt) // _TRACE_POINTS)]
        tokens = tuple(row["tokens_seen"] for row in kept)
        yield shown.ArmContent(
            name=prefix + name,
            description=_describe(arm),
            curves=tuple(_curve(row) for row in own),
            mixture=tuple(_mixture(steps, order.borders())),
            phases=tuple(order.phases()),
            rounds=tuple(order.rounds()),
            curricula=tuple(order.curricula()),
            gaps=tuple(_gap(row) for row in own),
            loss=shown.Trace(tokens=tokens, values=tuple(row["loss"] for row in kept)),
            learning_rate=shown.Trace(
                tokens=tokens, values=tuple(row["learning_rate"] for row in kept)
            ),
            tokens_seen=steps[-1]["tokens_seen"],
            seconds=seconds_of(training),
            parts=parts_moved(observed),
            gradients=gradients(observed),
            samples=samples(training),
        )


def _describe(arm: Recipe) -> str:
    selections = [f"{name}: {describe(selection)}" for name, selection in arm.selection.items()]
    phases = [phase_words(phase) for phase in arm.order.phases]
    begin = arm.training.decay_from
    early = [] if begin is None else [f"decays from token {begin:,} on, and ends with it"]
    return "; ".join([*selections, *phases, *early])


def _curve(row: Mapping[str, Any]) -> shown.CurveContent:
    curve, sign = row["curve"], 1.0 if row["higher_is_better"] else -1.0
    ends = [
        tuple(None if change is None else row["base"] + sign * change for change in curve[end])
        for end in ("low", "high")
    ]
    low, high = ends if sign > 0 else reversed(ends)
    return shown.CurveContent(
        name=row["name"],
        role=row["role"],
        metric=row["metric"],
        higher_is_better=row["higher_is_better"],
        tokens=tuple(curve["tokens"]),
        values=tuple(curve["values"]),
        low=low,
        high=high,
    )


def _gap(row: Mapping[str, Any]) -> shown.GapRow:
    gap, sign = row["gap"], 1.0 if row["higher_is_better"] else -1.0
    depth = gap["depth"]["value"]
    recovery = gap["tokens_to_recovery"]["value"]
    return shown.GapRow(
        name=row["name"],
        role=row["role"],
        metric=row["metric"],
        base=row["base"],
        final=row["final"],
        change=row["change"]["value"],
        change_low=row["change"]["low"],
        change_high=row["change"]["high"],
        depth=depth,
        depth_low=gap["depth"]["low"],
        depth_high=gap["depth"]["high"],
        tokens_to_bottom=round(gap["tokens_to_bottom"]["value"]) if depth else None,
        tokens_to_recovery=None if recovery is None else round(recovery),
        area=gap["area"]["value"],
        peak=row["base"] + sign * gap["peak"]["value"],
        tokens_to_peak=round(gap["tokens_to_peak"]["value"]),
        recovered=bool(gap["recovered"]),
        drop_is_real=row["drop_is_real"],
        drop_is_real_among_all=row["drop_is_real_among_all"],
        rebound_is_real=row["rebound_is_real"],
        rebound=gap["rebound"]["value"],
        rebound_low=gap["rebound"]["low"],
        rebound_high=gap["rebound"]["high"],
    )


def _mixture(
    steps: Sequence[Mapping[str, Any]], borders: Sequence[int]
) -> Iterator[shown.MixturePoint]:
    """Give the shares of stretches of steps, none of them across a change of the mixture."""
    size = max(1, -(-len(steps) // _MIXTURE_POINTS))
    strata = list(dict.fromkeys(name for row in steps for name in row["tokens"]))
    totals: Counter[str] = Counter()
    count = 0
    for row in steps:
        totals.update(row["tokens"])
        count += 1
        if count == size or row["tokens_seen"] in borders or row is steps[-1]:
            for name in strata:
                yield shown.MixturePoint(
                    tokens_seen=row["tokens_seen"],
                    source=name,
                    share=totals[name] / totals.total(),
                )
            totals, count = Counter(), 0


def _warnings(recipe: Recipe) -> Iterator[str]:
    if recipe.decontamination is None:
        yield (
            "Evaluation items were not looked for in the training text: the recipe turns it off. "
            "What the probes measure may have been trained on."
        )


def _left_out(recipe: Recipe, stages: Mapping[str, ArtifactFolder]) -> Iterator[str]:
    """Yield which arms did not learn from all of their batches."""
    for name in arms(recipe):
        folder = stages[f"training.{name}"].path
        steps = list(Journal(folder / STEPS).rows())
        left_out = sum(step["loss"] is None for step in steps)
        if left_out:
            yield (
                f"The arm {name} left out {left_out:,} of its {len(steps):,} batches, which went "
                f"wrong: see {folder.name}/faults.jsonl."
            )


def _budgets(recipe: Recipe, stages: Mapping[str, ArtifactFolder]) -> Iterator[str]:
    """Yield how often each arm was measured for the sake of a budget."""
    for name in arms(recipe):
        for told in stages[f"training.{name}"].manifest().facts.get(MEASURING, ()):
            yield f"The arm {name}: {told}."


def _shared_points(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield where a mean over a role's probes stands at fewer points than they do."""
    for row in rows:
        if row["kind"] != "role":
            continue
        own = [
            len(each["curve"]["tokens"])
            for each in rows
            if each["kind"] == "probe"
            and all(each[key] == row[key] for key in ("arm", "role", "metric"))
        ]
        number = len(row["curve"]["tokens"])
        if max(own) > number:
            yield (
                f"The mean of {row['num_probes']} {row['role']} probes in "
                f"{row['metric'].replace('_', ' ')} stands at the {number} points that all of them "
                f"share; the one measured most often has {max(own)}."
            )


def _environment(folder: RunFolder) -> dict[str, str]:
    place = folder.path / "environment.json"
    if not place.is_file():
        return {}
    return {str(key): str(value) for key, value in json.loads(place.read_text()).items()}


def write_report(folder: RunFolder) -> Path:
    """Render the report of a finished run, and write the cards of its models."""
    from gapless.records.artifact import write_text
    from gapless.report import render
    from gapless.workflow.report_cards import write_cards
    from gapless.workflow.run_folder import REPORT_FILE

    path, content = folder.path / REPORT_FILE, content_of(folder)
    write_cards(folder, content)
    write_text(path, render(content))
    return path
