"""Measurement zero of an arm, and how it is measured on the way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gapless.recipe import Recipe
from gapless.records.arm_journals import MEASUREMENTS
from gapless.records.journal import Journal
from gapless.records.measurements import items_path, read_items, read_measurements, write_items
from gapless.workflow.base_model import BaseModel, check_context
from gapless.workflow.harness import harness_measurer
from gapless.workflow.stage import Stage, Workplace

BASE = "base"


def base_stage(arm: Recipe, model: BaseModel, probes: Stage, place: Workplace) -> Stage:
    """Return the stage that takes measurement zero: every probe on the base model."""

    def work(_: Stage, folder: Path) -> dict[str, Any]:
        from gapless.training.compute import Compute
        from gapless.training.out_of_memory import memory_explained

        check_context(model.facts().context, arm.order.context)
        compute = Compute.of(arm.training)
        with memory_explained(f"Take a shorter order.context ({arm.order.context:,} now).", BASE):
            loaded = model.load()
            compute.keep(loaded)
            loaded = loaded.to(compute.device)
            measure = measurer(arm, model, probes, compute=compute, arm_name="base")
            measurements, items = measure(loaded, 0)
        journal = Journal(folder / MEASUREMENTS)
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
            # Bases of before it could be written are the same.
            **({} if arm.training.weights == "fp32" else {"weights": arm.training.weights}),
        },
        inputs={"probes": probes},
        content=model.content(place.hashes),
        work=work,
    )


def measurer(
    arm: Recipe, model: BaseModel, probes: Stage, *, compute: Any, arm_name: str
) -> Callable[[Any, int], Any]:
    """Return what asks a model every probe of an arm, after a number of tokens seen."""
    from gapless.evaluation import Generator, Scorer, measure, read_probes
    from gapless.sandbox import Sandbox

    items, tokenizer = read_probes(probes.path), model.tokenizer()
    sandbox = Sandbox.choose() if any(probe.runs_code for probe in items) else None
    settings: Any = {
        "context": arm.order.context,
        "precision": "bf16" if compute.bf16 else "fp32",
    }
    more = harness_measurer(arm, model.recipe_dir, probes)

    def ask(loaded: Any, tokens_seen: int) -> Any:
        scorer = Scorer(loaded, tokenizer, **settings)
        measurements, values = measure(
            scorer,
            items,
            arm=arm_name,
            tokens_seen=tokens_seen,
            generator=Generator(loaded, tokenizer, **settings),
            sandbox=sandbox,
        )
        if more is not None:
            found = more(
                loaded,
                tokenizer,
                arm=arm_name,
                tokens_seen=tokens_seen,
                precision=settings["precision"],
            )
            measurements, values = measurements + found[0], values | found[1]
        return measurements, values

    return ask


def measured_base(base: Stage, name: str) -> Any:
    """Return measurement zero of the arm called ``name``, with its items."""
    measurements = read_measurements(base.path / MEASUREMENTS)
    return [replace(m, arm=name) for m in measurements], read_items(items_path(base.path, 0))
