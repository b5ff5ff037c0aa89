"""The analysis stage, and the few numbers that every summary shows."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gapless.recipe import Recipe
from gapless.records.views import SummaryRow
from gapless.workflow.stage import Stage

ANALYSIS = "analysis"
SHOWN_METRIC = "bits_per_byte"


def analysis_stage(
    training: Mapping[str, Stage], recipes: Mapping[str, Recipe], *, seed: int, root: Path
) -> Stage:
    """Return the stage that draws the conclusions from every arm's measurements."""
    seeds = seed_groups(recipes)

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.analysis import analyse, write_analysis

        folders = [stage.path for stage in training.values()]
        write_analysis(folder, analyse(folders, seed=seed, seeds=seeds))
        return {}

    return Stage(
        kind=ANALYSIS,
        version=3,
        root=root,
        part={"seed": seed, "seeds": seeds},
        inputs={stage.label: stage for stage in training.values()},
        work=work,
    )


def seed_groups(recipes: Mapping[str, Recipe]) -> list[list[str]]:
    """Return the groups of two or more arms that differ in nothing but their seed."""
    groups: dict[str, list[str]] = {}
    for name, recipe in recipes.items():
        groups.setdefault(recipe.model_dump_json(exclude={"seed"}), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def summary(rows: Iterable[Mapping[str, Any]]) -> tuple[SummaryRow, ...]:
    """Return the base's row and one per arm, from the rows of an analysis."""
    by_arm: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        if row["kind"] == "role" and row["metric"] == SHOWN_METRIC:
            by_arm.setdefault(row["arm"], {})[row["role"]] = row
    if not by_arm:
        return ()
    first = next(iter(by_arm.values()))
    base = SummaryRow(
        arm="base",
        domain_bits_per_byte=_value(first.get("domain"), "base"),
        general_bits_per_byte=_value(first.get("general"), "base"),
        gain=None,
        forgetting=None,
        gap_depth=None,
        tokens_to_recovery=None,
        recovered=False,
        tokens_seen=0,
    )
    return (base, *(_arm_row(name, roles) for name, roles in by_arm.items()))


def _arm_row(name: str, roles: Mapping[str, Mapping[str, Any]]) -> SummaryRow:
    domain, general = roles.get("domain"), roles.get("general")
    watched = general or domain
    assert watched is not None
    gap = watched["gap"]
    recovery = gap["tokens_to_recovery"]["value"]
    return SummaryRow(
        arm=name,
        domain_bits_per_byte=_value(domain, "final"),
        general_bits_per_byte=_value(general, "final"),
        gain=domain["change"]["value"] if domain else None,
        forgetting=general["change"]["value"] if general else None,
        gap_depth=gap["depth"]["value"],
        tokens_to_recovery=None if recovery is None else round(recovery),
        recovered=bool(gap["recovered"]),
        tokens_seen=watched["curve"]["tokens"][-1],
    )


def _value(row: Mapping[str, Any] | None, key: str) -> float | None:
    return None if row is None else float(row[key])
