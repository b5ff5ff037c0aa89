"""What a report says, as plain values. The workflow fills it; the report only reads it.

Text in here may come from a document, a file name or a user: nothing is trusted, everything is
escaped when the page is made. A number that is not known is ``None`` (NaN is shown the same way).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

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


@dataclass(frozen=True, kw_only=True)
class MixturePoint:
    """One source's share of the tokens between the point before (or 0) and ``tokens_seen``."""

    tokens_seen: int
    source: str
    share: float
    """From 0 to 1; the shares of one point sum to 1."""


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
    rebound: float | None = None
    """How much of the drop, and more, the end has regained: change + depth, also when left out."""
    rebound_low: float | None = None
    rebound_high: float | None = None
    """The 95 % interval of the rebound."""


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


@dataclass(frozen=True, kw_only=True)
class Content:
    """Everything that one report says."""

    title: str
    run_name: str
    arms: tuple[ArmContent, ...]
    """In the order in which they are shown."""
    created: str | None = None
    """A date to print; none by default, so that the same run gives the same bytes."""
    sources: tuple[SourceContent, ...] = ()
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
