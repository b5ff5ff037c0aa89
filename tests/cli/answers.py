"""Answers of every kind, for tests of how they are shown."""

from pathlib import Path

from gapless.records.comparison_views import Estimate, SeedsRow, SideBySide
from gapless.records.sweep_views import FittedLaw, ProposedSettings, SweepResult, TrialRow
from gapless.records.synthesis_views import PlanSynthesis, Synthesized
from gapless.records.views import (
    ArmStatus,
    Audit,
    AuditDocuments,
    AuditRow,
    Comparison,
    Fate,
    Glimpse,
    Plan,
    PlanArm,
    PlanMixtureRow,
    PlanNode,
    PlanScore,
    PlanSource,
    PlanStage,
    RateRow,
    RateSearch,
    RunResult,
    Status,
    SummaryRow,
)

RUN = Path("runs/demo")
STAGES = tuple(
    PlanStage(name=name, done=done, detail="3fa9c1e")
    for name, done in [("documents.web", True), ("training.replay", False), ("analysis", False)]
)
BASE = SummaryRow(
    arm="base",
    domain_bits_per_byte=2.1,
    general_bits_per_byte=1.75,
    gain=None,
    forgetting=None,
    gap_depth=None,
    tokens_to_recovery=None,
    recovered=False,
    tokens_seen=0,
)


def ended(
    arm: str, *, gap_depth: float = 0.12, tokens_to_recovery: int | None = 409_600
) -> SummaryRow:
    return SummaryRow(
        arm=arm,
        domain_bits_per_byte=1.9,
        general_bits_per_byte=1.8,
        gain=0.2,
        forgetting=-0.05,
        gap_depth=gap_depth,
        tokens_to_recovery=tokens_to_recovery,
        recovered=tokens_to_recovery is not None,
        tokens_seen=600_000,
    )


def node(
    name: str,
    *children: PlanNode,
    tokens: int,
    detail: str = "",
    share: float | None = None,
    fingerprint: str = "",
) -> PlanNode:
    return PlanNode(
        name=name,
        detail=detail,
        share=share,
        tokens=tokens,
        available_tokens=None if share is None else 60_000,
        repetition=None if share is None else tokens / 60_000,
        fingerprint=fingerprint,
        children=children,
    )


TOPICS = node(
    "pubmed",
    node("Security and International Relations", tokens=140_000, share=0.476),
    node("... 17 more", tokens=100_000, share=0.34, detail="smallest share 2e-05 %"),
    tokens=240_000,
    share=0.816,
    fingerprint="6324cf0",
)
TREE = (
    node(
        "subset_with_replay",
        node(
            "phase 1",
            node("domain", TOPICS, tokens=240_000, share=0.816),
            node("general", node("web", tokens=54, share=2e-7), tokens=54_000, share=0.184),
            tokens=294_000,
            detail="4 epochs, topic feedback every 20k tokens on pubmed, web, wiki, 4 more, from "
            "replay of 18 % general text\nby ease, ascending",
        ),
        tokens=294_000,
        fingerprint="b3b8852",
    ),
    node("again", tokens=294_000, detail="as subset_with_replay", fingerprint="0f378f1"),
)
PLAN = Plan(
    run_dir=RUN,
    parameters=4_200_000,
    memory_bytes=1_300_000_000,
    disk_bytes=340_000_000,
    stages=STAGES,
    sources=(
        PlanSource(
            name="pubmed",
            role="domain",
            documents=18_396,
            tokens=6_100_000,
            held_out_documents=740,
            removed_documents=23,
            exact=True,
        ),
        PlanSource(
            name="encyclopedia",
            role="general",
            documents=None,
            tokens=600_000,
            held_out_documents=None,
            removed_documents=None,
            exact=False,
        ),
    ),
    scores=(
        PlanScore(
            name="novelty", source="pubmed", tokens=6_000_000, flops=5e13, hours=0.1, done=False
        ),
    ),
    syntheses=(
        PlanSynthesis(
            name="science",
            model="mistral-7b-instruct",
            requests=200_000,
            answered=50,
            pilot=50,
            kept=0.62,
            tokens=130_000_000,
            cost=41.5,
            currency="USD",
            hours=3.1,
            done=False,
        ),
        PlanSynthesis(
            name="code",
            model="mistral-7b-instruct",
            requests=1000,
            answered=None,
            pilot=0,
            kept=None,
            tokens=1_024_000,
            cost=None,
            currency="",
            hours=None,
            done=False,
        ),
    ),
    mixture=tuple(
        PlanMixtureRow(
            arm="subset_with_replay",
            phase=0,
            source=source,
            share=share,
            tokens=240_000,
            selected_tokens=60_000,
            repetition=4.0,
        )
        for source, share in [("pubmed", 0.82), ("encyclopedia", 0.18)]
    ),
    tree=TREE,
    arms=tuple(
        PlanArm(name=name, tokens=600_000, steps=147, flops=1.5e13, hours=0.05, probes=20)
        for name in ["one_pass", "subset_with_replay"]
    ),
    warnings=("Counts are estimates.",),
)
RESULT = RunResult(
    run_dir=RUN,
    report=RUN / "report.html",
    summary=(BASE, ended("subset_with_replay")),
    did=("analysis",),
    stopped_at=None,
)
RATES = RateSearch(
    run_dir=Path("runs/demo-rates"),
    tokens_per_rate=163_840,
    rows=(
        RateRow(rate=1e-5, gain=0.0123, forgetting=-0.0004, loss=2.5, steps=40, state="fell"),
        RateRow(rate=1e-3, gain=0.5, forgetting=None, loss=1.25, steps=40, state="rose"),
        RateRow(rate=0.1, gain=None, forgetting=None, loss=None, steps=7, state="diverged"),
    ),
    proposal=1e-5,
    reason="The best domain gain.",
)
STATUS = Status(
    run_dir=RUN,
    stages=STAGES,
    arms=(
        ArmStatus(name="replay", tokens_seen=150_000, total_tokens=600_000, state="under way"),
        ArmStatus(name="late", tokens_seen=0, total_tokens=None, state="not started"),
    ),
)
GLIMPSE = Glimpse(
    token=768,
    row=3,
    arm="replay",
    phase=0,
    source="pubmed",
    document_id="abcdef123456789",
    work="PMID:1",
    origin="abstracts.jsonl.gz:17",
    reason="drawn at random to 600,000 tokens",
    epoch=0,
    text="A [bold]study[/] of \x1b[31mred\x1b[0m cells",
)
FATE = Fate(
    arm="replay",
    source="pubmed",
    document=3,
    work="PMID:1",
    origin="abstracts.jsonl.gz:17",
    why="selected: drawn at random",
    scores=(("closeness", "213.4"),),
    text="A [bold]study[/] of \x1b[31mred\x1b[0m cells",
)
AUDIT = Audit(
    arm="subset_with_replay",
    tokens_seen=1_254_000,
    total_tokens=2_508_000,
    rows=tuple(
        AuditRow(
            phase=phase,
            stratum=stratum,
            planned_tokens=tokens,
            seen_tokens=tokens - 100,
            padding_tokens=100,
            share=tokens / 600_000,
            repetition=tokens / 60_000,
        )
        for phase in (0, 1)
        for stratum, tokens in [
            ("pubmed/Security and International Relations", 400_000),
            *((f"web/{i}", 14_000 - i) for i in range(22)),
        ]
    ),
    documents=(
        AuditDocuments(
            stratum="pubmed/Security and International Relations",
            documents=2_741,
            whole=((0, 11), (1, 29), (2, 1_400), (13, 1_300)),
            in_part=1,
            cut=2_000,
        ),
        *(
            AuditDocuments(stratum=f"web/{i}", documents=9 - i % 2, whole=(), in_part=9, cut=2)
            for i in range(22)
        ),
    ),
    padding_tokens=3_000,
    differences=(),
)
_SEEDS = ("med-1/one_pass", "med-2/one_pass", "med-3/one_pass")
COMPARISON = Comparison(
    rows=(("first", BASE), ("second", ended("main"))),
    report=None,
    seeds=(
        SeedsRow(
            arms=_SEEDS,
            gain=Estimate(value=0.4612, low=0.4401, high=0.4823),
            forgetting=Estimate(value=-0.1234, low=-0.2011, high=-0.0457),
        ),
    ),
    pairs=(
        SideBySide(
            arms=("replay/subset",),
            against=_SEEDS,
            tokens=None,
            flops=1.23456e18,
            domain=Estimate(value=-0.0101, low=-0.0302, high=0.0101),
            general=Estimate(value=0.0912, low=0.0511, high=0.1313),
        ),
        SideBySide(
            arms=("a\x1b[31m/main",),
            against=("b/main",),
            tokens=None,
            flops=2e17,
            domain=Estimate(value=0.02, low=None, high=None),
            general=None,
        ),
    ),
    notes=("The runs began from different base models: changes are against each one's own.",),
)

SYNTHESIZED = [
    Synthesized(
        name="science\x1b[31m",
        folder=RUN / "artifacts" / "synthesis.science-3fa9c1e",
        requests=600,
        documents=431,
        rejected=(("no sections", 120), ("repetition", 49)),
        tokens=300_000,
        cost="0.40 USD",
    ),
    Synthesized(
        name="code",
        folder=None,
        requests=300,
        documents=0,
        rejected=(),
        tokens=0,
        cost="",
        waiting=300,
        file=Path("asked/code.jsonl"),
    ),
]


def trial(number: int, *, state: str = "done", why: str = "") -> TrialRow:
    return TrialRow(
        name=f"t{number:03d}-0",
        setting=number,
        seed=17,
        settings={"share of pubmed": 0.8, "training.learning_rate": 1e-3},
        state=state,  # type: ignore[arg-type]
        tokens_seen=98_304,
        gain=0.2,
        forgetting=0.05,
        values={"pubmed": 1.8},
        base={"pubmed": 2.0},
        why=why,
    )


SWEEP = SweepResult(
    run_dir=RUN,
    trials=(trial(0), trial(1, state="failed", why="loss is not finite\x1b[31m"), trial(2)),
    ranking=((2, 0.21, 0.04, 0.17), (0, 0.2, 0.05, 0.15)),
    file=RUN / "trials.jsonl",
)
LAWS = [
    FittedLaw(
        law="mixing",
        metric="general",
        parameters={"c": 1.9, "k": 0.05},
        scale=0.003,
        agreeing="30 of 32",
        unread=("training.learning_rate",),
        at_bounds=("k",),
        num_settings=12,
        rank_correlation=(0.91, 0.7, 0.98),
        error=(0.004, 0.002, 0.006),
        against_mean=(0.3, 0.2, 0.5),
        against_regression=None,
        passes=True,
        bar="a held-out rank correlation of 0.7 or more",
    )
]
PROPOSAL = ProposedSettings(
    settings={"share/pubmed": 0.7123, "share/docs": 0.2877},
    gain=(0.21, 0.19, 0.23),
    forgetting=(0.02, 0.01, 0.03),
    kept=0.66,
    extrapolated=("tokens 2e+10 (tried 98304 to 98304, read by no law)",),
    outside_hull=False,
    unread=("training.learning_rate",),
    file=Path("big.yaml"),
)
