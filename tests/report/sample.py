"""A report's content with numbers as a real run gives them: three arms, four sources."""

import math

import sample_scores

from gapless.report import (
    ArmContent,
    Content,
    CurveContent,
    GapRow,
    MixturePoint,
    RemovalContent,
    RemovedExample,
    SourceContent,
    Trace,
)

STEP = 16_384
TOTAL = 2_457_600
MEASURED = (1, 2, 4, 6, 8, 12, 16, 24, 32, 40, 50, 60, 75, 90, 105, 120, 135, 150)
SEEN = (0, *(STEP * step for step in MEASURED))
GENERAL, DOMAIN = 2.0, 2.6


def wobble(tokens: int, name: str) -> float:
    return 0.004 * math.sin(tokens / 61_000 + len(name) * 1.7) if tokens else 0.0


def noise(tokens: int, name: str) -> float:
    return 0.02 * (math.sin(tokens / 7_777 + len(name)) + math.sin(tokens / 3_131))


def rise_and_stay(tokens: int, height: float) -> float:
    return height * (1 - math.exp(-tokens / 150_000))


def rise_and_recover(tokens: int, height: float, rest: float) -> float:
    up = 1 - math.exp(-tokens / 40_000)
    return up * (rest + (height - rest) * math.exp(-max(0, tokens - 60_000) / 190_000))


def fall(tokens: int, depth: float, pace: float) -> float:
    return -depth * (1 - math.exp(-tokens / pace))


ARMS = {
    "baseline": (
        "One pass over all domain text, no replay.",
        lambda t: GENERAL + rise_and_stay(t, 0.41),
        lambda t: DOMAIN + fall(t, 0.50, 500_000),
    ),
    "subset x 4 epochs": (
        "The best quarter of the domain text, four times.",
        lambda t: GENERAL + rise_and_stay(t, 0.36),
        lambda t: DOMAIN + fall(t, 0.53, 420_000),
    ),
    "subset + replay": (
        "The same subset with 30 % general text kept in.",
        lambda t: GENERAL + rise_and_recover(t, 0.15, 0.048),
        lambda t: DOMAIN + fall(t, 0.49, 480_000),
    ),
}
OFFSETS = {"cardiology": ("domain", 0.08), "pharmacology": ("domain", -0.06)} | {
    "web": ("general", 0.11),
    "books": ("general", -0.09),
}


def curve(name, role, level, *, half=0.022):
    values = tuple(level(t) + wobble(t, name) for t in SEEN)
    return CurveContent(
        name=name,
        role=role,
        metric="bits_per_byte",
        higher_is_better=False,
        tokens=SEEN,
        values=values,
        low=tuple(v - half * min(1.0, t / 60_000) for t, v in zip(SEEN, values, strict=True)),
        high=tuple(v + half * min(1.0, t / 60_000) for t, v in zip(SEEN, values, strict=True)),
    )


def gap_row(of: CurveContent, half: float) -> GapRow:
    worst = max(range(len(SEEN)), key=lambda k: of.values[k])
    best = min(range(1, len(SEEN)), key=lambda k: of.values[k])
    base, final = of.values[0], of.values[-1]
    depth, change = of.values[worst] - base, base - final
    back = [t for t, v in zip(SEEN, of.values, strict=True) if t > SEEN[worst] and v <= base]
    recovered = bool(back)
    return GapRow(
        name=of.name,
        role=of.role,
        metric=of.metric,
        base=base,
        final=final,
        change=change,
        change_low=change - half,
        change_high=change + half,
        depth=depth,
        depth_low=max(0.0, depth - half),
        depth_high=depth + half,
        tokens_to_bottom=SEEN[worst],
        tokens_to_recovery=(back[0] if depth > 0 else 0) if recovered else None,
        area=sum(max(0.0, v - base) for v in of.values) / len(SEEN),
        peak=of.values[best],
        tokens_to_peak=SEEN[best],
        recovered=recovered,
        drop_is_real=depth - half > 0,
        rebound=change + depth,
        rebound_low=max(0.0, change + depth - half),
        rebound_high=change + depth + half,
    )


def mixture(name):
    points = []
    for tenth in range(1, 11):
        domain = 1.0 if "replay" not in name else (0.6 if tenth <= 3 else 0.7)
        shares = {
            "cardiology": domain * 0.58,
            "pharmacology": domain * 0.42,
            "web": (1 - domain) * 0.7,
            "books": (1 - domain) * 0.3,
        }
        points += [
            MixturePoint(tokens_seen=TOTAL * tenth // 10, source=source, share=share)
            for source, share in shares.items()
            if share > 0
        ]
    return tuple(points)


def arm(name):
    description, general, domain = ARMS[name]
    steps = tuple(range(STEP, TOTAL + 1, STEP))
    curves = [curve("general", "general", general), curve("domain", "domain", domain)]
    for source, (role, offset) in OFFSETS.items():
        level = general if role == "general" else domain
        curves.append(curve(source, role, lambda t, f=level, o=offset: f(t) + o, half=0.04))
    decay = [0.55 + 0.45 * math.cos(math.pi * step / 150) for step in range(1, 151)]
    rates = tuple(3e-5 * min(1, step / 20) * decay[step - 1] for step in range(1, 151))
    return ArmContent(
        name=name,
        description=description,
        curves=tuple(curves),
        mixture=mixture(name),
        gaps=(gap_row(curves[0], 0.016), gap_row(curves[1], 0.021)),
        loss=Trace(
            tokens=steps,
            values=tuple(2.9 * domain(t) / DOMAIN + noise(t, name) for t in steps),
        ),
        learning_rate=Trace(tokens=steps, values=rates),
        tokens_seen=TOTAL,
        seconds=1_260.0 + 40 * len(name),
    )


RECIPE = """\
name: cardiology-small
seed: 1
model:
  type: pretrained
  path: base
sources:
  cardiology: {role: domain, path: data/cardiology/*.jsonl.gz}
  pharmacology: {role: domain, path: data/pharmacology.parquet}
  web: {role: general, path: data/web/*.jsonl.zst}
  books: {role: general, path: data/books}
order:
  context: 512
  phases:
    - epochs: 4
      mixture: {type: replay, general: 0.3}
training:
  batch_tokens: 16384
  learning_rate: 3.0e-05
arms:
  baseline:
    order: {phases: [{epochs: 1, mixture: {type: domain_only}}]}
"""


SOURCES = (
    SourceContent(
        name="cardiology",
        role="domain",
        read=19_581,
        removed=1_102,
        copies=275,
        held_out_documents=364,
        contaminated=3,
        eligible=17_837,
        tokens=9_830_400,
        path_shown="data/cardiology/*.jsonl.gz",
        licence="CC-BY-4.0",
        changed=(("mask_personal_data", 41), ("unicode", 1_204)),
    ),
    SourceContent(
        name="pharmacology",
        role="domain",
        read=10_115,
        removed=204,
        copies=0,
        held_out_documents=198,
        contaminated=0,
        eligible=9_713,
        tokens=6_120_000,
        path_shown="data/pharmacology.parquet",
        licence="CC-BY-4.0",
    ),
    SourceContent(
        name="web",
        role="general",
        read=45_252,
        removed=0,
        copies=4_032,
        held_out_documents=824,
        contaminated=0,
        eligible=40_396,
        tokens=31_400_000,
        path_shown="data/web/*.jsonl.zst",
        licence="ODC-BY",
        changed=(("boilerplate", 22_040),),
    ),
    SourceContent(
        name="books",
        role="general",
        read=1_228,
        removed=0,
        copies=0,
        held_out_documents=24,
        contaminated=0,
        eligible=1_204,
        tokens=22_700_000,
        path_shown="data/books",
    ),
    SourceContent(
        name="textbooks",
        role="reference",
        read=212,
        removed=0,
        copies=0,
        held_out_documents=0,
        contaminated=0,
        eligible=212,
        tokens=None,
        path_shown="data/textbooks",
    ),
)
REMOVALS = (
    RemovalContent(
        source="cardiology",
        reason="too_short",
        count=1_102,
        examples=(
            RemovedExample(origin="cardiology-03.jsonl.gz:118", beginning="See table 2."),
            RemovedExample(origin="cardiology-03.jsonl.gz:902", beginning="Withdrawn."),
        ),
    ),
    RemovalContent(source="cardiology", reason="duplicate", count=275),
    RemovalContent(
        source="cardiology",
        reason="evaluation_item",
        count=3,
        examples=(
            RemovedExample(
                origin="cardiology-07.jsonl.gz:44",
                beginning="A 61-year-old man comes in with crushing pain in the chest.",
                fell_to="item 17 of probe exam",
                similarity=0.64,
            ),
        ),
    ),
    RemovalContent(
        source="pharmacology",
        reason="broken_text",
        count=204,
        examples=(
            RemovedExample(
                origin="pharmacology.parquet:77",
                beginning="Dose \ufffd\ufffd mg/kg \ufffd every 8 \ufffd h",
            ),
        ),
    ),
    RemovalContent(
        source="web",
        reason="near_duplicate",
        count=4_032,
        examples=(
            RemovedExample(
                origin="web-00.jsonl.zst:5",
                beginning="Please enable cookies to go on reading this page.",
                fell_to="web: page-2",
                similarity=0.9375,
            ),
        ),
    ),
)


def content() -> Content:
    return Content(
        title="Medicine on a small base model",
        run_name="cardiology-small",
        arms=tuple(arm(name) for name in ARMS),
        sources=SOURCES,
        removals=REMOVALS,
        scores=(sample_scores.perplexity(), sample_scores.words()),
        labels=(sample_scores.topic(),),
        recipe_yaml=RECIPE,
        environment={
            "gapless": "0.1.0",
            "python": "3.11.2",
            "torch": "2.11.0",
            "device": "cpu, 2 threads",
            "precision": "fp32",
            "seed": "1",
        },
        warnings=("The base model is small: 4.2M parameters, trained for minutes.",),
        notes=("Intervals: by resampling held-out documents, the same ones for base and arm.",),
    )
