"""A report whose arms were watched: twelve layers, two gradients."""

import math
from dataclasses import replace

import sample

from gapless.report import ArmContent, Content, GradientContent, PartMoves, Trace

LAYERS = 12
SEEN = sample.SEEN[1:]
NAMES = ("embeddings", *map(str, range(LAYERS)), "final norm", "head")


def update(tokens: int, depth: float, strength: float) -> float:
    """Rises at once at the bottom (depth 0), more slowly at the top (1)."""
    early = 1 - math.exp(-tokens / 90_000)
    late = 1 - math.exp(-tokens / 900_000)
    return strength * ((1.1 - 0.6 * depth) * early + (0.5 + 0.4 * depth) * late) / 100


def moves(name: str, depth: float, strength: float) -> PartMoves:
    values = tuple(update(seen, depth, strength) for seen in (0, *SEEN))
    places = (0, *SEEN)
    pace = tuple(
        (values[k] - values[k - 1]) / (places[k] - places[k - 1]) * 1e6
        for k in range(1, len(places))
    )
    cosine = tuple(0.4 * math.sin(seen / 300_000 + depth) for seen in SEEN)
    return PartMoves(
        name=name,
        layer=int(name) if name.isdigit() else None,
        update=Trace(tokens=places, values=values),
        pace=Trace(tokens=SEEN, values=pace),
        cosine=Trace(tokens=SEEN, values=cosine),
    )


def watched(arm: ArmContent, strength: float) -> ArmContent:
    parts = tuple(moves(name, k / (len(NAMES) - 1), strength) for k, name in enumerate(NAMES))
    gradients = GradientContent(
        cosine=Trace(tokens=SEEN, values=tuple(0.3 * math.cos(seen / 500_000) for seen in SEEN)),
        domain_norm=Trace(tokens=SEEN, values=tuple(0.9 - seen / 6e6 for seen in SEEN)),
        general_norm=Trace(tokens=SEEN, values=tuple(0.4 + seen / 9e6 for seen in SEEN)),
        domain_tokens=4080,
        general_tokens=4064,
    )
    return replace(arm, parts=parts, gradients=gradients)


def content() -> Content:
    plain = sample.content()
    arms = tuple(watched(arm, 1.0 + 0.5 * k) for k, arm in enumerate(plain.arms))
    return replace(plain, arms=arms)
