"""What a report says of the text, as plain values: sources, removals, scores.

As in `content.py`, nothing in here is trusted: everything is escaped when the page is made.
"""

from dataclasses import dataclass

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""The places at which a distribution is described."""


@dataclass(frozen=True, kw_only=True)
class SourceContent:
    """One corpus of the recipe, and what became of its documents, each counted once.

    ``read`` is the sum of ``removed``, ``copies``, ``held_out_documents``, ``contaminated`` and
    ``eligible``: a document counts where it fell first, in this order.
    """

    name: str
    role: str
    """``domain``, ``general`` or ``reference``."""
    read: int
    """Documents in the files."""
    removed: int
    """Removed while cleaning."""
    copies: int
    """Copies of documents that stay."""
    held_out_documents: int
    """Kept for the probes."""
    contaminated: int | None
    """Holding evaluation items; None where nobody has looked."""
    eligible: int
    """What may be trained on; what a reference offers to the models of scores."""
    tokens: int | None
    """Tokens of the eligible documents; None for a reference, which the model never sees."""
    path_shown: str
    """The path as the recipe writes it."""
    licence: str | None = None
    changed: tuple[tuple[str, int], ...] = ()
    """Cleaner to how many documents it changed."""


@dataclass(frozen=True, kw_only=True)
class RemovedExample:
    """A document that was removed."""

    origin: str
    """``file name:line``."""
    beginning: str
    fell_to: str = ""
    """The copy that stays, or the evaluation item that the document holds."""
    similarity: float | None = None
    """How much of it is the same, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class RemovalContent:
    """The documents of one source that were removed for one reason."""

    source: str
    reason: str
    count: int
    examples: tuple[RemovedExample, ...] = ()
    """Up to three."""


@dataclass(frozen=True, kw_only=True)
class ScoredExample:
    """A document at a quantile of a score."""

    quantile: float
    """From 0 to 1."""
    score: float
    origin: str
    beginning: str
    arms: tuple[str, ...] = ()
    """The arms that have selected it."""


@dataclass(frozen=True, kw_only=True)
class SelectedContent:
    """What some arms, all alike, have selected from a source by a score."""

    arms: tuple[str, ...]
    description: str
    counts: tuple[int, ...]
    """Documents selected in each bin, or of each label."""
    tokens: int
    quantiles: tuple[float, ...] = ()
    """Of the scores selected, at the places of `QUANTILES`."""
    cuts: tuple[tuple[str, float], ...] = ()
    """Where the selection ends: what is cut (a quota's label; often nothing), and the score."""

    @property
    def documents(self) -> int:
        """How many documents were selected."""
        return sum(self.counts)


@dataclass(frozen=True, kw_only=True)
class ScoredSource:
    """The scores of one source's documents that may be trained on."""

    name: str
    role: str
    unscored: int
    counts: tuple[int, ...]
    """Documents in each bin."""
    quantiles: tuple[float, ...]
    """At the places of `QUANTILES`; empty when no document has the score."""
    selections: tuple[SelectedContent, ...] = ()
    """Those that read the score."""
    examples: tuple[ScoredExample, ...] = ()

    @property
    def scored(self) -> int:
        """How many documents have the score."""
        return sum(self.counts)


@dataclass(frozen=True, kw_only=True)
class ScoreContent:
    """A score that is a number, over all sources that have it."""

    name: str
    about: str
    """What kind of score it is, in words."""
    edges: tuple[float, ...]
    """Of the bins, rising; a document beyond the ends is in the outermost bin."""
    log: bool
    """Whether the bins are equal in the logarithm."""
    sources: tuple[ScoredSource, ...]
    domain_lower: float | None = None
    """How often a domain document scores below a general one, ties half; None without both."""
    note: str = ""
    """What the reader must know before believing the score."""


@dataclass(frozen=True, kw_only=True)
class LabelledSource:
    """The labels of one source's documents that may be trained on."""

    name: str
    role: str
    unlabelled: int
    counts: tuple[int, ...]
    """Documents with each of the score's labels."""
    selections: tuple[SelectedContent, ...] = ()
    """Those with quotas by these labels."""


@dataclass(frozen=True, kw_only=True)
class ClassifierContent:
    """How good a topic classifier was on labels that it did not learn from."""

    topics: tuple[str, ...]
    labels: int
    """Documents with a label in all."""
    held_out: int
    accuracy: float
    majority: float
    """Accuracy of always answering the most frequent topic."""
    macro_f1: float
    mean_confidence: float
    confusion: tuple[tuple[int, ...], ...]
    """Row: the label's topic; column: the topic it was taken for."""


@dataclass(frozen=True, kw_only=True)
class LabelContent:
    """A score that is a label, such as a topic or a language."""

    name: str
    about: str
    labels: tuple[str, ...]
    """The most frequent first."""
    others: int
    """How many further labels are counted together, last; 0 when all are shown."""
    sources: tuple[LabelledSource, ...]
    classifier: ClassifierContent | None = None
