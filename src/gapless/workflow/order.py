"""The stage that settles an arm's order, and the order itself from its artifact."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gapless.errors import DataError, RunError
from gapless.mixing import Decision, PhasePlan, Rounds, Rule, Supply, plan_phases
from gapless.ordering import (
    BestFit,
    Cut,
    Documents,
    OrderTable,
    Packer,
    RunOrder,
    Shuffled,
    Sorted,
    sequence_of,
)
from gapless.recipe import Recipe
from gapless.recipe.curricula import Curriculum, Labels
from gapless.recipe.mixtures import Law, Shares
from gapless.recipe.schema import Order
from gapless.records.arm_journals import MIXTURE
from gapless.records.artifact import ArtifactFolder
from gapless.records.fingerprint import of_value
from gapless.records.journal import Journal
from gapless.records.stretches import Stretch
from gapless.records.token_store import TokenStore
from gapless.selection import select
from gapless.strata import UNLABELLED, source_of, stratum_name
from gapless.workflow.early_decay import end_token
from gapless.workflow.pool import PoolStages, SourcePool
from gapless.workflow.stage import Stage, Workplace

ORDER = "order"
SELECTION_FILE = "selection.npz"


def order_stage(name: str, arm: Recipe, pools: Mapping[str, PoolStages], place: Workplace) -> Stage:
    """Return the stage that settles an arm's documents and its rows of each stratum."""
    order = with_proposals(arm.order, place)

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        chosen, table, facts = _settle(name, arm, order, pools)
        np.savez(folder / SELECTION_FILE, **chosen)  # type: ignore[arg-type]  # keys are data
        table.write(folder)
        return facts

    inputs: dict[str, Stage] = {}
    for source, pool in pools.items():
        inputs |= pool.inputs(arm.selection.get(source), _columns(order, source))
    return Stage(
        kind=ORDER,
        subject=name,
        version=5,
        root=place.root,
        part={
            "seed": arm.seed,
            "selection": {k: v.model_dump(mode="json") for k, v in arm.selection.items()},
            "order": order.model_dump(mode="json"),
            "roles": roles(arm),
            "batch_rows": batch_rows(arm),
        },
        inputs=inputs,
        work=work,
    )


def roles(arm: Recipe) -> dict[str, str]:
    """Return source to role, of the sources that are trained on."""
    return {name: source.role for name, source in arm.trained_sources.items()}


def batch_rows(arm: Recipe) -> int:
    """Return the rows of an optimizer step."""
    return arm.training.batch_tokens // arm.order.context


def with_proposals(order: Order, place: Workplace) -> Order:
    """Return an order in which the shares that laws proposed are written out."""
    tree = order.model_dump()
    for number, phase in enumerate(order.phases):
        where = f"order.phases[{number}].mixture"
        start = getattr(phase.mixture, "start", None)
        if isinstance(phase.mixture, Law):
            tree["phases"][number]["mixture"] = _proposed(phase.mixture, place, where)
        elif isinstance(start, Law):
            tree["phases"][number]["mixture"]["start"] = _proposed(start, place, f"{where}.start")
    for number, change in enumerate(order.changes):
        if isinstance(change.mixture, Law):
            where = f"order.changes[{number}].mixture"
            tree["changes"][number]["mixture"] = _proposed(change.mixture, place, where)
    return Order.model_validate(tree)


def _proposed(law: Law, place: Workplace, where: str) -> dict[str, Any]:
    path = place.file(law.path, f"{where}.path")
    try:
        shares = json.loads(path.read_text())["shares"]
        return Shares(shares=shares).model_dump()
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"this is no proposal of shares ({error})",
            where=f"{where}.path ({path})",
            mend='Give a JSON file with {"shares": {SOURCE: SHARE, ...}}; they sum to 1.',
        ) from error


def settle_order(
    name: str, arm: Recipe, pools: Mapping[str, PoolStages], place: Workplace
) -> dict[str, Any]:
    """Select documents and apportion rows; return the facts, which ``plan`` shows."""
    return _settle(name, arm, with_proposals(arm.order, place), pools)[2]


def _settle(
    name: str, arm: Recipe, order: Order, pools: Mapping[str, PoolStages]
) -> tuple[dict[str, np.ndarray], OrderTable, dict[str, Any]]:
    try:
        return _settled(arm, order, pools)
    except DataError as error:
        where = f"arm {name}: {error.where}" if error.where else f"arm {name}"
        raise DataError(error.what, where=where, mend=error.mend) from error


def _settled(
    arm: Recipe, order: Order, pools: Mapping[str, PoolStages]
) -> tuple[dict[str, np.ndarray], OrderTable, dict[str, Any]]:
    choices = {}
    strata: dict[str, np.ndarray] = {}
    opened = {name: pool.pool() for name, pool in pools.items()}
    for name, pool in opened.items():
        selection = arm.selection.get(name)
        choices[name] = select(selection, pool.open(selection), seed=arm.seed)
        chosen = np.sort(choices[name].documents)
        strata |= _strata(pool, chosen, order.strata.get(name))
    documents = {
        name: Documents(name, chosen, TokenStore.open(opened[source_of(name)].tokens).offsets)
        for name, chosen in strata.items()
    }
    packer = packer_of(order)
    sizes = {
        (name, Shuffled.key): packer.sizes(Shuffled(each, seed=arm.seed))
        for name, each in documents.items()
    }
    tokens = {
        name: int(blocks.sum()) * order.context // packer.row_size
        for (name, _), blocks in sizes.items()
    }
    phases = plan_phases(order, Supply(roles(arm), tokens), batch_rows=batch_rows(arm))
    used = {name for phase in phases for name in phase.strata}
    curricula = dict(_curricula(order, phases, documents, opened, arm.seed))
    for (name, key), pair in curricula.items():
        sizes[name, key] = packer.sizes(Sorted(documents[name], *pair, key=key))
    table = OrderTable(
        {name: chosen for name, chosen in strata.items() if name in used},
        {key: blocks for key, blocks in sizes.items() if key[0] in used},
        curricula,
    )
    facts = {
        "phases": [asdict(phase) for phase in phases],
        "strata_tokens": tokens,
        "selected_documents": {name: len(choice.documents) for name, choice in choices.items()},
        "selected_tokens": {name: choice.tokens for name, choice in choices.items()},
        "choices": {name: choice.facts() for name, choice in choices.items()},
        "unscored": _unscored(curricula),
        "tokens": phases[-1].end * order.context,
    }
    return {name: choice.documents for name, choice in choices.items()}, table, facts


def packer_of(order: Order) -> Packer:
    """Return how an order packs documents into rows."""
    return Cut(order.context) if order.packing == "cut" else BestFit(order.context)


def _strata(pool: SourcePool, chosen: np.ndarray, column: str | None) -> dict[str, np.ndarray]:
    """Return stratum to documents: the source itself, or one for each label of a column."""
    if column is None:
        return {pool.source: chosen}
    labels = _labels(pool, column, f"order.strata.{pool.source}")[chosen]
    found = {label: chosen[labels == label] for label in sorted(set(labels))}
    return {stratum_name(pool.source, label): part for label, part in found.items()}


def _labels(pool: SourcePool, column: str, where: str) -> np.ndarray:
    values = pool.column(column)
    if values.dtype.kind in "fiub":
        raise DataError(
            f"column {column!r} of {pool.source!r} holds numbers, not labels",
            where=where,
            mend="Name a column of labels, such as a topic.",
        )
    return np.array([UNLABELLED if value is None else str(value) for value in values], dtype=object)


def _curricula(
    order: Order,
    phases: Sequence[PhasePlan],
    documents: Mapping[str, Documents],
    pools: Mapping[str, SourcePool],
    seed: int,
) -> Iterator[tuple[tuple[str, str], tuple[np.ndarray, np.ndarray]]]:
    """Yield the sequence and scores of each stratum that a phase has a curriculum for."""
    done = set()
    for number, (phase, planned) in enumerate(zip(order.phases, phases, strict=True)):
        curriculum = phase.curriculum
        for name in curriculum_strata(curriculum, planned.strata):
            assert curriculum is not None
            key = curriculum_key(curriculum)
            if (name, key) not in done:
                done.add((name, key))
                where = f"order.phases[{number}].curriculum.column"
                values = _values(curriculum, pools[source_of(name)], where)
                chosen = documents[name]
                yield (
                    (name, key),
                    sequence_of(curriculum, chosen, values[chosen.indices], seed=seed),
                )


def curriculum_strata(curriculum: Curriculum | None, strata: Sequence[str]) -> list[str]:
    """Return the strata of a phase that its curriculum is for."""
    if curriculum is None:
        return []
    return [n for n in strata if not curriculum.sources or source_of(n) in curriculum.sources]


def curriculum_key(curriculum: Curriculum) -> str:
    """Return what tells the sequence of a curriculum from another's."""
    return of_value(curriculum.model_dump(mode="json", exclude={"sources", "across"}))[:16]


def _values(curriculum: Curriculum, pool: SourcePool, where: str) -> np.ndarray:
    """Return the number of every document of a source, or of its label; NaN for none."""
    if isinstance(curriculum, Labels):
        labels = _labels(pool, curriculum.column, where)
        turns = {label: float(turn) for turn, label in enumerate(curriculum.labels)}
        return np.array([turns.get(label, np.nan) for label in labels])
    values = pool.column(curriculum.column)
    if values.dtype.kind not in "fiub":
        raise DataError(
            f"column {curriculum.column!r} of {pool.source!r} holds labels, not numbers",
            where=where,
            mend="Name a column of numbers, or take `type: labels`.",
        )
    return values.astype(np.float64)


def _unscored(curricula: Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]]) -> dict[str, int]:
    counts = {name: int(np.isinf(scores).sum()) for (name, _), (_, scores) in curricula.items()}
    return {name: count for name, count in counts.items() if count}


def _columns(order: Order, source: str) -> list[str]:
    """Return the columns of a source that an order reads."""
    curricula = [phase.curriculum for phase in order.phases if phase.curriculum is not None]
    columns = [c.column for c in curricula if not c.sources or source in c.sources]
    return [*([order.strata[source]] if source in order.strata else []), *columns]


def rounds_of(
    arm: Recipe, facts: Mapping[str, Any], rules: Mapping[str, Rule] | None = None
) -> Rounds:
    """Return the phases and rounds of an order from its facts."""
    phases = [
        PhasePlan(
            phase["shares"],
            phase["start"],
            phase["num_rows"],
            tuple(Stretch(**stretch) for stretch in phase["stretches"]),
            tuple(phase["readings"]),
        )
        for phase in facts["phases"]
    ]
    return Rounds(phases, arm.order, Supply(roles(arm), facts["strata_tokens"]), rules or {})


def decisions_of(name: str, stages: Mapping[str, ArtifactFolder]) -> list[Decision]:
    """Return the mixture log of an arm, as far as its training has come."""
    training = stages[f"training.{name}"]
    folder = training.path if training.exists() else training.partial_path
    return [Decision.from_row(row) for row in Journal(folder / MIXTURE).rows()]


def arm_order(name: str, arm: Recipe, stages: Mapping[str, ArtifactFolder]) -> RunOrder:
    """Return the order of a run's arm, as far as its training has decided it."""
    folder = stages[f"{ORDER}.{name}"]
    if not folder.exists():
        raise RunError(
            f"the order of arm {name!r} is not settled yet",
            mend="Run the recipe at least `--until order`.",
        )
    stores = {
        source: TokenStore.open(stages[f"tokens.{source}"].path) for source in arm.trained_sources
    }
    decisions = decisions_of(name, stages)
    return open_order(arm, folder.path, folder.manifest().facts, stores, decisions=decisions)


def open_order(
    arm: Recipe,
    folder: Path,
    facts: Mapping[str, Any],
    stores: Mapping[str, TokenStore],
    *,
    decisions: Sequence[Decision] = (),
) -> RunOrder:
    """Return the order of an arm's run from its artifact, as far as ``decisions`` go."""
    table, packer, rounds = OrderTable.open(folder), packer_of(arm.order), rounds_of(arm, facts)
    streams = {
        name: table.stream(name, stores[source_of(name)].offsets, packer, seed=arm.seed)
        for name in table.documents
    }
    arrangements, merged = {}, {}
    for index, phase in enumerate(arm.order.phases):
        curriculum = phase.curriculum
        strata = curriculum_strata(curriculum, rounds.phases[index].strata)
        if curriculum is not None and curriculum.across:
            merged[index] = strata
        for name in strata:
            assert curriculum is not None
            key = curriculum_key(curriculum)
            arrangements[index, name] = table.arrangement(streams[name], key)
    context = arm.order.context
    return RunOrder(
        rounds.stretches(decisions),
        streams,
        num_rows=end_token(arm, rounds.num_rows * context) // context,
        arrangements=arrangements,
        merged=merged,
        seed=arm.seed,
    )
