"""The rate of the bottom layers' relative update over the top layers'."""

from collections.abc import Mapping
from statistics import fmean

from gapless.workflow.seen import Seen


def measure(seen: Seen) -> Mapping[str, float]:
    """Return the parts of the claim."""
    seen.curve("one_pass", "general")
    rows = seen.journal("one_pass", "observations.jsonl")
    rates = [rate(row["weight_update"]) for row in rows]
    return {"first_rate": rates[0], "fall": rates[0] - rates[-1]}


def rate(updates: Mapping[str, float]) -> float:
    """Return the mean of the bottom layers over that of the top ones: five, or a third of few."""
    layers = [updates[name] for name in sorted((n for n in updates if n.isdigit()), key=int)]
    ends = min(5, max(1, len(layers) // 3))
    return fmean(layers[:ends]) / fmean(layers[-ends:])
