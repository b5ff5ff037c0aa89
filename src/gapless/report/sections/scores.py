"""The scores: how they lie over the sources, what was selected by them, texts along them."""

from dataclasses import dataclass

from gapless.report.content import Content
from gapless.report.histograms import arms_named, cut_text, histograms
from gapless.report.numbers import percent, short
from gapless.report.plots import Plot
from gapless.report.source_styles import source_styles
from gapless.report.templating import Section, fill
from gapless.report.text_content import (
    QUANTILES,
    ClassifierContent,
    LabelContent,
    LabelledSource,
    ScoreContent,
    ScoredExample,
    SelectedContent,
)

MAX_TOPICS = 24
"""A larger confusion matrix is not shown."""
_SHADES = 5
_NAMED = {0.0: "Least", 0.5: "Median", 1.0: "Most"}


@dataclass(frozen=True)
class Row:
    """A source, or what arms have selected from it, in the table of quantiles."""

    name: str
    style: str
    """The source's colour class; empty for a selection."""
    arm: int | None
    """The first arm of a selection."""
    note: str
    documents: int
    unscored: int | None
    quantiles: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """A text along the score."""

    content: ScoredExample
    place: str
    score: str
    arms: str


@dataclass(frozen=True)
class Score:
    """Everything about one score that is a number."""

    content: ScoreContent
    plot: Plot
    panels: list[Plot]
    separation: str
    rows: list[Row]
    examples: dict[str, list[Example]]
    """Source to its texts."""


@dataclass(frozen=True)
class LabelRow:
    """One label in one source."""

    label: str
    count: int
    share: str
    width: str
    """Of the bar, of 100."""
    taken: tuple[tuple[int, str], ...]
    """For each selection: documents, and the width of their bar."""


def build(content: Content) -> Section:
    """Make the charts and tables of every score."""
    arms = [arm.name for arm in content.arms]
    styles = source_styles(content)
    scores = [_score(score, styles, arms) for score in content.scores]
    html = fill(
        "scores",
        scores=scores,
        labels=[_label(label, arms) for label in content.labels],
        styles=styles,
        heads=[_NAMED.get(place, f"{100 * place:g} %") for place in QUANTILES],
        arms=arms,
        has_cuts=any(score.plot.spec["cuts"] for score in scores),
    )
    return Section("scores", "Scores", html)


def _score(score: ScoreContent, styles: dict[str, str], arms: list[str]) -> Score:
    plot, panels = histograms(score, styles=styles, arms=arms)
    rows = []
    for source in score.sources:
        shown = _shown(source.quantiles)
        style = styles[source.name]
        rows.append(Row(source.name, style, None, "", source.scored, source.unscored, shown))
        rows += [_selection_row(selection, arms) for selection in source.selections]
    examples = {
        source.name: [_example(example, arms) for example in source.examples]
        for source in score.sources
        if source.examples
    }
    return Score(score, plot, panels, _separation(score), rows, examples)


def _selection_row(selection: SelectedContent, arms: list[str]) -> Row:
    words = (selection.description, cut_text(selection), f"{short(selection.tokens)} tokens taken")
    first = next((arms.index(name) for name in selection.arms if name in arms), None)
    return Row(
        name=arms_named(selection.arms, arms),
        style="",
        arm=first,
        note="; ".join(filter(None, words)),
        documents=selection.documents,
        unscored=None,
        quantiles=_shown(selection.quantiles),
    )


def _shown(values: tuple[float, ...]) -> tuple[str, ...]:
    return tuple(short(value) for value in values) or tuple(short(None) for _ in QUANTILES)


def _example(example: ScoredExample, arms: list[str]) -> Example:
    chosen = ""
    if arms:
        chosen = "in " + arms_named(example.arms, arms) if example.arms else "in no arm"
    return Example(example, f"{100 * example.quantile:g} %", short(example.score), chosen)


def _separation(score: ScoreContent) -> str:
    """Say how far the score tells domain from general text."""
    if score.domain_lower is None:
        return ""
    return (
        "Take one domain document and one general document at random: the domain one has the "
        f"lower {score.name} in {percent(score.domain_lower)} of all such pairs (the area under "
        "the ROC curve; 50 % would be no separation, ties count half)."
    )


@dataclass(frozen=True)
class Labels:
    """Everything about one score that is a label."""

    content: LabelContent
    sources: list[tuple[LabelledSource, list[str], list[LabelRow]]]
    """Source, the selections' names, a row per label."""
    classifier: ClassifierContent | None
    matrix: list[list[tuple[int, str]]] | None
    """Count and shade of each pair of topics; None where there are too many."""


def _label(label: LabelContent, arms: list[str]) -> Labels:
    names = [*label.labels, *([f"{label.others} other labels"] if label.others else [])]
    sources = [
        (
            source,
            [arms_named(selection.arms, arms) for selection in source.selections],
            _label_rows(source, names),
        )
        for source in label.sources
    ]
    classifier = label.classifier
    small = classifier is not None and len(classifier.topics) <= MAX_TOPICS
    matrix = _shaded(classifier) if classifier is not None and small else None
    return Labels(label, sources, classifier, matrix)


def _label_rows(source: LabelledSource, names: list[str]) -> list[LabelRow]:
    total, longest = max(1, sum(source.counts)), max((*source.counts, 1))
    return [
        LabelRow(
            label=name,
            count=number,
            share=percent(number / total),
            width=f"{100 * number / longest:.2f}",
            taken=tuple(
                (selection.counts[place], f"{100 * selection.counts[place] / longest:.2f}")
                for selection in source.selections
            ),
        )
        for place, (name, number) in enumerate(zip(names, source.counts, strict=True))
    ]


def _shaded(classifier: ClassifierContent) -> list[list[tuple[int, str]]]:
    """Shade each count by its part of the row: h0 for none, up to h5 for all of it."""
    return [
        [(number, f"h{-(-number * _SHADES // max(1, sum(row)))}") for number in row]
        for row in classifier.confusion
    ]
