"""Rules of the advisor about the training itself: its loss, its gradients, its layers."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gapless.analysis.evidence import Evidence, Row, place
from gapless.analysis.findings import Said
from gapless.analysis.student import t_quantile
from gapless.records.watched import COSINE, GRADIENTS, UPDATE
from gapless.units import format_tokens

_FEWEST_STEPS = 40
"""For quarters of which a mean and its error can be taken."""
_SPIKE = 10.0
"""Times the median norm: what counts as a spike."""
_FEWEST_COSINES = 4
_PAPER_RATE = 1.35
"""What the rate of bottom to top was above while accuracy fell (Guo et al. 2024, figure 3b)."""
_END_LAYERS, _PART = 5, 3
"""Layers of one end: five, or a third of them where there are fewer than ten."""


def loss_rose(evidence: Evidence) -> Iterator[Said]:
    """Find a training loss that ended above what it had been, within the last phase."""
    for arm in evidence.arms:
        steps = [step for step in arm.steps if step["phase"] == arm.steps[-1]["phase"]]
        if len(steps) < _FEWEST_STEPS:
            continue
        quarters = np.array_split(np.array([step["loss"] for step in steps]), 4)
        earlier = quarters[1:3]  # the first is the warm-up's
        lowest = min(earlier, key=lambda quarter: float(quarter.mean()))
        # The lowest of two is chosen for being low: each side is judged at half the chance.
        if _difference(quarters[3], lowest, 1 - (1 - evidence.sure) / len(earlier))[0] <= 0:
            continue
        low, high = _difference(quarters[3], lowest, 1 - (1 - evidence.level) / len(earlier))
        rise = float(quarters[3].mean() - lowest.mean())
        yield Said(
            arm=arm.name,
            text=f"The training loss rose: its last quarter lies {rise:.3f} nats per token above "
            f"an earlier one ({low:+.3f} to {high:+.3f}).",
            suggestion="Unless the order puts harder text last, take a lower learning rate "
            "(`gapless rates` measures several).",
            numbers={"rise": rise, "rise_low": low, "rise_high": high},
        )


def _difference(one: np.ndarray, other: np.ndarray, level: float) -> tuple[float, float]:
    """Return Welch's interval of the difference of two means of steps' losses."""
    parts = [float(each.var(ddof=1)) / len(each) for each in (one, other)]
    total = sum(parts)
    middle = float(one.mean() - other.mean())
    if total == 0:
        return middle, middle
    freedom = total**2 / sum(
        part**2 / (len(each) - 1) for part, each in zip(parts, (one, other), strict=True)
    )
    half = t_quantile((1 + level) / 2, freedom) * math.sqrt(total)
    return middle - half, middle + half


def gradient_spikes(evidence: Evidence) -> Iterator[Said]:
    """Find a gradient whose norm jumped again and again."""
    for arm in evidence.arms:
        norms = np.array([step["gradient_norm"] for step in arm.steps], dtype=np.float64)
        if len(norms) < _FEWEST_STEPS:
            continue
        times = norms / np.median(norms)
        count, worst = int((times > _SPIKE).sum()), int(times.argmax())
        if count < 2:
            continue
        yield Said(
            arm=arm.name,
            text=f"The gradient's norm was above {_SPIKE:.0f} times its median in {count} of "
            f"{len(norms):,} steps, at most {times[worst]:.3g} times, at "
            f"{format_tokens(int(arm.steps[worst]['tokens_seen']))} tokens.",
            suggestion="Look at what those batches hold (`gapless show`); a lower learning rate or "
            "a longer warm-up makes spikes rarer.",
            numbers={"spikes": count, "steps": len(norms), "largest": float(times[worst])},
        )


def gradients_apart(evidence: Evidence) -> Iterator[Said]:
    """Find gradients of domain and general text that point against each other."""
    for arm in evidence.arms:
        cosines = [
            row[GRADIENTS][COSINE]
            for row in arm.observations
            if row.get(GRADIENTS, {}).get(COSINE) is not None
        ]
        if len(cosines) < _FEWEST_COSINES:
            continue
        values = np.array(cosines)
        error = float(values.std(ddof=1)) / math.sqrt(len(values))
        mean, freedom = float(values.mean()), len(values) - 1
        if mean + t_quantile((1 + evidence.sure) / 2, freedom) * error >= 0:
            continue
        half = t_quantile((1 + evidence.level) / 2, freedom) * error
        yield Said(
            arm=arm.name,
            text="The gradients of domain and general text pointed against each other: mean cosine "
            f"{mean:.3f} ({mean - half:+.3f} to {mean + half:+.3f}) over {len(values)} "
            f"measurements, {int((values < 0).sum())} of them below 0.",
            suggestion="What the domain teaches undoes general text, which replay answers.",
            numbers={"cosine": mean, "cosine_low": mean - half, "cosine_high": mean + half},
        )


def bottom_layers_move(evidence: Evidence) -> Iterator[Said]:
    """Find bottom layers that had moved further than the top where general text was worst."""
    for arm in evidence.arms:
        rates = _rates(arm.observations)
        for row in arm.roles("general"):
            bottom = row["gap"]["tokens_to_bottom"]["value"]
            if not row["drop_is_real_among_all"] or bottom not in rates:
                continue
            rate, last = rates[bottom], rates[max(rates)]
            if rate <= _PAPER_RATE:
                continue
            yield Said(
                arm=arm.name,
                text=f"Where {place(row)} was at its worst ({format_tokens(round(bottom))} "
                f"tokens), the bottom layers had moved {rate:.2f} times as far from the base as "
                f"the top layers; at the end it was {last:.2f} times.",
                suggestion="The two happen together; no cause is shown. Studies of freezing "
                "disagree: without its bottom layers Guo et al. learnt less, Zheng et al. 2025 "
                "forgot less.",
                numbers={"rate_at_bottom": rate, "rate_at_end": last, "bottom": bottom},
            )


def _rates(observations: Sequence[Row]) -> Mapping[int, float]:
    """Return tokens seen to how many times as far the bottom layers have moved as the top."""
    found: dict[int, float] = {}
    for row in observations:
        updates: Mapping[str, Any] = row.get(UPDATE, {})
        moved = [updates[name] for name in sorted((n for n in updates if n.isdigit()), key=int)]
        if len(moved) < 2 or any(each is None for each in moved):
            continue
        count = _END_LAYERS if len(moved) >= 2 * _END_LAYERS else max(1, len(moved) // _PART)
        top = sum(moved[-count:])
        if top > 0:
            found[row["tokens_seen"]] = sum(moved[:count]) / top
    return found


def perplexity_and_tasks(evidence: Evidence) -> Iterator[Said]:
    """Find a domain perplexity that fell steadily while domain and general tasks dipped."""
    for row in evidence.turning_points:
        if not row["as_in_paper_1"]:
            continue
        domain, general = row["domain_task"], row["general_task"]
        yield Said(
            arm=row["arm"],
            text=f"The domain's {row['loss']['metric'].replace('_', ' ')} improved without a clear "
            f"step back, while its tasks were at their worst at "
            f"{format_tokens(domain['bottom'])} tokens and general tasks at "
            f"{format_tokens(general['bottom'])}.",
            suggestion="Knowledge was not what was missing, but the ability to use it: what keeps "
            "general ability (replay, a matched mixture) should help the domain's tasks too.",
            numbers={"domain_bottom": domain["bottom"], "general_bottom": general["bottom"]},
        )
