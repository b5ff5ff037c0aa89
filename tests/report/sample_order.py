"""A run whose order matters: three phases, a mixture that reacts, curricula, eleven topics."""

import math
from dataclasses import replace

import sample

from gapless.report import (
    ArmContent,
    Content,
    CurriculumTrace,
    CurveContent,
    MixturePoint,
    PhaseMark,
    Round,
    SourceContent,
    TopicDecision,
)

TOTAL = 24_576_000
PHASES = (
    PhaseMark(tokens_seen=0, label="warm-up"),
    PhaseMark(tokens_seen=4_915_200, label="react"),
    PhaseMark(tokens_seen=19_660_800, label="anneal"),
)
ROUNDS = (4_915_200, 8_601_600, 12_288_000, 15_974_400)
"""The start of the phase, then three decisions."""
LEAST, MOST = 0.85, 1.2
"""How far a factor may be from 1."""
CAP = 0.125
RULE = "share x (perplexity now / before) ^ 4, a factor of 0.85 to 1.2, at most 12.5 % a topic"
TOPICS = {
    "medicine/Cardiology": (9.2, -0.05, 0.16),
    "medicine/Oncology": (10.8, -0.035, 0.13),
    "medicine/Pharmacology": (12.6, -0.012, 0.12),
    "medicine/Public Health": (11.1, -0.022, 0.09),
    "web/Art and Entertainment": (27.4, 0.021, 0.06),
    "web/Business": (19.8, 0.011, 0.09),
    "web/Computers and Science": (14.2, -0.004, 0.12),
    "web/Law and Policy": (17.1, 0.045, 0.05),
    "web/News": (21.6, 0.016, 0.08),
    "web/Sports": (24.9, 0.034, 0.05),
    "web/Travel": (22.3, 0.008, 0.05),
}
"""Perplexity at the start of the reaction, its drift in a round, the share at the start."""
ANNEAL = {"medicine": 0.8, "web": 0.2}


def perplexity(topic: str, place: int) -> float:
    level, drift, _ = TOPICS[topic]
    bend = 1 - 0.28 * (place - 1) if place else 0.0
    walk = sum(drift * (1 - 0.28 * (k - 1)) for k in range(1, place + 1))
    return round(level * (1 + walk + 0.006 * math.sin(3 * place + len(topic)) * abs(bend)), 4)


def rounds(topics=tuple(TOPICS), *, group: str = "", cap: float = CAP) -> tuple[Round, ...]:
    """As the workflow makes them: each share times its factor, then all made to sum to 1 again."""
    shares = {topic: TOPICS[topic][2] / sum(TOPICS[t][2] for t in topics) for topic in topics}
    made = []
    for place, seen in enumerate(ROUNDS):
        wanted, notes, factors = dict(shares), dict.fromkeys(topics, ""), {}
        for topic in topics:
            if place:
                raw = (perplexity(topic, place) / perplexity(topic, place - 1)) ** 4
                factors[topic] = min(MOST, max(LEAST, raw))
                notes[topic] = "" if factors[topic] == raw else "change limited"
                wanted[topic] = shares[topic] * factors[topic]
        whole = sum(wanted.values())
        after = {topic: wanted[topic] / whole for topic in topics}
        held = [topic for topic in topics if place and after[topic] > cap]
        free = (1 - cap * len(held)) / (1 - sum(after[topic] for topic in held))
        after = {t: cap if t in held else free * share for t, share in after.items()}
        notes |= dict.fromkeys(held, "held at the cap")
        decisions = tuple(
            TopicDecision(
                topic=topic,
                perplexity_before=perplexity(topic, place - 1) if place else None,
                perplexity=perplexity(topic, place),
                factor=factors.get(topic),
                share_before=shares[topic],
                share=after[topic],
                note=notes[topic],
            )
            for topic in topics
        )
        made.append(Round(tokens_seen=seen, phase=1, group=group, rule=RULE, decisions=decisions))
        shares = after
    return tuple(made)


def shares_at(seen: int, made: tuple[Round, ...]) -> dict[str, float]:
    """The shares of the stretch that ends at ``seen``."""
    start = {topic: share for topic, (_, _, share) in TOPICS.items()}
    if seen <= PHASES[1].tokens_seen:
        return start
    if seen > PHASES[2].tokens_seen:
        sums = dict.fromkeys(ANNEAL, 0.0)
        for topic, share in start.items():
            sums[topic.partition("/")[0]] += share
        return {
            t: ANNEAL[t.partition("/")[0]] * share / sums[t.partition("/")[0]]
            for t, share in start.items()
        }
    last = [each for each in made if each.tokens_seen < seen][-1]
    return {decision.topic: decision.share for decision in last.decisions}


def mixture(made: tuple[Round, ...]) -> tuple[MixturePoint, ...]:
    """Sixty stretches with the unevenness of whole rows."""
    points = []
    for place in range(1, 61):
        seen = TOTAL * place // 60
        raw = {
            topic: share * (1 + 0.03 * math.sin(place * 2.1 + 5 * len(topic)))
            for topic, share in shares_at(seen, made).items()
        }
        whole = sum(raw.values())
        points += [
            MixturePoint(tokens_seen=seen, source=topic, share=share / whole)
            for topic, share in raw.items()
        ]
    return tuple(points)


def topic_curve(topic: str) -> CurveContent:
    level, drift, _ = TOPICS[topic]
    tokens = tuple(TOTAL * k // 10 for k in range(11))
    values = tuple(math.log(level * (1 + 3 * drift * math.sin(2.4 * k / 10))) for k in range(11))
    return CurveContent(
        name=topic,
        role="domain" if topic.startswith("medicine") else "general",
        metric="nats_per_token",
        higher_is_better=False,
        tokens=tokens,
        values=values,
        low=tuple(v - 0.004 * min(k, 1) for k, v in enumerate(values)),
        high=tuple(v + 0.004 * min(k, 1) for k, v in enumerate(values)),
    )


def curriculum() -> tuple[CurriculumTrace, ...]:
    """Perplexity to the reference rises for one source; the other is left shuffled."""
    tokens = tuple(TOTAL * k // 120 for k in range(1, 121))

    def trace(name, level, *, shuffled):
        middle = []
        for k, seen in enumerate(tokens):
            begun = max(p.tokens_seen for p in PHASES if p.tokens_seen < seen)
            ends = [p.tokens_seen for p in PHASES if p.tokens_seen >= seen]
            part = (seen - begun) / ((ends[0] if ends else TOTAL) - begun)
            rise = 0.0 if shuffled else 2.2 * (part - 0.5)
            middle.append(level * math.exp(rise + 0.05 * math.sin(k * 2.3)))
        spread = 2.6 if shuffled else 1.25
        return CurriculumTrace(
            name=name,
            column="perplexity",
            tokens=tokens,
            low=tuple(m / spread for m in middle),
            median=tuple(middle),
            high=tuple(m * spread for m in middle),
            shuffled=shuffled,
        )

    return (
        trace("medicine/Oncology", 95.0, shuffled=False),
        trace("medicine/Cardiology", 62.0, shuffled=False),
        trace("web", 420.0, shuffled=True),
    )


def source(name: str, role: str) -> SourceContent:
    return replace(sample.SOURCES[0], name=name, role=role)


def reacting() -> ArmContent:
    """The arm with everything."""
    made, bare = rounds(), sample.arm("subset + replay")
    scale = TOTAL // sample.TOTAL
    curves = tuple(
        replace(curve, tokens=tuple(t * scale for t in curve.tokens)) for curve in bare.curves[:2]
    )
    topics = tuple(topic_curve(topic) for topic in TOPICS)
    gaps = tuple(
        replace(bare.gaps[0], name=curve.name, role=curve.role, metric=curve.metric)
        for curve in topics
    )
    return replace(
        bare,
        name="reacts to perplexity",
        description="Shares by topic, set anew at every round; easy documents first.",
        curves=(*curves, *topics),
        gaps=(*bare.gaps, *gaps),
        mixture=mixture(made),
        tokens_seen=TOTAL,
        phases=PHASES,
        rounds=made,
        curricula=curriculum(),
    )


def still() -> ArmContent:
    """The same topics at shares that stay."""
    arm = reacting()
    shares = {topic: share for topic, (_, _, share) in TOPICS.items()}
    return replace(
        arm,
        name="fixed shares",
        description="The same topics, their shares as they are in the corpus.",
        mixture=tuple(
            MixturePoint(tokens_seen=TOTAL, source=topic, share=share)
            for topic, share in shares.items()
        ),
        phases=(),
        rounds=(),
        curricula=(),
    )


def content() -> Content:
    return replace(
        sample.content(),
        arms=(still(), reacting()),
        sources=(source("medicine", "domain"), source("web", "general")),
        removals=(),
        scores=(),
        labels=(),
    )
