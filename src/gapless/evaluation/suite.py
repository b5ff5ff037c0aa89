"""All probes of a run, asked at one point of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gapless.errors import RunError
from gapless.evaluation.bits_per_byte import bits_per_byte
from gapless.evaluation.items import ProbeItems
from gapless.evaluation.likelihood import Scorer
from gapless.evaluation.multiple_choice import multiple_choice
from gapless.evaluation.perplexity import perplexity
from gapless.records.measurements import ItemValues, Measurement

HIGHER_IS_BETTER = {
    "accuracy": True,
    "accuracy_per_byte": True,
    "bits_per_byte": False,
    "gold_bits_per_byte": False,
    "nats_per_token": False,
}
"""Every metric that a probe gives."""


def measure(
    scorer: Scorer, probes: Sequence[ProbeItems], *, arm: str, tokens_seen: int
) -> tuple[list[Measurement], dict[str, ItemValues]]:
    """Ask every probe; return the measurements and, by ``probe/metric``, what they are made of.

    Raises:
        RunError: the model's answers are not finite.

    """
    measurements: list[Measurement] = []
    items: dict[str, ItemValues] = {}
    for probe in probes:
        for metric, values in _ask(scorer, probe).items():
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


def _ask(scorer: Scorer, probe: ProbeItems) -> dict[str, ItemValues]:
    if probe.kind == "bits_per_byte":
        return bits_per_byte(scorer, probe.texts)
    if probe.kind == "perplexity":
        return perplexity(scorer, probe.texts)
    return multiple_choice(scorer, probe.questions)


def _check_finite(values: ItemValues, probe: str, arm: str, tokens_seen: int) -> None:
    if not np.isfinite(values.numerators).all():
        raise RunError(
            f"the model's likelihoods on probe {probe!r} are not finite after {tokens_seen} tokens",
            where=f"arm {arm}",
            mend="The model has diverged: lower training.learning_rate, or train in fp32.",
        )
