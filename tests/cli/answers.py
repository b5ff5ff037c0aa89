"""Answers of every kind, for tests of how they are shown."""

from pathlib import Path

from gapless.records.views import (
    ArmStatus,
    Comparison,
    Fate,
    Glimpse,
    Plan,
    PlanArm,
    PlanMixtureRow,
    PlanScore,
    PlanSource,
    PlanStage,
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
COMPARISON = Comparison(rows=(("first", BASE), ("second", ended("main"))), report=None)
