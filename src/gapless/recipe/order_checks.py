"""Checks of the order against the rest of a recipe: sources, columns, probes."""

from collections.abc import Iterator, Mapping

from gapless.recipe.curricula import Curriculum, Labels
from gapless.recipe.mistakes import Mistake, nearest, no_source
from gapless.recipe.mixtures import (
    DomainOnly,
    Groups,
    Mixture,
    PretrainingLike,
    Reacting,
    Replay,
    Shares,
    TargetFeedback,
    TopicFeedback,
)
from gapless.recipe.places import Path
from gapless.recipe.probes import Perplexity
from gapless.recipe.schema import Recipe
from gapless.recipe.scores import gives_labels
from gapless.strata import source_of

_CUTS = {"interleaved": "cycles", "buckets": "buckets"}


def check_order(recipe: Recipe) -> list[Mistake]:
    """Return every mistake of a recipe's order."""
    mistakes = list(_strata(recipe))
    for number, phase in enumerate(recipe.order.phases):
        path: Path = ("order", "phases", number)
        mistakes += _mixture((*path, "mixture"), phase.mixture, recipe)
        if phase.curriculum is not None:
            mistakes += _curriculum((*path, "curriculum"), phase.curriculum, recipe)
    for number, change in enumerate(recipe.order.changes):
        mistakes += _mixture(("order", "changes", number, "mixture"), change.mixture, recipe)
    return [*mistakes, *_changes(recipe)]


def _changes(recipe: Recipe) -> Iterator[Mistake]:
    places = [change.at for change in recipe.order.changes]
    if places != sorted(set(places)):
        yield Mistake(("order", "changes"), "changes must come one after the other, by `at`")


def _strata(recipe: Recipe) -> Iterator[Mistake]:
    for name, column in recipe.order.strata.items():
        path: Path = ("order", "strata", name)
        if name not in recipe.trained_sources:
            yield no_source(path, name, list(recipe.trained_sources))
        elif column not in _labels(recipe, name):
            what = f"source {name!r} has no column of labels {column!r}"
            mend = nearest(column, _labels(recipe, name), kind="Its columns of labels")
            yield Mistake(path, what, mend or "Compute one under `scores`, such as a topic.")


def _labels(recipe: Recipe, source: str) -> list[str]:
    return [
        name
        for name, score in recipe.scores.items()
        if gives_labels(score) and source in recipe.scored_sources(score)
    ]


def _mixture(path: Path, mixture: Mixture, recipe: Recipe) -> Iterator[Mistake]:
    general = [name for name, s in recipe.sources.items() if s.role == "general"]
    if isinstance(mixture, Reacting):
        yield from _mixture((*path, "start"), mixture.start, recipe)
        yield from _reacting(path, mixture, recipe)
    elif isinstance(mixture, Shares):
        yield from _named((*path, "shares"), mixture.shares, recipe)
    elif isinstance(mixture, Groups):
        for name, group in mixture.groups.items():
            yield from _named((*path, "groups", name, "sources"), group.sources, recipe)
    elif isinstance(mixture, PretrainingLike):
        for entry, name in mixture.sources.items():
            if name not in general:
                yield no_source((*path, "sources", entry), name, general, role="general ")
    elif isinstance(mixture, Replay):
        yield from _replay(path, mixture, general)
    untrained = recipe.model.type == "new"  # any other recipe needs a domain source anyway
    if untrained and isinstance(mixture, DomainOnly | PretrainingLike) and not _domain(recipe):
        yield Mistake(path, "the mixture gives domain text a share, and there is no domain source")


def _replay(path: Path, mixture: Replay, general: list[str]) -> Iterator[Mistake]:
    if mixture.general > 0 and not general:
        mend = "Give one source 'role: general', or take 'type: domain_only'."
        yield Mistake(path, "there is no general source to replay", mend)
        return
    for name in mixture.like or {}:
        if name not in general:
            yield no_source((*path, "like", name), name, general, role="general ")


def _domain(recipe: Recipe) -> list[str]:
    return [name for name, source in recipe.sources.items() if source.role == "domain"]


def _named(path: Path, table: Mapping[str, float], recipe: Recipe) -> Iterator[Mistake]:
    """Check names of sources, or of parts of sources in strata."""
    for name in table:
        source = source_of(name)
        if source not in recipe.trained_sources:
            yield no_source((*path, name), name, list(recipe.trained_sources))
        elif name != source and source not in recipe.order.strata:
            what = f"source {source!r} is not drawn by labels"
            yield Mistake((*path, name), what, f"Name its column in order.strata.{source}.")
        elif name != source and source in table:
            yield Mistake((*path, name), f"{source!r} has a share as a whole already")


def _reacting(path: Path, mixture: Reacting, recipe: Recipe) -> Iterator[Mistake]:
    by = {probe.by for probe in recipe.probing.probes if isinstance(probe, Perplexity)}
    for index, name in enumerate(mixture.sources):
        place: Path = (*path, "sources", index)
        if name not in recipe.trained_sources:
            yield no_source(place, name, list(recipe.trained_sources))
            continue
        column = recipe.order.strata.get(name)
        if column not in by:
            what = f"the perplexity of {name!r} is not measured"
            named = "" if column is None else f", by: {column}"
            mend = f"Add a probe {{type: perplexity{named}}} to probing.probes."
            yield Mistake(place, what if column is None else f"{what} by {column!r}", mend)
        elif recipe.sources[name].held_out == 0:
            what = f"source {name!r} holds nothing out to measure its perplexity on"
            yield Mistake(place, what, f"Set sources.{name}.held_out.")
    whole = [name for name in mixture.sources if name not in recipe.order.strata]
    if len(whole) == 1:
        what = f"the share of {whole[0]!r} has nothing to move against"
        mend = "Name two sources without labels, or its column of labels in order.strata."
        yield Mistake((*path, "sources"), what, mend)
    yield from _settings(path, mixture, whole)


def _settings(path: Path, mixture: Reacting, whole: list[str]) -> Iterator[Mistake]:
    """Check what a rule says of single topics: sources, or labels as SOURCE/LABEL."""
    if isinstance(mixture, TargetFeedback):
        yield from _of_topics((*path, "targets"), mixture.targets, mixture, whole)
        for name in whole:
            if name not in mixture.targets:
                yield Mistake((*path, "targets"), f"there is no target for {name!r}")
    if isinstance(mixture, TopicFeedback):
        yield from _of_topics((*path, "weights"), mixture.weights, mixture, whole)
    if isinstance(mixture, TopicFeedback) and mixture.clamp[0] > mixture.clamp[1]:
        yield Mistake((*path, "clamp"), "the smallest factor is above the largest")


def _of_topics(
    path: Path, table: Mapping[str, float], mixture: Reacting, whole: list[str]
) -> Iterator[Mistake]:
    has_labels = len(whole) < len(mixture.sources)
    for name in table:
        may_be_label = has_labels and source_of(name) == name
        if source_of(name) not in mixture.sources and not may_be_label:
            yield no_source((*path, name), name, list(mixture.sources))


def _curriculum(path: Path, curriculum: Curriculum, recipe: Recipe) -> Iterator[Mistake]:
    for index, name in enumerate(curriculum.sources):
        if name not in recipe.trained_sources:
            yield no_source((*path, "sources", index), name, list(recipe.trained_sources))
    if curriculum.type in {"interleaved", "buckets"} and curriculum.across:
        what = f"{_CUTS[curriculum.type]} are each source's own: they cannot go across sources"
        yield Mistake((*path, "across"), what, "Take 'across: false', or another type.")
    for name in curriculum.sources or tuple(recipe.trained_sources):
        if name not in recipe.trained_sources:
            continue
        labels = _labels(recipe, name)
        known = labels
        if not isinstance(curriculum, Labels):
            known = [column for column in recipe.columns_of(name) if column not in labels]
        if curriculum.column not in known:
            what = f"source {name!r} has no score {curriculum.column!r}"
            if curriculum.column in recipe.columns_of(name):
                wanted = "labels" if isinstance(curriculum, Labels) else "numbers"
                what = f"score {curriculum.column!r} of {name!r} does not hold {wanted}"
            mend = nearest(curriculum.column, known, kind="Its scores")
            if not curriculum.sources:
                mend = f"{mend} Or name the sources that have it in `sources`.".strip()
            yield Mistake((*path, "column"), what, mend)
            return
