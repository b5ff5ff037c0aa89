"""Views: what the verbs answer, made by `gapless.workflow` and shown by `gapless.cli`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from gapless.records.comparison_views import SeedsRow, SideBySide
from gapless.records.synthesis_views import PlanSynthesis


@dataclass(frozen=True, kw_only=True)
class PlanStage:
    """One stage of a run."""

    name: str
    done: bool
    detail: str
    """Seven digits of the fingerprint, or what is special about it."""


@dataclass(frozen=True, kw_only=True)
class PlanSource:
    """What one source holds for training."""

    name: str
    role: str
    """``domain`` or ``general``."""
    documents: int | None
    """Documents that stay after cleaning; None when nobody has counted them."""
    tokens: int | None
    """Tokens to train on, without the held-out documents."""
    held_out_documents: int | None
    removed_documents: int | None
    """Documents not to be trained on: copies, and those that hold evaluation items."""
    exact: bool
    """Whether the numbers are counted; otherwise they are estimates from the size."""


@dataclass(frozen=True, kw_only=True)
class PlanMixtureRow:
    """What one source gives to one phase of one arm."""

    arm: str
    phase: int
    """From 0."""
    source: str
    share: float
    """Fraction of the phase's tokens."""
    tokens: int
    """Tokens the phase takes from the source."""
    selected_tokens: int
    """Tokens of the source that are eligible."""
    repetition: float
    """How often the phase sees the eligible text."""


@dataclass(frozen=True, kw_only=True)
class PlanNode:
    """A part of the order, and what it is made of."""

    name: str
    """An arm, a phase, a role or group, a source, a label of a source; or how many more."""
    detail: str
    """What is special about it, line by line; empty when nothing is."""
    share: float | None
    """Fraction of its phase's tokens; None for arms and phases."""
    tokens: int
    available_tokens: int | None
    """Tokens of what it draws from; None for arms and phases."""
    repetition: float | None
    """How often it is seen within the phase; None for arms and phases."""
    fingerprint: str
    """Seven digits: an arm's order, a source's tokens; empty for the others."""
    children: tuple["PlanNode", ...]
    """The largest first; of very many the largest few, then one node for the rest."""


@dataclass(frozen=True, kw_only=True)
class PlanScore:
    """What it costs to score a source with a language model."""

    name: str
    source: str
    tokens: int
    """At most; long documents are scored on their beginning."""
    flops: float
    hours: float
    """On this machine; not a number where it cannot do it."""
    done: bool


@dataclass(frozen=True, kw_only=True)
class PlanArm:
    """What one arm costs."""

    name: str
    tokens: int
    steps: int
    flops: float
    """Training and measuring together, without what it takes over from another arm."""
    hours: float
    """On this machine; not a number where it cannot do it."""
    probes: int
    """How often the model is measured, in what it trains itself."""
    memory_bytes: int = 0
    """Needed at the most, in the memory of the device."""
    measuring: str = ""
    """What measuring takes, the base included, and how a budget for it is kept: a sentence."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run would do and cost."""

    run_dir: Path
    parameters: int
    memory_bytes: int
    """Needed while training."""
    disk_bytes: int
    """Needed for the whole run."""
    stages: tuple[PlanStage, ...]
    sources: tuple[PlanSource, ...]
    scores: tuple[PlanScore, ...]
    """Those under a language model; the others cost little."""
    syntheses: tuple[PlanSynthesis, ...]
    mixture: tuple[PlanMixtureRow, ...]
    tree: tuple[PlanNode, ...]
    """The mixture, arm by arm."""
    arms: tuple[PlanArm, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """How one arm ended; the base model's row has only its two values."""

    arm: str
    domain_bits_per_byte: float | None
    general_bits_per_byte: float | None
    gain: float | None
    """Improvement on the domain against the base model; positive is better."""
    forgetting: float | None
    """Change on general text against the base model; negative is a loss."""
    gap_depth: float | None
    """How far the general metric (the domain's, without one) fell below the base on the way."""
    tokens_to_recovery: int | None
    """Tokens until that metric was back at the base model's value; None when it is not."""
    recovered: bool
    """Whether that metric came back."""
    tokens_seen: int


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What one ``run`` did, and where the run stands after it."""

    run_dir: Path
    report: Path | None
    """The report, once every stage is done."""
    summary: tuple[SummaryRow, ...]
    """Base model first; empty before the analysis."""
    did: tuple[str, ...]
    """Names of the stages made now."""
    stopped_at: str | None
    """The stage of ``--until``, when the run was asked to stop there."""


@dataclass(frozen=True, kw_only=True)
class ArmStatus:
    """How far one arm's training is."""

    name: str
    tokens_seen: int
    total_tokens: int | None
    """None before the order is settled."""
    state: str
    """``not started``, ``under way`` or ``done``."""
    measuring: str = ""
    """The share of the time so far that measuring took, probe by probe; empty before it is known.
    """


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What the analysis of a run found."""

    about: str
    """An arm, or what several are called together."""
    text: str
    suggestion: str
    """What to try; empty where nothing follows."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a run is."""

    run_dir: Path
    stages: tuple[PlanStage, ...]
    arms: tuple[ArmStatus, ...]
    findings: tuple[Advice, ...] = ()
    """Empty before the analysis."""


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What became of one document in one arm."""

    arm: str
    source: str
    document: int
    """Its row in the source's documents."""
    work: str
    origin: str
    why: str
    """Why it is, or is not, among what the arm trains on."""
    scores: tuple[tuple[str, str], ...]
    """Column and value, as text."""
    text: str
    """The beginning of the document."""


@dataclass(frozen=True, kw_only=True)
class Glimpse:
    """One slice of a document that the model saw, and why it saw it."""

    token: int
    """Number of the slice's first token in the arm."""
    row: int
    arm: str
    phase: int
    source: str
    document_id: str
    work: str
    """The user's id of the document."""
    origin: str
    """``file name:line``."""
    reason: str
    """Why the document is in the run."""
    epoch: int
    """The pass over the source, from 0."""
    text: str
    """The document's beginning."""


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """What one stratum gave to one phase so far."""

    phase: int
    """From 0."""
    stratum: str
    planned_tokens: int
    """What the plan, and the decisions of a mixture that reacts, give it up to here."""
    seen_tokens: int
    """What training wrote down; without padding."""
    padding_tokens: int
    """What its rows have left at their ends."""
    share: float
    """Fraction of the tokens seen in the phase."""
    repetition: float
    """How often the phase has seen the stratum's tokens."""


@dataclass(frozen=True, kw_only=True)
class AuditDocuments:
    """How often the documents of one stratum were seen so far."""

    stratum: str
    documents: int
    whole: tuple[tuple[int, int], ...]
    """(Times, documents seen so often from beginning to end), from never up."""
    in_part: int
    """Documents of which a part was seen, or seen once more than the rest."""
    cut: int
    """Documents that a row's border cut."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What one arm has seen against its plan."""

    arm: str
    tokens_seen: int
    """With padding."""
    total_tokens: int
    rows: tuple[AuditRow, ...]
    """Phase by phase, the largest first."""
    documents: tuple[AuditDocuments, ...]
    padding_tokens: int
    """What training wrote down."""
    differences: tuple[str, ...]
    """Empty where all is as planned."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Several runs side by side."""

    rows: tuple[tuple[str, SummaryRow], ...]
    """Run name and one of its rows."""
    report: Path | None
    seeds: tuple[SeedsRow, ...] = ()
    """Arms that differ in nothing but their seed."""
    pairs: tuple[SideBySide, ...] = ()
    """Every two of the others and of those groups."""
    notes: tuple[str, ...] = ()
    """What keeps the runs from being compared as one."""


@dataclass(frozen=True, kw_only=True)
class RateRow:
    """What a short run at one learning rate came to."""

    rate: float
    gain: float | None
    """Improvement on the domain against the base model; None when diverged or not measured."""
    forgetting: float | None
    """Change on general text against the base model; negative is a loss."""
    loss: float | None
    """Mean of the last quarter of the steps, in nats; None when diverged."""
    steps: int
    """Steps it took; fewer than the others when it diverged."""
    state: Literal["fell", "rose", "diverged"]
    """Whether the loss fell to the end; rose again, or above the smallest rate's; or jumped."""


@dataclass(frozen=True, kw_only=True)
class RateSearch:
    """Short runs at several learning rates."""

    run_dir: Path
    tokens_per_rate: int
    rows: tuple[RateRow, ...]
    """The smallest rate first."""
    proposal: float | None
    reason: str


class Progress(Protocol):
    """Whoever watches a run."""

    def stage(self, name: str, detail: str) -> None:
        """Show that a stage begins."""

    def done(self, name: str, detail: str) -> None:
        """Show that a stage is made."""

    def training(
        self,
        arm: str,
        tokens_seen: int,
        total_tokens: int,
        tokens_per_second: float,
        loss: float,
        gain: float | None,
        forgetting: float | None,
    ) -> None:
        """Show a step taken; ``gain`` and ``forgetting`` are of the last measurement."""

    def note(self, text: str) -> None:
        """Show something a person should know."""


class Silent:
    """Progress that nobody watches."""

    def stage(self, name: str, detail: str) -> None:
        """Show nothing."""

    def done(self, name: str, detail: str) -> None:
        """Show nothing."""

    def training(self, *_: object) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""
