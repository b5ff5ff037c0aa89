"""Reasons: why a document was, or was not, selected, in one plain sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gapless.recipe.fields import Part
from gapless.recipe.selections import (
    BandSelection,
    Budgeted,
    CombinedSelection,
    RandomSelection,
    Scored,
    ScoreSelection,
    Selection,
    SoftSelection,
    ThresholdSelection,
)
from gapless.selection.choice import Choice, Portion
from gapless.selection.pool import Pool
from gapless.selection.rankings import in_band
from gapless.selection.scores import ScoredDocuments, read_scores, standardised, weighted_sum


def describe(selection: Selection | None) -> str:
    """Return what a selection asks for: ``"the lowest perplexity, to 400,000 tokens"``."""
    if selection is None:
        return "every eligible document"
    what, _ = WORDS[type(selection)]
    text = what(selection)
    if isinstance(selection, Scored) and selection.control:
        text = f"at random, the control of {text}"
    if isinstance(selection, Budgeted):
        text = f"{text}, to {selection.tokens:,} tokens"
        if selection.quotas is not None:
            text = f"{text} divided by {selection.quotas.column}"
    return text


def explain(selection: Selection | None, pool: Pool, choice: Choice, document: int) -> str:
    """Return why a document is in ``choice`` or not; ``choice`` is that of the selection and pool.

    Takes time in proportion to the number of documents: nothing is sorted again.
    """
    selected = bool(np.any(choice.documents == document))
    why = _why(selection, _Case(pool, choice, document, selected))
    return f"{'selected' if selected else 'not selected'}: {why}"


@dataclass(frozen=True)
class _Case:
    """One document before a choice."""

    pool: Pool
    choice: Choice
    document: int
    selected: bool
    label: str | None = None
    """Its label, where the selection has quotas."""
    column: str = ""
    """The column that label is from."""

    @property
    def portion(self) -> Portion:
        """The part of the choice that it stood for."""
        return self.choice.portion(self.label)

    @property
    def budget(self) -> str:
        """The budget it stood for, in words."""
        whose = "the budget" if self.label is None else "its quota"
        assert self.portion.budget is not None
        return f"{whose} of {self.portion.budget:,} tokens"

    @property
    def candidates(self) -> str:
        """The documents that it stood among, in words."""
        label = "" if self.label is None else f" with {self.column} {self.label!r}"
        return f"{self.portion.candidates:,}{label}"

    @property
    def lot(self) -> str:
        """What a random draw did with it, in words."""
        one = "one" if self.selected else "not one"
        drawn = f"{self.portion.documents:,} drawn at random"
        return f"{one} of the {drawn} from {self.candidates}, to {self.budget}"

    def place(self, what: str, values: np.ndarray, scores: ScoredDocuments, keep: str) -> str:
        """Return where it stands among the candidates by ``values``, and where the budget ends."""
        own = values[self.index(scores)]
        ahead = values > own if keep == "highest" else values < own
        ahead |= (values == own) & (scores.documents < self.document)
        if self.label is not None:
            codes = self.pool.label_codes(self.column, [self.label])
            ahead &= codes[scores.documents] == 0
        place, last = np.count_nonzero(ahead) + 1, self.portion.documents
        return (
            f"{_ordinal(int(place))} {keep} {what} ({own:.6g}) of {self.candidates}; "
            f"{self.budget} ends at the {_ordinal(last)} ({self.portion.cut:.6g})"
        )

    def index(self, scores: ScoredDocuments) -> int:
        """Return where it stands among the scored documents."""
        return int(np.searchsorted(scores.documents, self.document))


def _why(selection: Selection | None, case: _Case) -> str:
    pool, document = case.pool, case.document
    if not pool.eligible[document]:
        return "not eligible"
    if selection is None:
        return "the source has no selection, so every eligible document is in"
    scores = None
    if not isinstance(selection, RandomSelection):
        scores = read_scores(selection, pool)
        if not np.isin(document, scores.documents, assume_unique=True):
            return _without_score(selection, case)
    if isinstance(selection, Budgeted) and selection.quotas is not None:
        column = selection.quotas.column
        label = pool.columns[column][document]
        if label not in {portion.label for portion in case.choice.portions} - {None}:
            return f"no share of the budget is for its {column}, {label!r}"
        case = replace(case, label=str(label), column=column)
    if isinstance(selection, Scored) and selection.control:
        what, _ = WORDS[type(selection)]
        return f"{case.lot}: the control of {what(selection)}"
    _, reason = WORDS[type(selection)]
    return reason(selection, case, scores)


def _without_score(selection: Selection, case: _Case) -> str:
    quotas = selection.quotas if isinstance(selection, Budgeted) else None
    columns = selection.columns if quotas is None else selection.columns[:-1]
    lacking = " and ".join(dict.fromkeys(map(repr, columns)))
    return (
        f"it has no number in {lacking}; {case.choice.unscored:,} of {case.choice.eligible:,} "
        "eligible documents are left out for that"
    )


def _random(_: RandomSelection, case: _Case, __: None) -> str:
    return case.lot


def _score(selection: ScoreSelection, case: _Case, scores: ScoredDocuments) -> str:
    return case.place(selection.column, scores.values[0], scores, selection.keep)


def _band(selection: BandSelection, case: _Case, scores: ScoredDocuments) -> str:
    (values,) = scores.values
    lengths = case.pool.lengths[scores.documents]
    own, total = values[case.index(scores)], int(lengths.sum())
    ahead = (values < own) | ((values == own) & (scores.documents < case.document))
    before = int(lengths[ahead].sum())
    stands = f"its {selection.column} ({own:.6g}) stands at {before / total:.6g} of the tokens"
    band = f"the band from {selection.low:.6g} to {selection.high:.6g}"
    if not in_band(selection, before, total):
        return f"{stands}, outside {band}"
    return f"{stands}, inside {band}; {case.lot}"


def _threshold(selection: ThresholdSelection, case: _Case, scores: ScoredDocuments) -> str:
    own = scores.values[0][case.index(scores)]
    within = "within" if case.selected else "outside"
    return f"its {selection.column} ({own:.6g}) is {within} the limits: {_limits(selection)}"


def _soft(selection: SoftSelection, case: _Case, scores: ScoredDocuments) -> str:
    (values,) = scores.values
    own = values[case.index(scores)]
    sign = 1 if selection.keep == "highest" else -1
    quality = sign * standardised(values)[case.index(scores)]
    return (
        f"{case.lot}, in proportion to exp(z / {selection.temperature:.6g}); its z is "
        f"{quality:.3g}, as its {selection.column} is {own:.6g}"
    )


def _combined(selection: CombinedSelection, case: _Case, scores: ScoredDocuments) -> str:
    names = _sum_of(selection)
    return case.place(names, weighted_sum(selection, scores), scores, "highest")


def _limits(selection: ThresholdSelection) -> str:
    limits = {"at least": selection.at_least, "at most": selection.at_most}
    return " and ".join(f"{name} {x:.6g}" for name, x in limits.items() if x is not None)


def _sum_of(selection: CombinedSelection) -> str:
    return f"weighted sum of {', '.join(score.column for score in selection.scores)}"


def _ordinal(number: int) -> str:
    teen = 10 <= number % 100 < 20
    ending = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


_NEAR = {"lowest": "lower", "highest": "higher"}

WORDS: Mapping[type[Part], tuple[Callable[[Any], str], Callable[[Any, _Case, Any], str]]] = {
    RandomSelection: (lambda _: "at random", _random),
    ScoreSelection: (lambda s: f"the {s.keep} {s.column}", _score),
    BandSelection: (
        lambda s: f"{s.column} from quantile {s.low:.6g} to {s.high:.6g}, at random",
        _band,
    ),
    ThresholdSelection: (lambda s: f"{s.column} {_limits(s)}", _threshold),
    SoftSelection: (
        lambda s: f"at random, the likelier the {_NEAR[s.keep]} {s.column}",
        _soft,
    ),
    CombinedSelection: (lambda s: f"the highest {_sum_of(s)}", _combined),
}
"""Type of selection to what it asks for, and to why it took or left one scored document."""
