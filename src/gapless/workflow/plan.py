"""What a run would do and cost. Spends nothing."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from shutil import disk_usage
from typing import Any

from gapless.errors import RecipeError, RunError
from gapless.mixing import Supply, plan_phases
from gapless.recipe import Recipe
from gapless.recipe.mixtures import Groups, Shares
from gapless.recipe.schema import Order
from gapless.recipe.scores import ModelPerplexity
from gapless.recipe.selections import Budgeted, Selection
from gapless.records.token_store import TokenStore
from gapless.records.views import Plan, PlanArm, PlanMixtureRow, PlanScore, PlanSource, PlanStage
from gapless.strata import source_of
from gapless.units import format_bytes
from gapless.workflow.arm_checks import check_machine, check_methods
from gapless.workflow.base_model import check_context
from gapless.workflow.early_decay import check_early_decay, end_token
from gapless.workflow.going_on import place_of, shared_tokens, tokens_taken_over
from gapless.workflow.harness import harness_warnings
from gapless.workflow.order import batch_rows, roles, rounds_of, settle_order, with_proposals
from gapless.workflow.pace import pace_of
from gapless.workflow.pace_words import measuring_words
from gapless.workflow.plan_assumptions import assumption_notes
from gapless.workflow.plan_memory import arm_memory
from gapless.workflow.plan_synthesis import plan_syntheses
from gapless.workflow.plan_tree import mixture_tree
from gapless.workflow.plan_warnings import order_warnings, run_warnings
from gapless.workflow.planned_rows import planned_rows
from gapless.workflow.probe_costs import (
    BYTES_PER_TOKEN,
    Asking,
    costs_of_probes,
    counted,
    estimated,
)
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.stage import Stage
from gapless.workflow.tree import Tree
from gapless.workflow.tree_arms import ArmStages

_BYTES_PER_PARAMETER_CHECKPOINT = 12
"""fp32 weights and two moments; fewer bits take less."""
_TRAINING_PASSES = 3
"""Training costs as much as three forward passes."""


def make_plan(tree: Tree, folder: RunFolder, *, machine_speed: bool = True) -> Plan:
    """Return the plan; numbers of sources that are not tokenised yet are estimates."""
    facts = tree.model.facts()
    for arm in tree.arms.values():
        check_context(facts.context, arm.recipe.order.context)
    check_methods(tree)
    sources = [source_row(name, tree) for name in tree.pools]
    exact = all(source.exact for source in sources)
    estimated = {source.name: source.tokens or 0 for source in sources}
    settled = {name: _settle(arm, tree, estimated, exact=exact) for name, arm in tree.arms.items()}
    for name, order in settled.items() if exact else ():
        where = f"arms.{name}." if tree.recipe.arms else ""
        check_early_decay(tree.arms[name].recipe, order["tokens"], where=where)
    speed = _speed(tree.recipe) if machine_speed else float("inf")
    asked = _Asked.of(tree)
    if not exact:
        asked = replace(asked, exact=False)
    arms = [_arm(name, tree, order, facts, speed, asked) for name, order in settled.items()]
    mixture = [row for name, order in settled.items() for row in _mixture(name, tree, order)]
    return Plan(
        run_dir=folder.path,
        parameters=facts.parameters,
        memory_bytes=max(arm.memory_bytes for arm in arms),
        disk_bytes=_disk_bytes(tree, facts.parameters),
        stages=tuple(_stage(stage) for stage in tree.stages()),
        sources=tuple(sources),
        scores=tuple(_scores(tree, sources, speed)),
        syntheses=tuple(plan_syntheses(tree, folder)),
        mixture=tuple(mixture),
        tree=mixture_tree(
            tree.arms, {name: pool.tokens for name, pool in tree.pools.items()}, mixture
        ),
        arms=tuple(arms),
        warnings=(
            *assumption_notes(tree),
            *run_warnings(tree, exact=all(s.exact or s.name in tree.assumed for s in sources)),
            *_machine_warnings(tree),
            *harness_warnings(tree.recipe, tree.place.recipe_dir),
            *order_warnings(tree, settled),
        ),
    )


def _stage(stage: Stage) -> PlanStage:
    done = stage.is_done()
    half = stage.resumable and stage.folder.partial_path.is_dir()
    return PlanStage(
        name=stage.label,
        done=done,
        detail=stage.fingerprint[:7] + (", goes on from a checkpoint" if half else ""),
    )


def source_row(name: str, tree: Tree) -> PlanSource:
    """Return what a source holds for training; an estimate where its text is not prepared."""
    role = tree.recipe.sources[name].role
    if all(stage.is_done() for stage in tree.pools[name].inputs(None).values()):
        eligible = tree.pools[name].pool().eligible()
        store = TokenStore.open(tree.pools[name].tokens.path)
        return PlanSource(
            name=name,
            role=role,
            documents=len(eligible),
            tokens=int(store.lengths[eligible].sum()),
            held_out_documents=int(store.held_out.sum()),
            removed_documents=int((~eligible & ~store.held_out).sum()),
            exact=True,
        )
    return PlanSource(
        name=name,
        role=role,
        documents=None,
        tokens=tree.assumed.get(name) or round(tree.source_bytes[name] / BYTES_PER_TOKEN),
        held_out_documents=None,
        removed_documents=None,
        exact=False,
    )


def _scores(tree: Tree, sources: Sequence[PlanSource], speed: float) -> Iterator[PlanScore]:
    """Give the scores under a language model: the only ones that can cost more than training."""
    known = {source.name: source for source in sources}
    done = {stage.label: stage.is_done() for stage in tree.scores}
    for name, score in tree.recipe.scores.items():
        if not isinstance(score, ModelPerplexity):
            continue
        facts = tree.model.facts_to_score_with(score.model)
        longest = score.max_tokens or facts.context or tree.recipe.order.context
        for source in tree.recipe.scored_sources(score):
            documents, tokens = known[source].documents, known[source].tokens or 0
            tokens = tokens if documents is None else min(tokens, documents * longest)
            flops = facts.training_flops(tokens, longest) / _TRAINING_PASSES
            yield PlanScore(
                name=name,
                source=source,
                tokens=tokens,
                flops=flops,
                hours=flops / speed / 3600,
                done=done[f"scores.{name}.{source}"],
            )


def _settle(
    arm: ArmStages, tree: Tree, estimated: Mapping[str, int], *, exact: bool
) -> dict[str, Any]:
    if arm.order.is_done():
        return arm.order.facts()
    if exact and all(stage.is_done() for stage in arm.order.inputs.values()):
        return settle_order(arm.order.subject, arm.recipe, tree.pools, tree.place)
    recipe = arm.recipe
    selected = {
        name: min(tokens, _budget(recipe.selection.get(name), tokens))
        for name, tokens in estimated.items()
    }
    order = with_proposals(recipe.order, tree.place)
    strata = selected | {name: selected[source_of(name)] for name in _named_strata(order)}
    phases = plan_phases(order, _Uncounted(roles(recipe), strata), batch_rows=batch_rows(recipe))
    return {
        "phases": [asdict(phase) for phase in phases],
        "strata_tokens": strata,
        "tokens": phases[-1].end * recipe.order.context,
    }


class _Uncounted(Supply):
    """What there is where nobody has counted labels: each may be all of its source."""

    def by_role(self, role: str) -> dict[str, float]:
        """Return the tokens of each source of a role, whose labels add nothing to it."""
        return {name: float(self.tokens[name]) for name in self.roles if self.roles[name] == role}


def _named_strata(order: Order) -> list[str]:
    """Return the strata that mixtures name; how much text they have, nobody knows yet."""
    mixtures = [getattr(phase.mixture, "start", phase.mixture) for phase in order.phases]
    mixtures += [change.mixture for change in order.changes]
    tables = [mixture.shares for mixture in mixtures if isinstance(mixture, Shares)]
    groups = [mixture.groups for mixture in mixtures if isinstance(mixture, Groups)]
    tables += [group.sources for each in groups for group in each.values()]
    return [name for table in tables for name in table if source_of(name) != name]


def _budget(selection: Selection | None, tokens: int) -> int:
    return selection.tokens if isinstance(selection, Budgeted) else tokens


def _mixture(name: str, tree: Tree, order: Mapping[str, Any]) -> Iterator[PlanMixtureRow]:
    recipe = tree.arms[name].recipe
    end = end_token(recipe, order["tokens"]) // recipe.order.context
    for number, phase in enumerate(rounds_of(recipe, order).phases):
        num_rows = min(phase.num_rows, end - phase.start)
        if num_rows <= 0:
            break
        for stratum, rows in planned_rows(phase, num_rows).items():
            available = order["strata_tokens"][stratum]
            tokens = rows * recipe.order.context
            yield PlanMixtureRow(
                arm=name,
                phase=number,
                source=stratum,
                share=rows / num_rows,
                tokens=tokens,
                selected_tokens=available,
                repetition=tokens / available,
            )


@dataclass(frozen=True)
class _Asked:
    """What the probes of a recipe, the same for every arm, take to be asked once."""

    askings: Sequence[Asking]
    costs: Sequence[float]
    """Of each probe, in tokens of training."""
    exact: bool
    """Whether tokens were counted."""

    @classmethod
    def of(cls, tree: Tree) -> "_Asked":
        recipe, place = tree.recipe, tree.place
        # Only a budget needs to know exactly: what it allows is what the run will do.
        exact = recipe.probing.budget is not None and tree.probes.is_done()
        if exact:
            askings = counted(recipe, place.recipe_dir, tree.probes, tree.model.tokenizer())
        else:
            askings = estimated(recipe, place, tree.probes)
        return cls(askings, costs_of_probes(recipe, askings), exact)


def _arm(
    name: str, tree: Tree, order: Mapping[str, Any], facts: Any, speed: float, asked: _Asked
) -> PlanArm:
    recipe, rounds = tree.arms[name].recipe, rounds_of(tree.arms[name].recipe, order)
    tokens = end_token(recipe, order["tokens"])
    pace = pace_of(recipe, order["tokens"], rounds.readings, costs=asked.costs)
    done = _tokens_of_trunk(name, tree, order["tokens"])
    own = {step: due for step, due in pace.asked.items() if step * pace.batch_tokens > done}
    measuring = math.fsum(asked.costs[probe] for due in own.values() for probe in due)
    flops = facts.training_flops(tokens - done + measuring, recipe.order.context)
    probed_tokens = [each.read + each.written for each in asked.askings]
    return PlanArm(
        name=name,
        tokens=tokens,
        steps=pace.saved[-1],
        flops=flops,
        hours=flops / speed / 3600,
        probes=len(own),
        memory_bytes=arm_memory(recipe, facts, probed_tokens, _compute(recipe)),
        measuring=measuring_words(recipe, pace, asked.costs, tokens, exact=asked.exact),
    )


def _tokens_of_trunk(name: str, tree: Tree, total_tokens: int) -> int:
    """Return the tokens that an arm does not train on, as its trunk has."""
    arm = tree.arms[name]
    if arm.trunk is None:
        return 0
    trunk, batch = tree.arms[arm.trunk], arm.recipe.training.batch_tokens
    until, place = shared_tokens(arm.recipe, trunk.recipe, total_tokens), place_of(trunk.training)
    found = tokens_taken_over(place, until=until)
    if not trunk.training.is_done() and tokens_taken_over(place, until=total_tokens) == found:
        return until // batch * batch  # it has not come so far, and will keep its state there
    return found


def _machine_warnings(tree: Tree) -> Iterator[str]:
    """Say what keeps this machine from a training that another may do."""
    try:
        check_machine(tree)
    except RecipeError as error:
        yield f"This machine cannot train it: {error.where}: {error.what}."


def _compute(recipe: Recipe) -> Any:
    """Return what the recipe asks for; on a GPU elsewhere where this machine has none."""
    import torch

    from gapless.training.compute import Compute

    try:
        return Compute.of(recipe.training)
    except RecipeError:
        return Compute(torch.device("cuda"), bf16=recipe.training.precision != "fp32")


def _speed(recipe: Recipe) -> float:
    """Return the operations a second that training does here; not a number where it cannot."""
    import torch

    from gapless.workflow.machine import training_flops_per_second

    compute = _compute(recipe)
    if compute.device.type == "cuda" and not torch.cuda.is_available():
        return math.nan
    return training_flops_per_second(device=compute.device.type, bf16=compute.bf16)


def _disk_bytes(tree: Tree, parameters: int) -> int:
    """Add up what is still to be written: checkpoints, models, documents and tokens."""
    begun = {name for name, arm in tree.arms.items() if place_of(arm.training).is_dir()}
    missing = [
        arm.recipe.training.checkpoints.keep_last
        for name, arm in tree.arms.items()
        if name not in begun
    ]
    kept = sum(keep_last + 2 for keep_last in missing)
    kept += sum(arm.trunk is not None and arm.trunk not in begun for arm in tree.arms.values())
    weights = parameters * (_BYTES_PER_PARAMETER_CHECKPOINT * kept + 4 * len(missing))
    texts = sum(size for name, size in tree.source_bytes.items() if not _is_counted(name, tree))
    return weights + 2 * texts


def _is_counted(name: str, tree: Tree) -> bool:
    return name in tree.pools and tree.pools[name].tokens.is_done()


def refuse_full_disk(tree: Tree, folder: RunFolder) -> None:
    """Refuse a run that the disk cannot hold, before anything is spent."""
    place = next(p for p in (folder.path, *folder.path.resolve().parents) if p.exists())
    needed, free = _disk_bytes(tree, tree.model.facts().parameters), disk_usage(place).free
    if needed > free:
        raise RunError(
            f"the run needs about {format_bytes(needed)} of disk and {format_bytes(free)} are free",
            where=str(place),
            mend="Free some space, choose another --run-dir, or keep fewer checkpoints "
            "(training.checkpoints.keep_last).",
        )
