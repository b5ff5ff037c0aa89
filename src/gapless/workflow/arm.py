"""The stages of one arm around its order: the base's measurement and the training."""

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gapless.errors import RunError
from gapless.mixing import Rounds, Rule
from gapless.recipe import Recipe
from gapless.records.journal import Journal
from gapless.records.measurements import items_path, read_items, read_measurements, write_items
from gapless.records.token_store import TokenStore
from gapless.workflow.base_model import BaseModel, check_context
from gapless.workflow.order import batch_rows, open_order, rounds_of
from gapless.workflow.stage import Stage, Workplace

BASE, TRAINING = "base", "training"
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


def steps_to_measure(
    arm: Recipe, total_tokens: int, readings: Sequence[int] = ()
) -> tuple[list[int], list[int]]:
    """Return the steps after which an arm is measured, and those after which it is saved.

    ``readings`` are the rows after which a mixture that reacts is read.
    """
    from gapless.evaluation import probe_steps

    batch = arm.training.batch_tokens
    total = math.ceil(total_tokens / batch)

    def steps(tokens: int | None, default: int) -> int:
        return max(1, round((default if tokens is None else tokens) / batch))

    save_every = steps(arm.training.checkpoints.every, total_tokens // 10)
    saved = sorted({*range(save_every, total, save_every), total})
    every = steps(arm.probing.every, total_tokens // 20)
    first = min(steps(arm.probing.first, batch), every)
    read = {row // batch_rows(arm) for row in readings} - {0}
    return sorted({*probe_steps(total, first, every), *saved, *read}), saved


def rate_of(arm: Recipe, rounds: Rounds) -> Callable[[int], float]:
    """Return tokens seen to learning rate, by the schedules of the run and of its phases."""
    from gapless.training.rates import Span, rate_at

    training, context, spans = arm.training, arm.order.context, []
    for phase, planned in zip(arm.order.phases, rounds.phases, strict=True):
        begins = planned.start * context
        own = phase.schedule is not None
        spans.append(
            Span(
                begins=begins,
                peak=phase.learning_rate or training.learning_rate,
                schedule=phase.schedule or training.schedule,
                start=begins if own else 0,
                tokens=(planned.num_rows if own else rounds.num_rows) * context,
            )
        )
    return lambda tokens_seen: rate_at(spans, tokens_seen)


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
    rules: Mapping[str, Rule]
    """The user's own rules for mixtures that react."""
    before: Stage | None = None
    """The training of the same arm without the last of its ``order.changes``."""


def training_stage(inputs: TrainingInputs) -> Stage:
    """Return the stage that trains one arm."""
    arm = inputs.arm
    return Stage(
        kind=TRAINING,
        subject=inputs.name,
        version=2,
        root=inputs.order.root,
        part={
            "schedules": [
                phase.model_dump(mode="json", include={"schedule", "learning_rate"})
                for phase in arm.order.phases
            ],
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

    from gapless.modeling import adapt
    from gapless.training.borders import check_borders
    from gapless.training.compute import Compute
    from gapless.training.loop import TrainingJob, train
    from gapless.workflow.hooks import hooks_of

    arm, name, base = inputs.arm, inputs.name, inputs.base
    if inputs.before is not None:
        _go_on_from(inputs.before, folder, until=arm.order.changes[-1].at)
    stores = {source: TokenStore.open(stage.path) for source, stage in inputs.tokens.items()}
    facts = inputs.order.facts()
    order, rounds = (
        open_order(arm, inputs.order.path, facts, stores),
        rounds_of(arm, facts, inputs.rules),
    )
    measured_steps, saved_steps = steps_to_measure(arm, order.num_tokens, rounds.readings)
    compute = Compute.choose(arm.training.device, arm.training.precision)
    loaded = adapt(inputs.model.load(), arm.training.method, seed=arm.seed)
    check_borders(loaded, compute)
    job = TrainingJob(
        seed=arm.seed,
        order=order,
        stores=stores,
        training=arm.training,
        rate=rate_of(arm, rounds),
        rounds=rounds,
        compute=compute,
        probe_steps=frozenset(measured_steps),
        checkpoint_steps=frozenset(saved_steps),
        measure=_measurer(arm, inputs.model, base.inputs["probes"], compute=compute, arm_name=name),
        base=_measured_base(base, name),
        hooks=hooks_of(arm, inputs.model, stores, compute),
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
    _export(loaded, inputs, folder / MODEL_FOLDER)
    _export_average(job, loaded, inputs, folder)
    return {"tokens": order.num_tokens, "steps": saved_steps[-1], "compute": compute.describe()}


def _go_on_from(before: Stage, folder: Path, *, until: int) -> None:
    """Take over what the arm had done before its mixture was changed, up to that token."""
    from gapless.training.checkpoints import FOLDER, Checkpoints

    place = before.path if before.is_done() else before.folder.partial_path
    if not place.is_dir():
        return
    if Checkpoints(folder / FOLDER, keep_last=1).adopt(place / FOLDER, until=until):
        for journal in place.glob("*.jsonl"):
            shutil.copy2(journal, folder / journal.name)
        shutil.copytree(place / "items", folder / "items", dirs_exist_ok=True)


def _export(loaded: Any, inputs: TrainingInputs, out: Path) -> None:
    """Write the adapted model with its tokenizer: a folder that `transformers` loads."""
    from gapless.modeling import plain_state, save_model
    from gapless.tokenization import files

    out.mkdir(exist_ok=True)
    state = plain_state(loaded.state_dict(), inputs.arm.training.method)
    save_model(loaded, out, dtype=inputs.model.stored_dtype(), state=state)
    for path in files(inputs.model.tokenizer_dir):
        shutil.copyfile(path, out / path.name)


def _export_average(job: Any, loaded: Any, inputs: TrainingInputs, folder: Path) -> None:
    """Write the averaged model too, where the recipe asks for it, and measure it."""
    from gapless.training.average import Average

    for hook in job.hooks:
        if isinstance(hook, Average):
            with hook.in_place(loaded):
                _export(loaded, inputs, folder / f"{MODEL_FOLDER}-average")
                measurements, _ = job.measure(loaded, job.order.num_tokens)
            journal = Journal(folder / "average.jsonl")
            journal.path.unlink(missing_ok=True)
            journal.append(*(measurement.row() for measurement in measurements))


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
