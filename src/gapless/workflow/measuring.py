"""Measurement zero of an arm, and how it is measured on the way."""

import math
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.recipe import Recipe
from gapless.recipe.probes import Harness
from gapless.records.arm_journals import MEASUREMENTS, SAMPLES, SPEED
from gapless.records.journal import Journal
from gapless.records.measurements import (
    Measured,
    items_path,
    read_items,
    read_measurements,
    write_items,
)
from gapless.records.samples import read_samples
from gapless.records.watched import PARTS, POWER, WHAT
from gapless.workflow.base_model import BaseModel, check_context
from gapless.workflow.harness import harness_measurer
from gapless.workflow.probe_names import owners, probe_names
from gapless.workflow.stage import Stage, Workplace

if TYPE_CHECKING:
    from gapless.training.power import Meter
    from gapless.workflow.pace import Pace

BASE = "base"
WRITING = "samples"
"""How the time that writing samples takes goes by, beside the names of probes."""


def base_stage(arm: Recipe, model: BaseModel, probes: Stage, place: Workplace) -> Stage:
    """Return the stage that takes measurement zero: every probe on the base model."""

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.training.compute import Compute
        from gapless.training.out_of_memory import memory_explained
        from gapless.training.power import Meter

        check_context(model.facts().context, arm.order.context)
        compute = Compute.of(arm.training)
        with memory_explained(f"Take a shorter order.context ({arm.order.context:,} now).", BASE):
            loaded = model.load()
            compute.keep(loaded)
            loaded = loaded.to(compute.device)
            measure = measurer(arm, model, probes, compute=compute, arm_name="base")
            meter = Meter.of(compute.device)
            found = measure(loaded, 0)
        journal = Journal(folder / MEASUREMENTS)
        journal.append(*(m.row() for m in found.measurements))
        write_items(items_path(folder, 0), found.items)
        if found.samples:
            Journal(folder / SAMPLES).append(*(each.row() for each in found.samples))
        Journal(folder / SPEED).append(_time_row(found, meter))
        return {f"{m.probe}/{m.metric}": m.value for m in found.measurements}

    return Stage(
        kind=BASE,
        version=1,
        root=place.root,
        part={
            "model": model.part(),
            "context": arm.order.context,
            "precision": arm.training.precision,
            # Bases of before it could be written are the same.
            **({} if arm.training.weights == "fp32" else {"weights": arm.training.weights}),
            **_samples_part(arm),
        },
        inputs={"probes": probes},
        content=model.content(place.hashes),
        work=work,
    )


def _samples_part(arm: Recipe) -> dict[str, Any]:
    samples = arm.probing.samples
    if samples is None:
        return {}
    return {"samples": samples.model_dump(mode="json", include={"prompts", "max_new_tokens"})}


def _time_row(measured: Measured, meter: "Meter") -> dict[str, Any]:
    seconds = {name: round(own, 6) for name, own in measured.seconds.items()}
    whole = round(math.fsum(measured.seconds.values()), 6)
    row = {"tokens_seen": 0, WHAT: "measuring", "seconds": whole, PARTS: seconds}
    return row | {POWER: meter.told} | meter.read()


def measurer(
    arm: Recipe,
    model: BaseModel,
    probes: Stage,
    *,
    compute: Any,
    arm_name: str,
    due: Callable[[int], Container[int]] | None = None,
    writes: Callable[[int], bool] | None = None,
) -> Callable[[Any, int], Measured]:
    """Return what asks a model the probes of an arm, after a number of tokens seen.

    ``due`` says which probes of the recipe are asked then, by their places; all when left out.
    ``writes`` says whether it then writes on the recipe's prompts; it does when left out.
    """
    from gapless.evaluation import Generator, Scorer, measure, read_probes, write_samples
    from gapless.sandbox import Sandbox

    items, tokenizer, names = read_probes(probes.path), model.tokenizer(), probe_names(arm)
    whose = owners(arm, model.recipe_dir, items)
    sandbox = Sandbox.choose() if any(probe.runs_code for probe in items) else None
    settings: Any = {
        "context": arm.order.context,
        "precision": "bf16" if compute.bf16 else "fp32",
    }
    more = harness_measurer(arm, model.recipe_dir, probes)

    def ask(loaded: Any, tokens_seen: int) -> Measured:
        asked = range(len(names)) if due is None else due(tokens_seen)
        scorer = Scorer(loaded, tokenizer, **settings)
        generator = Generator(loaded, tokenizer, **settings)
        where: Any = {"arm": arm_name, "tokens_seen": tokens_seen}
        found = Measured([], {})
        for probe in items:
            numbers = [number for number in whose[probe.name] if number in asked]
            if numbers:
                with _timed(found.seconds, names[numbers[0]]):
                    found.add(
                        *measure(scorer, [probe], **where, generator=generator, sandbox=sandbox)
                    )
        for number, own in enumerate(arm.probing.probes):
            if isinstance(own, Harness) and number in asked:
                assert more is not None
                with _timed(found.seconds, names[number]):
                    precision = settings["precision"]
                    found.add(*more(loaded, tokenizer, number=number, **where, precision=precision))
        samples = arm.probing.samples
        if samples is not None and (writes is None or writes(tokens_seen)):
            with _timed(found.seconds, WRITING):
                found.samples.extend(write_samples(generator, samples, tokens_seen))
        return found

    return ask


def writing_points(arm: Recipe, pace: "Pace", total_tokens: int) -> Callable[[int], bool]:
    """Return what says after which tokens, the end of a step of the pace, an arm writes samples."""
    from gapless.evaluation import sample_points

    samples, batch = arm.probing.samples, pace.batch_tokens
    if samples is None:
        return lambda _: False
    points = sample_points(samples, [step * batch for step in pace.measured], total_tokens)
    return lambda tokens_seen: math.ceil(tokens_seen / batch) * batch in points


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds that something takes to those of a name."""
    started = time.perf_counter()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - started


def measured_base(base: Stage, name: str) -> Measured:
    """Return measurement zero of the arm called ``name``, with its items."""
    measurements = read_measurements(base.path / MEASUREMENTS)
    rows = [replace(m, arm=name) for m in measurements]
    samples = list(read_samples(base.path / SAMPLES))
    return Measured(rows, read_items(items_path(base.path, 0)), samples=samples)
