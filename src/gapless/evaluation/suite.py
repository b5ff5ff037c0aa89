"""All probes of a run, asked at one point of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gapless.errors import RunError
from gapless.evaluation.asked import Asked
from gapless.evaluation.bits_per_byte import bits_per_byte
from gapless.evaluation.items import Kind, ProbeItems
from gapless.evaluation.likelihood import Scorer
from gapless.evaluation.multiple_choice import multiple_choice
from gapless.evaluation.perplexity import perplexity
from gapless.evaluation.tasks import ask_task
from gapless.records.measurements import ItemValues, Measurement

if TYPE_CHECKING:
    from gapless.evaluation.generation import Generator
    from gapless.sandbox import Sandbox

HIGHER_IS_BETTER = {
    "accuracy": True,
    "accuracy_per_byte": True,
    "bits_per_byte": False,
    "exact_match": True,
    "gold_bits_per_byte": False,
    "macro_f1": True,
    "micro_f1": True,
    "nats_per_token": False,
    "pass_at_1": True,
    "rouge_l": True,
}
"""Every metric that a probe gives."""


_KINDS: Mapping[Kind, Callable[[Asked, ProbeItems], dict[str, ItemValues]]] = {
    "bits_per_byte": lambda asked, probe: bits_per_byte(asked.scorer, probe.texts),
    "multiple_choice": lambda asked, probe: multiple_choice(asked.scorer, probe.questions),
    "perplexity": lambda asked, probe: perplexity(asked.scorer, probe.texts),
    "task": ask_task,
}
"""Kind of probe to what asks it."""


def measure(
    scorer: Scorer,
    probes: Sequence[ProbeItems],
    *,
    arm: str,
    tokens_seen: int,
    generator: Generator | None = None,
    sandbox: Sandbox | None = None,
) -> tuple[list[Measurement], dict[str, ItemValues]]:
    """Ask every probe; return the measurements and, by ``probe/metric``, what they are made of.

    Probes whose answers are written need a ``generator`` of the same model; those whose answers are
    programs, a ``sandbox``.

    Raises:
        RunError: the model's answers are not finite.
        DataError: an item of a task is longer than the context.

    """
    asked = Asked(scorer=scorer, generator=generator, sandbox=sandbox)
    measurements: list[Measurement] = []
    items: dict[str, ItemValues] = {}
    for probe in probes:
        for metric, values in _KINDS[probe.kind](asked, probe).items():
            _check_finite(values, probe.name, arm, tokens_seen)
            items[f"{probe.name}/{metric}"] = values
            measurements.append(
                Measurement(
                    arm=arm,
                    tokens_seen=tokens_seen,
                    probe=probe.name,
                    role=probe.role,
                    metric=metric,
                    value=values.value,
                    higher_is_better=HIGHER_IS_BETTER[metric],
                    num_items=len(values.numerators),
                    standard_error=values.standard_error,
                )
            )
    return measurements, items


def _check_finite(values: ItemValues, probe: str, arm: str, tokens_seen: int) -> None:
    if not np.isfinite(values.numerators).all():
        raise RunError(
            f"the model's likelihoods on probe {probe!r} are not finite after {tokens_seen} tokens",
            where=f"arm {arm}",
            mend="The model has diverged: lower training.learning_rate, or train in fp32.",
        )
