"""Rules that move shares by measurements: pure functions of shares and perplexities."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gapless.recipe.mixtures import Reacting, TargetFeedback, TopicFeedback
from gapless.strata import UNLABELLED, source_of


@dataclass(frozen=True)
class Move:
    """What a rule did to one topic, and why."""

    topic: str
    """The stratum."""
    before: float
    """Its perplexity at the reading before; of a target rule, at the base model."""
    now: float
    """Its perplexity at this reading."""
    factor: float
    """What its share was multiplied by, up to a factor that is the same for all."""
    share_before: float
    share: float
    """Of what the topics share; they sum to 1."""
    note: str = ""


def topic_moves(
    rule: TopicFeedback,
    shares: Mapping[str, float],
    before: Mapping[str, float],
    now: Mapping[str, float],
) -> list[Move]:
    """Raise the shares of topics whose perplexity rose (paper 2, section 3.6).

    Args:
        rule: the recipe's.
        shares: topic to share; they sum to 1.
        before: topic to perplexity at the reading before.
        now: topic to perplexity at this one.

    """
    changes = {topic: now[topic] - before[topic] for topic in shares}
    sizes = [abs(change) for change in changes.values()]
    scale = math.fsum(sizes) if rule.normaliser == "sum" else max(sizes)
    low, high = rule.clamp
    factors = {}
    for topic, change in changes.items():
        weight = setting(rule.weights, topic, default=1.0)
        assert weight is not None
        factor = 1 + rule.alpha * (change / scale if scale else 0.0) * weight
        factors[topic] = min(max(factor, low), high)
    return _moved(shares, factors, before, now, max_change=rule.max_change)


def target_moves(
    rule: TargetFeedback,
    shares: Mapping[str, float],
    base: Mapping[str, float],
    now: Mapping[str, float],
) -> list[Move]:
    """Raise the shares of topics that lag behind their target (after Velocitune, Luo et al. 2024).

    A topic at the base model's loss has its whole way left (1), one at its target none (0), one
    beyond it less than none. Perplexities are those of the base model and of now.
    """
    factors = {}
    for topic in shares:
        target = setting(rule.targets, topic)
        assert target is not None, "the recipe gives every topic a target"
        whole = math.log(base[topic]) - target
        left = (math.log(now[topic]) - target) / whole if whole > 0 else 0.0
        factors[topic] = math.exp(rule.alpha * left)
    return _moved(shares, factors, base, now, max_change=rule.max_change)


def setting(
    table: Mapping[str, float], topic: str, *, default: float | None = None
) -> float | None:
    """Return what a table says of a topic: by its stratum, its label, or its source."""
    for name in (topic, topic.partition("/")[2], source_of(topic)):
        if name and name in table:
            return table[name]
    return default


def topic_groups(mixture: Reacting, strata: Iterable[str]) -> list[list[str]]:
    """Return the strata among which shares move: a source's labels, or sources without labels.

    Documents without a label are no topic: their share stays.
    """
    strata = [name for name in strata if not name.endswith(f"/{UNLABELLED}")]
    whole = [name for name in strata if name in mixture.sources]
    labelled = [
        [name for name in strata if name != source and source_of(name) == source]
        for source in mixture.sources
    ]
    return [group for group in (*labelled, whole) if group]


def _moved(
    shares: Mapping[str, float],
    factors: Mapping[str, float],
    before: Mapping[str, float],
    now: Mapping[str, float],
    *,
    max_change: float,
) -> list[Move]:
    scale = math.fsum(shares[topic] * factors[topic] for topic in shares)
    wanted = {topic: shares[topic] * factors[topic] / scale for topic in shares}
    limited, note = limit_change(shares, wanted, max_change)
    return [
        Move(topic, before[topic], now[topic], factors[topic], shares[topic], limited[topic], note)
        for topic in shares
    ]


def limit_change(
    shares: Mapping[str, float], wanted: Mapping[str, float], max_change: float
) -> tuple[dict[str, float], str]:
    """Scale a change down, all shares alike, until none moves by more than ``max_change``."""
    largest = max(abs(wanted[topic] - shares[topic]) for topic in shares)
    if largest <= max_change:
        return dict(wanted), ""
    scale = max_change / largest
    limited = {topic: shares[topic] + scale * (wanted[topic] - shares[topic]) for topic in shares}
    return limited, f"change limited to {max_change:.3g}"
