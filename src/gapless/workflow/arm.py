"""The training of one arm."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.mixing import Rule
from gapless.recipe import Recipe
from gapless.records.arm_journals import STEPS
from gapless.records.flops import FLOPS
from gapless.records.journal import Journal
from gapless.records.token_store import TokenStore
from gapless.workflow.base_model import BaseModel
from gapless.workflow.document_names import names_of
from gapless.workflow.early_decay import end_token
from gapless.workflow.going_on import NO_RESULT, go_on_from, kept_steps, place_of, shared_tokens
from gapless.workflow.measuring import measured_base, measurer, writing_points
from gapless.workflow.order import open_order, rounds_of
from gapless.workflow.pace import Pace, pace_of, rate_of
from gapless.workflow.pace_words import measuring_words
from gapless.workflow.probe_costs import costs_of_probes, counted
from gapless.workflow.stage import Stage

if TYPE_CHECKING:
    from gapless.training.compute import Compute
    from gapless.training.processes import Processes

TRAINING = "training"
MEASURING = "measuring"
"""The fact of a training that says how a budget was kept."""


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
    trunk: tuple[Recipe, Stage] | None = None
    """The arm that this one is the same run as until its decay."""
    early: Mapping[str, Recipe] = field(default_factory=dict)
    """The arms that this one is the trunk of, by name."""

    def others(self, total_tokens: int) -> list[tuple[Path, int]]:
        """Return the folders that this training may go on from, each with until which token."""
        found = []
        if self.before is not None:
            found.append((place_of(self.before), self.arm.order.changes[-1].at))
        if self.trunk is not None:
            recipe, stage = self.trunk
            found.append((place_of(stage), shared_tokens(self.arm, recipe, total_tokens)))
        return found


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
            "training": _training_part(arm),
            "probing": _probing_part(arm),
            "seed": arm.seed,
        },
        inputs={"order": inputs.order, "base": inputs.base},
        work=lambda _, folder: _train(inputs, folder),
        resumable=True,
    )


def _training_part(arm: Recipe) -> dict[str, Any]:
    part = arm.training.model_dump(mode="json", exclude=dict(NO_RESULT))
    if part["decay_from"] is None:  # trainings of before it could be written are the same
        del part["decay_from"]
    for name, default in {"weights": "fp32", "optimizer": "adamw"}.items():
        if part[name] == default:  # likewise
            del part[name]
    return part


def _probing_part(arm: Recipe) -> dict[str, Any]:
    part = arm.probing.model_dump(mode="json", include={"every", "first"})
    # Trainings of before there were any are the same without.
    if arm.probing.budget is not None:
        part["budget"] = arm.probing.budget
    own = [probe.every for probe in arm.probing.probes]
    if any(own):
        part["of_probes"] = own
    if arm.probing.samples is not None:  # the base knows the prompts
        part["samples"] = arm.probing.samples.model_dump(mode="json", include={"every", "at"})
    return part


def _train(inputs: TrainingInputs, folder: Path) -> dict[str, Any]:
    from gapless.training.compute import Compute
    from gapless.training.out_of_memory import memory_explained, memory_mend
    from gapless.training.processes import Processes

    training, processes = inputs.arm.training, Processes.of_environment()
    compute = Compute.of(training)
    place = f"{TRAINING}.{inputs.name}"
    mend = memory_mend(training, context=inputs.arm.order.context, processes=processes.size)
    with processes.joined(compute.device, place), memory_explained(mend, place):
        return _train_together(inputs, folder, compute, processes)


def _train_together(
    inputs: TrainingInputs, folder: Path, compute: "Compute", processes: "Processes"
) -> dict[str, Any]:
    from gapless.modeling import adapt
    from gapless.training.loop import TrainingJob, train
    from gapless.workflow.exporting import MODEL_FOLDER, Export, write_average
    from gapless.workflow.hooks import hooks_of

    arm, name, base = inputs.arm, inputs.name, inputs.base
    total_tokens = inputs.order.facts()["tokens"]
    if processes.is_first:
        go_on_from(inputs.others(total_tokens), folder, name=name)
    processes.wait()
    stores = {source: TokenStore.open(stage.path) for source, stage in inputs.tokens.items()}
    facts = inputs.order.facts()
    order, rounds = (
        open_order(arm, inputs.order.path, facts, stores),
        rounds_of(arm, facts, inputs.rules),
    )
    pace, told = _pace(inputs, total_tokens, rounds.readings)
    loaded = adapt(inputs.model.load(), arm.training.method, seed=arm.seed)
    loaded = _placed(loaded, arm, compute, processes)
    job = TrainingJob(
        seed=arm.seed,
        order=order,
        stores=stores,
        training=arm.training,
        rate=rate_of(arm, rounds),
        rounds=rounds,
        compute=compute,
        processes=processes,
        probe_steps=frozenset(pace.measured),
        checkpoint_steps=frozenset(pace.saved),
        kept_steps=kept_steps(arm, inputs.early, total_tokens),
        measure=measurer(
            arm,
            inputs.model,
            base.inputs["probes"],
            compute=compute,
            arm_name=name,
            due=pace.due,
            writes=writing_points(arm, pace, total_tokens),
        ),
        base=measured_base(base, name),
        hooks=hooks_of(arm, inputs.model, stores, compute, processes),
        folder=folder,
        observer=inputs.observe(name, order.num_tokens),
        stop=inputs.stop,
        name_documents=lambda source, indices: names_of(
            inputs.tokens[source].inputs["documents"].path, indices
        ),
    )
    for text in told:
        job.observer.noted(text)
    if not train(loaded, job):
        raise KeyboardInterrupt
    export = Export(
        method=arm.training.method,
        model=inputs.model,
        tokens=list(inputs.tokens.values()),
        processes=processes,
    )
    export.write(loaded, folder / MODEL_FOLDER)
    write_average(job, loaded, export)
    return {
        "tokens": order.num_tokens,
        "steps": pace.saved[-1],
        "compute": compute.describe(),
        "processes": processes.size,
        **_flops(folder, order.num_tokens),
    } | ({MEASURING: told} if told else {})


def _flops(folder: Path, total_tokens: int) -> dict[str, float]:
    """Return the operations that training took in all, and for a token; nothing if unknown."""
    rows = list(Journal(folder / STEPS).rows())
    if not all(FLOPS in row for row in rows):
        return {}  # it went on from a training that did not write them down
    flops = math.fsum(row[FLOPS] for row in rows)
    return {FLOPS: flops, "flops_per_token": flops / total_tokens}


def _pace(
    inputs: TrainingInputs, total_tokens: int, readings: Sequence[int]
) -> tuple[Pace, list[str]]:
    """Return when the arm is measured and saved, and what there is to say of a budget."""
    arm, probes = inputs.arm, inputs.base.inputs["probes"]
    if arm.probing.budget is None:
        return pace_of(arm, total_tokens, readings), []
    asked = counted(arm, inputs.model.recipe_dir, probes, inputs.model.tokenizer())
    costs = costs_of_probes(arm, asked)
    pace = pace_of(arm, total_tokens, readings, costs=costs)
    return pace, [measuring_words(arm, pace, costs, end_token(arm, total_tokens))]


def _placed(loaded: Any, arm: Recipe, compute: "Compute", processes: "Processes") -> Any:
    """Return the model as it trains: in its number formats, divided, on its device."""
    from gapless.training.borders import check_borders
    from gapless.training.fp8 import with_fp8
    from gapless.training.sharding import divide

    check_borders(loaded)  # before anything is rounded: that would hide a leak
    if compute.fp8:
        with_fp8(loaded)
    return divide(loaded, compute, processes, arm.training.sharding)
