"""The stages of one arm around its order: the base's measurement and the training."""

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.errors import RecipeError
from gapless.mixing import Rounds, Rule
from gapless.recipe import Recipe
from gapless.recipe.schedules import overlong
from gapless.records.journal import Journal
from gapless.records.measurements import items_path, read_items, read_measurements, write_items
from gapless.records.token_store import TokenStore
from gapless.workflow.base_model import BaseModel, check_context
from gapless.workflow.document_names import names_of
from gapless.workflow.order import batch_rows, open_order, rounds_of
from gapless.workflow.stage import Stage, Workplace

if TYPE_CHECKING:
    from gapless.training.compute import Compute
    from gapless.training.processes import Processes

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
    """Return tokens seen to learning rate, by the schedules of the run and of its phases.

    Raises:
        RecipeError: a schedule's stretches take more tokens than there are.

    """
    from gapless.training.rates import Span, rate_at

    training, context = arm.training, arm.order.context
    spans: list[Span] = []
    for phase, planned in zip(arm.order.phases, rounds.phases, strict=True):
        begins = planned.start * context
        own = phase.schedule is not None
        span = Span(
            begins=begins,
            peak=phase.learning_rate or training.learning_rate,
            schedule=phase.schedule or training.schedule,
            start=begins if own else 0,
            tokens=(planned.num_rows if own else rounds.num_rows) * context,
        )
        # Budgets are rounded down to whole rows, stretches are not: a step more is no mistake.
        what = overlong(span.schedule.stretches(), span.tokens + training.batch_tokens)
        if what is not None:
            path = f"order.phases[{len(spans)}].schedule" if own else "training.schedule"
            raise RecipeError(what, where=path, mend="Shorten them, or give fractions of the run.")
        spans.append(span)
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
    """Return the stage that trains one arm.

    Raises:
        ModelError: the arm's method does not fit the model.

    """
    from gapless.modeling import check_fits

    arm = inputs.arm
    if arm.training.method.type != "full":
        check_fits(arm.training.method, inputs.model.facts().layers)
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
            "training": arm.training.model_dump(
                mode="json",
                exclude={"device": True, "sharding": True, "checkpoints": {"asynchronous"}},
            ),
            "probing": arm.probing.model_dump(mode="json", include={"every", "first"}),
            "seed": arm.seed,
        },
        inputs={"order": inputs.order, "base": inputs.base},
        work=lambda _, folder: _train(inputs, folder),
        resumable=True,
    )


def _train(inputs: TrainingInputs, folder: Path) -> dict[str, Any]:
    from gapless.training.compute import Compute
    from gapless.training.processes import Processes

    training, processes = inputs.arm.training, Processes.of_environment()
    compute = Compute.choose(training.device, training.precision)
    with processes.joined(compute.device, f"{TRAINING}.{inputs.name}"):
        return _train_together(inputs, folder, compute, processes)


def _train_together(
    inputs: TrainingInputs, folder: Path, compute: "Compute", processes: "Processes"
) -> dict[str, Any]:
    from gapless.modeling import adapt
    from gapless.training.borders import check_borders
    from gapless.training.loop import TrainingJob, train
    from gapless.training.out_of_memory import memory_explained
    from gapless.training.sharding import divide
    from gapless.workflow.hooks import hooks_of

    arm, name, base = inputs.arm, inputs.name, inputs.base
    if inputs.before is not None and processes.is_first:
        _go_on_from(inputs.before, folder, until=arm.order.changes[-1].at)
    processes.wait()
    stores = {source: TokenStore.open(stage.path) for source, stage in inputs.tokens.items()}
    facts = inputs.order.facts()
    order, rounds = (
        open_order(arm, inputs.order.path, facts, stores),
        rounds_of(arm, facts, inputs.rules),
    )
    measured_steps, saved_steps = steps_to_measure(arm, order.num_tokens, rounds.readings)
    loaded = adapt(inputs.model.load(), arm.training.method, seed=arm.seed)
    loaded = divide(loaded, compute, processes, arm.training.sharding)
    check_borders(loaded, compute)
    job = TrainingJob(
        seed=arm.seed,
        order=order,
        stores=stores,
        training=arm.training,
        rate=rate_of(arm, rounds),
        rounds=rounds,
        compute=compute,
        processes=processes,
        probe_steps=frozenset(measured_steps),
        checkpoint_steps=frozenset(saved_steps),
        measure=_measurer(arm, inputs.model, base.inputs["probes"], compute=compute, arm_name=name),
        base=_measured_base(base, name),
        hooks=hooks_of(arm, inputs.model, stores, compute, processes),
        folder=folder,
        observer=inputs.observe(name, order.num_tokens),
        stop=inputs.stop,
        name_documents=lambda source, indices: names_of(
            inputs.tokens[source].inputs["documents"].path, indices
        ),
    )
    with memory_explained(
        arm.training,
        context=arm.order.context,
        processes=job.processes.size,
        where=f"training.{name}",
    ):
        finished = train(loaded, job)
    if not finished:
        raise KeyboardInterrupt
    _export(loaded, inputs, folder / MODEL_FOLDER, processes)
    _export_average(job, loaded, inputs, folder)
    return {
        "tokens": order.num_tokens,
        "steps": saved_steps[-1],
        "compute": compute.describe(),
        "processes": processes.size,
    }


def _go_on_from(before: Stage, folder: Path, *, until: int) -> None:
    """Take over what the arm had done before its mixture was changed, up to that token."""
    from gapless.training.checkpoints import FOLDER, Checkpoints
    from gapless.training.journals import FAULTS

    place = before.path if before.is_done() else before.folder.partial_path
    if not place.is_dir():
        return
    if Checkpoints(folder / FOLDER, keep_last=1).adopt(place / FOLDER, until=until):
        for journal in place.glob("*.jsonl"):
            shutil.copy2(journal, folder / journal.name)
        # The batches from there on are others.
        Journal(folder / FAULTS).cut(lambda row: row["tokens_seen"] <= until)
        shutil.copytree(place / "items", folder / "items", dirs_exist_ok=True)


def _export(loaded: Any, inputs: TrainingInputs, out: Path, processes: "Processes") -> None:
    """Write the adapted model with its tokenizer: a folder that `transformers` loads."""
    from gapless.modeling import plain_state, save_model
    from gapless.tokenization import TEMPLATE_FILE, files, template_files
    from gapless.training.sharding import whole_state

    whole = whole_state(loaded, processes)
    if not processes.is_first:
        return
    out.mkdir(exist_ok=True)
    state = plain_state(whole, inputs.arm.training.method)
    save_model(loaded, out, dtype=inputs.model.stored_dtype(), state=state)
    tokenizer = inputs.model.tokenizer_dir
    told = [stage.path / TEMPLATE_FILE for stage in inputs.tokens.values()]
    for path in (*files(tokenizer), *template_files(tokenizer), *filter(Path.is_file, told)):
        shutil.copyfile(path, out / path.name)


def _export_average(job: Any, loaded: Any, inputs: TrainingInputs, folder: Path) -> None:
    """Write the averaged model too, where the recipe asks for it, and measure it."""
    from gapless.training.average import Average

    for hook in job.hooks:
        if isinstance(hook, Average):
            with hook.in_place(loaded):
                _export(loaded, inputs, folder / f"{MODEL_FOLDER}-average", job.processes)
                measurements, _ = job.measure(loaded, job.order.num_tokens)
            if job.processes.is_first:
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
