"""The stages of one arm: the base's measurement, the order, the training."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gapless.errors import DataError, RunError
from gapless.mixing import plan_phases
from gapless.ordering import DocumentStream, RunOrder
from gapless.recipe import Recipe
from gapless.records.journal import Journal
from gapless.records.measurements import items_path, read_items, read_measurements, write_items
from gapless.records.token_store import TokenStore
from gapless.selection import select
from gapless.workflow.base_model import BaseModel, check_context
from gapless.workflow.pool import PoolStages
from gapless.workflow.stage import Stage, Workplace

BASE, ORDER, TRAINING = "base", "order", "training"
MODEL_FOLDER = "model"


def base_stage(arm: Recipe, model: BaseModel, probes: Stage, place: Workplace) -> Stage:
    """Return the stage that takes measurement zero: every probe on the base model."""

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.training.compute import Compute

        check_context(model.facts().context, arm.order.context)
        compute = Compute.choose(arm.training.device, arm.training.precision)
        loaded = model.load().to(compute.device)
        measure = _measurer(arm, model, probes, compute=compute, arm_name="base")
        measurements, items = measure(loaded, 0)
        journal = Journal(folder / "measurements.jsonl")
        journal.append(*(m.row() for m in measurements))
        write_items(items_path(folder, 0), items)
        return {f"{m.probe}/{m.metric}": m.value for m in measurements}

    return Stage(
        kind=BASE,
        version=1,
        root=place.root,
        part={
            "model": model.part(),
            "context": arm.order.context,
            "precision": arm.training.precision,
        },
        inputs={"probes": probes},
        content=model.content(place.hashes),
        work=work,
    )


def order_stage(name: str, arm: Recipe, pools: Mapping[str, PoolStages], place: Workplace) -> Stage:
    """Return the stage that settles an arm's documents and its rows of each source."""

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        chosen, facts = settle_order(name, arm, pools)
        np.savez(folder / "selection.npz", **chosen)  # type: ignore[arg-type]  # keys are data
        return facts

    inputs: dict[str, Stage] = {}
    for source, pool in pools.items():
        inputs |= pool.inputs(arm.selection.get(source))
    return Stage(
        kind=ORDER,
        subject=name,
        version=2,
        root=place.root,
        part={
            "seed": arm.seed,
            "selection": {k: v.model_dump(mode="json") for k, v in arm.selection.items()},
            "order": arm.order.model_dump(mode="json"),
            "roles": _roles(arm),
        },
        inputs=inputs,
        work=work,
    )


def settle_order(
    name: str, arm: Recipe, pools: Mapping[str, PoolStages]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Select documents and apportion rows; the facts are what ``plan`` shows."""
    try:
        return _settle_order(arm, pools)
    except DataError as error:
        where = f"arm {name}: {error.where}" if error.where else f"arm {name}"
        raise DataError(error.what, where=where, mend=error.mend) from error


def _settle_order(
    arm: Recipe, pools: Mapping[str, PoolStages]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    choices = {}
    for name, pool in pools.items():
        selection = arm.selection.get(name)
        choices[name] = select(selection, pool.pool().open(selection), seed=arm.seed)
    selected_tokens = {name: choice.tokens for name, choice in choices.items()}
    phases = plan_phases(arm.order, roles=_roles(arm), selected_tokens=selected_tokens)
    return {name: choice.documents for name, choice in choices.items()}, {
        "phases": [{"shares": phase.shares, "rows": phase.rows} for phase in phases],
        "selected_documents": {name: len(choice.documents) for name, choice in choices.items()},
        "selected_tokens": selected_tokens,
        "choices": {name: choice.facts() for name, choice in choices.items()},
        "tokens": sum(phase.total for phase in phases) * arm.order.context,
    }


def _roles(arm: Recipe) -> dict[str, str]:
    return {name: source.role for name, source in arm.trained_sources.items()}


def open_order(
    arm: Recipe, folder: Path, facts: Mapping[str, Any], stores: Mapping[str, TokenStore]
) -> RunOrder:
    """Return the order of an arm from its artifact."""
    rows = [phase["rows"] for phase in facts["phases"]]
    used = {source for phase in rows for source in phase}
    with np.load(folder / "selection.npz", allow_pickle=False) as chosen:
        streams = {
            source: DocumentStream(
                source,
                documents=chosen[source],
                lengths=stores[source].lengths[chosen[source]],
                seed=arm.seed,
            )
            for source in chosen
            if source in used
        }
    return RunOrder(rows, streams, context=arm.order.context)


def steps_to_measure(arm: Recipe, total_tokens: int) -> tuple[list[int], list[int]]:
    """Return the steps after which an arm is measured, and those after which it is saved."""
    from gapless.evaluation import probe_steps

    batch = arm.training.batch_tokens
    total = math.ceil(total_tokens / batch)

    def steps(tokens: int | None, default: int) -> int:
        return max(1, round((default if tokens is None else tokens) / batch))

    save_every = steps(arm.training.checkpoints.every, total_tokens // 10)
    saved = sorted({*range(save_every, total, save_every), total})
    every = steps(arm.probing.every, total_tokens // 20)
    first = min(steps(arm.probing.first, batch), every)
    return sorted({*probe_steps(total, first, every), *saved}), saved


@dataclass(frozen=True, kw_only=True)
class TrainingInputs:
    """What the training of one arm stands on."""

    name: str
    arm: Recipe
    model: BaseModel
    order: Stage
    base: Stage
    tokens: Mapping[str, Stage]
    observe: Callable[[str, int], Any]
    """Arm name and total tokens to who watches."""
    stop: Callable[[], bool]


def training_stage(inputs: TrainingInputs) -> Stage:
    """Return the stage that trains one arm."""
    arm = inputs.arm
    return Stage(
        kind=TRAINING,
        subject=inputs.name,
        version=1,
        root=inputs.order.root,
        part={
            "training": arm.training.model_dump(mode="json", exclude={"device"}),
            "probing": arm.probing.model_dump(mode="json", include={"every", "first"}),
            "seed": arm.seed,
        },
        inputs={"order": inputs.order, "base": inputs.base},
        work=lambda _, folder: _train(inputs, folder),
        resumable=True,
    )


def _train(inputs: TrainingInputs, folder: Path) -> dict[str, Any]:
    import torch

    from gapless.training.borders import check_borders
    from gapless.training.compute import Compute
    from gapless.training.loop import TrainingJob, train

    arm, name, base = inputs.arm, inputs.name, inputs.base
    stores = {source: TokenStore.open(stage.path) for source, stage in inputs.tokens.items()}
    order = open_order(arm, inputs.order.path, inputs.order.facts(), stores)
    measured_steps, saved_steps = steps_to_measure(arm, order.num_tokens)
    compute = Compute.choose(arm.training.device, arm.training.precision)
    loaded = inputs.model.load()
    check_borders(loaded, compute)
    job = TrainingJob(
        seed=arm.seed,
        order=order,
        stores=stores,
        training=arm.training,
        compute=compute,
        probe_steps=frozenset(measured_steps),
        checkpoint_steps=frozenset(saved_steps),
        measure=_measurer(arm, inputs.model, base.inputs["probes"], compute=compute, arm_name=name),
        base=_measured_base(base, name),
        folder=folder,
        observer=inputs.observe(name, order.num_tokens),
        stop=inputs.stop,
    )
    try:
        finished = train(loaded, job)
    except torch.OutOfMemoryError as error:
        raise RunError(
            f"the GPU's memory is too small: {error}",
            where=f"training.{name}",
            mend="Lower training.micro_batch_tokens, or set training.gradient_checkpointing.",
        ) from error
    if not finished:
        raise KeyboardInterrupt
    _export(loaded, inputs.model, folder)
    return {"tokens": order.num_tokens, "steps": saved_steps[-1], "compute": compute.describe()}


def _export(loaded: Any, model: BaseModel, folder: Path) -> None:
    """Write the adapted model with its tokenizer: a folder that `transformers` loads."""
    import shutil

    from gapless.modeling import save_model
    from gapless.tokenization import files

    out = folder / MODEL_FOLDER
    out.mkdir(exist_ok=True)
    save_model(loaded, out, dtype=model.stored_dtype())
    for path in files(model.tokenizer_dir):
        shutil.copyfile(path, out / path.name)


def _measurer(
    arm: Recipe, model: BaseModel, probes: Stage, *, compute: Any, arm_name: str
) -> Callable[[Any, int], Any]:
    from gapless.evaluation import Scorer, measure, read_probes

    items, tokenizer = read_probes(probes.path), model.tokenizer()

    def ask(loaded: Any, tokens_seen: int) -> Any:
        scorer = Scorer(
            loaded,
            tokenizer,
            context=arm.order.context,
            precision="bf16" if compute.bf16 else "fp32",
        )
        return measure(scorer, items, arm=arm_name, tokens_seen=tokens_seen)

    return ask


def _measured_base(base: Stage, name: str) -> Any:
    measurements = read_measurements(base.path / "measurements.jsonl")
    return [replace(m, arm=name) for m in measurements], read_items(items_path(base.path, 0))
