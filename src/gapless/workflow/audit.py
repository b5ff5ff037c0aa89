"""What a run has seen against what was planned: step by step, stratum by stratum, by document.

Three things must agree: the plan (the stretches of the order's facts, with the decisions of a
mixture that reacts), the order's rows, walked up to the last step, and the steps that training
wrote down.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from gapless.ordering import rows_taken
from gapless.recipe import Recipe, arms
from gapless.records.arm_journals import STEPS
from gapless.records.artifact import ArtifactFolder
from gapless.records.journal import Journal
from gapless.records.stretches import Stretch
from gapless.records.views import Audit, AuditRow
from gapless.strata import source_of
from gapless.workflow.audit_walk import Part, Walk
from gapless.workflow.order import (
    ORDER,
    SELECTION_FILE,
    arm_order,
    batch_rows,
    curriculum_strata,
    decisions_of,
    rounds_of,
)
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.show import arm_names


def audits(run_dir: Path, arm_name: str | None) -> list[Audit]:
    """Return the audit of one arm or of all; of what is trained so far."""
    folder = RunFolder(run_dir)
    known, stages = arms(folder.recipe()), folder.stages()
    return [_audit(name, known[name], stages) for name in arm_names(folder, arm_name)]


def _audit(name: str, arm: Recipe, stages: Mapping[str, ArtifactFolder]) -> Audit:
    order, context = arm_order(name, arm, stages), arm.order.context
    training = stages[f"training.{name}"]
    place = training.path if training.exists() else training.partial_path
    walk = Walk(order, batch_rows(arm))
    walk.follow(Journal(place / STEPS).rows())
    stretches = rounds_of(arm, stages[f"{ORDER}.{name}"].manifest().facts).stretches(
        decisions_of(name, stages)
    )
    plan = _Plan(stretches, _merged(arm, stretches), walk.num_rows)
    differences = [*plan.settle(walk), *plan.differences(walk, context), *walk.differences()]
    if training.exists() and walk.num_rows < order.num_rows:
        differences.append(
            f"training is done, and {walk.num_steps:,} of its "
            f"{-(-order.num_rows // walk.batch):,} steps are written down"
        )
    with np.load(stages[f"{ORDER}.{name}"].path / SELECTION_FILE, allow_pickle=False) as chosen:
        for stratum, seen in walk.documents.items():
            differences += seen.differences(
                chosen[source_of(stratum)], evenly=stratum not in plan.drawn_anew
            )
    return Audit(
        arm=name,
        tokens_seen=walk.num_rows * context,
        total_tokens=order.num_tokens,
        rows=tuple(_rows(plan, walk, context)),
        documents=tuple(seen.view() for seen in walk.documents.values()),
        padding_tokens=walk.padding_seen,
        differences=tuple(differences),
    )


def _merged(arm: Recipe, stretches: Sequence[Stretch]) -> dict[int, set[str]]:
    """Return phase to the strata whose turns go by their scores."""
    merged: dict[int, set[str]] = {}
    for stretch in stretches:
        curriculum = arm.order.phases[stretch.phase].curriculum
        if curriculum is not None and curriculum.across:
            led = curriculum_strata(curriculum, list(stretch.rows))
            merged.setdefault(stretch.phase, set()).update(led)
    return merged


def _rows(plan: "_Plan", walk: Walk, context: int) -> Iterator[AuditRow]:
    totals: Counter[int] = Counter()
    for (phase, _), tokens in walk.seen.items():
        totals[phase] += tokens
    parts = {*plan.rows, *walk.rows, *walk.seen}
    for phase, stratum in sorted(parts, key=lambda part: (part[0], -walk.seen[part], part[1])):
        part = (phase, stratum)
        seen, documents = walk.seen[part], walk.documents.get(stratum)
        yield AuditRow(
            phase=phase,
            stratum=stratum,
            planned_tokens=plan.rows[part] * context,
            seen_tokens=seen,
            padding_tokens=walk.rows[part] * context - walk.tokens[part],
            share=seen / totals[phase] if totals[phase] else 0.0,
            repetition=seen / documents.total if documents else 0.0,
        )


class _Plan:
    """Rows of each part as planned, for the first ``num_rows`` of the run."""

    def __init__(
        self, stretches: Sequence[Stretch], merged: Mapping[int, set[str]], num_rows: int
    ) -> None:
        self.rows: Counter[Part] = Counter()
        self.together: dict[int, tuple[list[str], int]] = {}
        """Phase to strata of which only the sum is planned, and what they get besides."""
        self.drawn_anew: set[str] = set()
        """Strata that do not simply go on where they stopped."""
        for stretch in stretches:
            if num_rows <= 0:
                break
            length = min(stretch.length, num_rows)
            num_rows -= length
            self.drawn_anew |= set(stretch.draws)
            self._take(stretch, length, merged.get(stretch.phase, set()))

    def _take(self, stretch: Stretch, length: int, merged: set[str]) -> None:
        """Add a stretch, or its beginning: there, whose turn it is among merged strata is open."""
        rows = dict(stretch.rows)
        group = [name for name in rows if name in merged and rows[name]]
        if length < sum(rows.values()) and len(group) > 1:
            whole = sum(rows[name] for name in group)
            rows |= dict.fromkeys(group, 0) | {group[0]: whole}
        else:
            group = []
        taken = rows_taken(np.array(list(rows.values())), length).tolist()
        for name, count in zip(rows, taken, strict=True):
            if name in group[:1]:
                before, more = self.together.get(stretch.phase, (group, 0))
                self.together[stretch.phase] = list(dict.fromkeys([*before, *group])), more + count
            elif count:
                self.rows[stretch.phase, name] += count

    def settle(self, walk: Walk) -> Iterator[str]:
        """Give strata planned together what the order gives each; say where their sum is not so."""
        for phase, (names, more) in self.together.items():
            parts = [(phase, name) for name in names]
            planned = more + sum(self.rows[part] for part in parts)
            held = sum(walk.rows[part] for part in parts)
            if held != planned:
                yield (
                    f"phase {phase + 1}, {', '.join(names)}: {planned:,} rows planned, "
                    f"{held:,} in the order"
                )
            for part in parts:
                self.rows[part] = walk.rows[part]

    def differences(self, walk: Walk, context: int) -> Iterator[str]:
        """Say where the order's rows, or the tokens that training saw, are not as planned."""
        for part in sorted({*self.rows, *walk.rows, *walk.seen}):
            where = f"phase {part[0] + 1}, {part[1]}"
            planned, held = self.rows[part], walk.rows[part]
            if planned != held:
                yield f"{where}: {planned:,} rows planned, {held:,} in the order"
            due = planned * context - (held * context - walk.tokens[part])
            if due != walk.seen[part]:
                yield f"{where}: {due:,} tokens planned, {walk.seen[part]:,} seen"
