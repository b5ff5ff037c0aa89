"""What a report says, as plain values. The workflow fills it; the report only reads it.

Text in here may come from a document, a file name or a user: nothing is trusted, everything is
escaped when the page is made. A number that is not known is ``None`` (NaN is shown the same way).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gapless.report.comparison_content import PairRow, SeedPairRow, SeedsRow, TurningRow
from gapless.report.synthesis_content import SynthesisContent
from gapless.report.text_content import (
    LabelContent,
    RemovalContent,
    ScoreContent,
    SourceContent,
)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A value that is logged while training, without an interval."""

    tokens: tuple[int, ...] = ()
    """Tokens seen, rising."""
    values: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CurveContent:
    """One metric of one probe along one arm; the first point, at 0 tokens, is the base model."""

    name: str
    """``general`` or ``domain`` for the mean over that role; else that of a source or a task."""
    role: str
    """``general`` or ``domain``."""
    metric: str
    """``bits_per_byte``, ``accuracy``, ..."""
    higher_is_better: bool
    tokens: tuple[int, ...]
    """Tokens seen, rising, from 0."""
    values: tuple[float, ...]
    low: tuple[float | None, ...] | None = None
    high: tuple[float | None, ...] | None = None
    """Ends of each value's 95 % interval: the base's value with the interval of the change."""
    flops: tuple[int, ...] | None = None
    """Operations of training until each point; None where they are not known."""


@dataclass(frozen=True, kw_only=True)
class MixturePoint:
    """One source's share of the tokens between the point before (or 0) and ``tokens_seen``."""

    tokens_seen: int
    source: str
    """Or a stratum: ``source/topic``."""
    share: float
    """From 0 to 1; the shares of one point sum to 1."""


@dataclass(frozen=True, kw_only=True)
class PhaseMark:
    """One phase of an arm."""

    tokens_seen: int
    """Where it begins; it ends where the next one begins, or with the run."""
    label: str
    """A word or two."""


@dataclass(frozen=True, kw_only=True)
class TopicDecision:
    """What one round measured of one topic, and what became of its share."""

    topic: str
    """A stratum: ``source/topic``."""
    perplexity_before: float | None
    """At the round before; None at the start of a phase."""
    perplexity: float | None
    """At this round."""
    factor: float | None
    """What the rule multiplied the share by, before all shares were made to sum to 1 again; None
    where nothing was decided."""
    share_before: float
    share: float
    """Of the phase's tokens from this round on, from 0 to 1."""
    note: str = ""
    """What held the rule back: ``held at the cap``."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One decision of a mixture that reacts to measurements.

    The first round of a phase only measures: no factor, and every share stays what it is.
    """

    tokens_seen: int
    """Where the new shares begin."""
    phase: int
    """Its phase's place in `ArmContent.phases`, from 0."""
    group: str
    """The parts whose shares are weighed against one another; empty when there is one group."""
    rule: str
    """How a share follows from the measurements, in words."""
    decisions: tuple[TopicDecision, ...]


@dataclass(frozen=True, kw_only=True)
class CurriculumTrace:
    """The scores of one stratum's documents in the order in which the model saw them.

    The three lines are quantiles over the rows near each point.
    """

    name: str
    """The stratum: ``source`` or ``source/topic``."""
    column: str
    """The score."""
    tokens: tuple[int, ...]
    """Tokens seen, rising."""
    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]
    shuffled: bool = False
    """Whether it has no curriculum and is shown to compare with: drawn in grey."""


@dataclass(frozen=True, kw_only=True)
class PartMoves:
    """How one part of a model moved away from the base along an arm."""

    name: str
    """``embeddings``, ``final norm``, ``head``; a decoder layer's number."""
    layer: int | None
    """That number, counted from the input; None for the other parts."""
    update: Trace
    """Norm of the change since the base model, relative to the base's norm."""
    pace: Trace = Trace()
    """How much the update grew per million tokens since the measurement before."""
    cosine: Trace = Trace()
    """Of its gradients on domain and on general text."""


@dataclass(frozen=True, kw_only=True)
class GradientContent:
    """The gradients of two small batches, one of domain and one of general text, along an arm."""

    cosine: Trace
    domain_norm: Trace
    general_norm: Trace
    domain_tokens: int
    general_tokens: int
    """Tokens predicted in each of the batches, which stay the same."""


@dataclass(frozen=True, kw_only=True)
class GapRow:
    """What became of one metric along one arm; the words are those of `gapless.analysis.gap`."""

    name: str
    """As the name of the curve it was read from."""
    role: str
    metric: str
    base: float
    """The base model's value."""
    final: float
    """The value at the end of the arm."""
    change: float
    """Final against base, signed so that positive is better: a gain; negative is forgetting."""
    change_low: float | None
    change_high: float | None
    """The 95 % interval of the change."""
    depth: float
    """How much worse than the base the metric was at its worst; 0 or more."""
    depth_low: float | None
    depth_high: float | None
    """The 95 % interval of the depth."""
    tokens_to_bottom: int | None
    """Where it was at its worst; None or 0 when it never was worse than the base."""
    tokens_to_recovery: float | None
    """Where it was first back at the base's value after that; None when it never was."""
    area: float
    """Mean of the depth over the run, in the metric's unit."""
    peak: float
    """The best value after the base."""
    tokens_to_peak: int
    recovered: bool
    """Whether the metric came back to the base's value after its worst point."""
    drop_is_real: bool | None
    """Whether the worst point is below the base beyond noise; None when nothing can tell."""
    drop_is_real_among_all: bool | None = None
    """The same with all curves of its kind, of all arms, judged together."""
    rebound_is_real: bool | None = None
    """Whether the end is above the worst point beyond noise; None when nothing can tell."""
    rebound: float | None = None
    """How much of the drop, and more, the end has regained: change + depth, also when left out."""
    rebound_low: float | None = None
    rebound_high: float | None = None
    """The 95 % interval of the rebound."""


@dataclass(frozen=True, kw_only=True)
class FindingContent:
    """One finding of the advisor."""

    about: str
    """An arm's name, or what several are called together."""
    rule: str
    text: str
    suggestion: str
    """What to try; empty where nothing follows."""
    source: str


@dataclass(frozen=True, kw_only=True)
class SampleContent:
    """What the model wrote after one prompt along an arm."""

    prompt: str
    tokens: tuple[int, ...]
    """Tokens seen, rising, from 0: the base model."""
    answers: tuple[str, ...]
    """One per point, as the model wrote them."""
    left_out: int = 0
    """Points that are in the run's folder alone."""


@dataclass(frozen=True, kw_only=True)
class ArmContent:
    """One training run of the recipe, or ``run/arm`` when runs are compared."""

    name: str
    description: str
    curves: tuple[CurveContent, ...]
    mixture: tuple[MixturePoint, ...]
    gaps: tuple[GapRow, ...]
    loss: Trace
    """Training loss."""
    learning_rate: Trace
    tokens_seen: int
    seconds: float | None = None
    phases: tuple[PhaseMark, ...] = ()
    """In order; the first begins at 0."""
    rounds: tuple[Round, ...] = ()
    """Rising within each group."""
    curricula: tuple[CurriculumTrace, ...] = ()
    parts: tuple[PartMoves, ...] = ()
    """In the order in which text passes them."""
    gradients: GradientContent | None = None
    samples: tuple[SampleContent, ...] = ()
    """In the order of the recipe's prompts."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """Everything that one report says."""

    title: str
    run_name: str
    arms: tuple[ArmContent, ...]
    """In the order in which they are shown."""
    findings: tuple[FindingContent, ...] = ()
    """What the advisor says, in its order."""
    pairs: tuple[PairRow, ...] = ()
    """Every two arms, on every mean over a role, in both directions; not seeds of one another."""
    seeds: tuple[SeedsRow, ...] = ()
    seed_pairs: tuple[SeedPairRow, ...] = ()
    turning_points: tuple[TurningRow, ...] = ()
    """Of arms whose tasks were asked."""
    flops: Mapping[str, float] = field(default_factory=dict)
    """Arm to the operations that its training took, where that is known."""
    along: Literal["tokens", "flops"] = "tokens"
    """What the curves are drawn over: tokens seen, or operations spent."""
    created: str | None = None
    """A date to print; none by default, so that the same run gives the same bytes."""
    sources: tuple[SourceContent, ...] = ()
    syntheses: tuple[SynthesisContent, ...] = ()
    removals: tuple[RemovalContent, ...] = ()
    scores: tuple[ScoreContent, ...] = ()
    labels: tuple[LabelContent, ...] = ()
    recipe_yaml: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Name of a fact (package, machine, seed) to its value."""
    warnings: tuple[str, ...] = ()
    """What the reader must know before believing the numbers; shown at the top."""
    notes: tuple[str, ...] = ()
    """Further remarks, shown under the headline's table."""
