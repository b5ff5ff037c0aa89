"""Checks of syntheses: what a language model is to write, from which sources."""

from collections.abc import Iterator

from gapless.recipe.mistakes import Mistake, nearest, no_source
from gapless.recipe.places import Path
from gapless.recipe.schema import SYNTHESIS, Recipe
from gapless.recipe.scores import gives_labels
from gapless.recipe.syntheses import CodeQA, Labels, ScienceQA, Synthesis


def check_syntheses(recipe: Recipe) -> list[Mistake]:
    """Return every mistake in what a recipe has written, and in where that goes."""
    return [
        *_paths(recipe),
        *(each for name in recipe.synthesis for each in _seeds(name, recipe)),
    ]


def _paths(recipe: Recipe) -> Iterator[Mistake]:
    for name, source in recipe.sources.items():
        path: Path = ("sources", name, "path")
        if not isinstance(source.path, str):
            for number, part in enumerate(source.path):
                if part.startswith(SYNTHESIS):
                    what = "what a language model writes is a source of its own"
                    yield Mistake((*path, number), what, f"Give {part!r} as the only path.")
            continue
        wanted = recipe.synthesis_of(name)
        if wanted is not None and wanted not in recipe.synthesis:
            mend = nearest(wanted, recipe.synthesis, kind="Syntheses")
            mend = mend or "Say what is to be written under `synthesis`."
            yield Mistake(path, f"there is no synthesis {wanted!r}", mend)


def seed_sources(synthesis: Synthesis) -> tuple[str, ...]:
    """Return the sources that a synthesis takes its seeds from."""
    return () if isinstance(synthesis.form, CodeQA) else synthesis.form.seeds.sources


def _seeds(name: str, recipe: Recipe) -> Iterator[Mistake]:
    form, path = recipe.synthesis[name].form, ("synthesis", name, "form")
    if isinstance(form, CodeQA):
        return
    for number, source in enumerate(form.seeds.sources):
        place: Path = (*path, "seeds", "sources", number)
        if source not in recipe.sources:
            yield no_source(place, source, list(recipe.sources))
        elif recipe.synthesis_of(source) is not None:
            what = f"{source!r} is written by a language model itself"
            yield Mistake(place, what, "Take seeds from text that people wrote.")
    if isinstance(form, ScienceQA) and isinstance(form.by, Labels):
        yield from _labels((*path, "by", "score"), form, recipe)


def _labels(path: Path, form: ScienceQA, recipe: Recipe) -> Iterator[Mistake]:
    assert isinstance(form.by, Labels)
    known = [name for name, score in recipe.scores.items() if gives_labels(score)]
    if form.by.score not in known:
        what = f"there is no score of labels {form.by.score!r}"
        mend = nearest(form.by.score, known, kind="Scores of labels")
        yield Mistake(path, what, mend or "Compute one under `scores`, such as a topic.")
        return
    scored = recipe.scored_sources(recipe.scores[form.by.score])
    for source in form.seeds.sources:
        if source in recipe.sources and source not in scored:
            what = f"source {source!r} does not get the score {form.by.score!r}"
            yield Mistake(path, what, f"Name it in scores.{form.by.score}.sources.")
