"""Whose a measurement is: names of measured probes, and the recipe's probes that they come from.

A probe of the recipe can be many measurements: one per source, per topic, per task of a suite. How
often it is asked and what it costs are said of it as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.recipe import Recipe
from gapless.recipe.probes import BitsPerByte, Harness, MultipleChoice, Perplexity, Probe, Task
from gapless.recipe.scores import Language, Score, Topic
from gapless.workflow.tasks import task_owners

if TYPE_CHECKING:
    from gapless.evaluation import ProbeItems


def probe_names(recipe: Recipe) -> list[str]:
    """Return what each probe of the recipe is called in a sentence: no two alike."""
    names, seen = [], Counter[str]()
    for probe in recipe.probing.probes:
        name = _name(probe)
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def _name(probe: Probe) -> str:
    match probe:
        case BitsPerByte():
            return "bits_per_byte"
        case Perplexity():
            return "perplexity" if probe.by is None else f"perplexity by {probe.by}"
        case Task():
            return Path(probe.path).name
        case Harness():
            tasks = [each if isinstance(each, str) else each.task for each in probe.tasks]
            named = tasks if probe.suite is None else [str(probe.suite), *tasks]
            return named[0] if len(named) == 1 else f"{named[0]} and {len(named) - 1} more"
    return probe.name


def owners(
    recipe: Recipe, recipe_dir: Path, probes: Iterable[ProbeItems]
) -> dict[str, tuple[int, ...]]:
    """Return measured probe to the places, in ``probing.probes``, of what it may come from.

    Several only where two perplexities go by labels of one source that nobody can tell apart.
    Tasks of the harness are not among them.
    """
    numbers = task_owners(recipe, recipe_dir)
    losses = 0
    for number, probe in enumerate(recipe.probing.probes):
        if isinstance(probe, MultipleChoice):
            numbers[probe.name] = number
        elif isinstance(probe, BitsPerByte):
            losses = number
    found: dict[str, tuple[int, ...]] = {}
    for measured in probes:
        match measured.kind:
            case "perplexity":
                found[measured.name] = tuple(_perplexities(recipe, measured.name))
            case "bits_per_byte":
                found[measured.name] = (losses,)
            case _:
                found[measured.name] = (numbers[measured.name],)
    return found


def labels_of(score: Score) -> tuple[str, ...]:
    """Return the labels that a score gives; none where only the documents can tell."""
    if isinstance(score, Topic):
        return tuple(score.topics)
    return tuple(score.among or ()) if isinstance(score, Language) else ()


def _perplexities(recipe: Recipe, name: str) -> Iterator[int]:
    """Give the perplexities that a measurement ``SOURCE/LABEL`` may be of."""
    source, _, label = name.partition("/")
    is_first_whole = True
    for number, probe in enumerate(recipe.probing.probes):
        if not isinstance(probe, Perplexity):
            continue
        score = recipe.scores.get(probe.by or "")
        if score is None or source not in recipe.scored_sources(score):
            if is_first_whole and label == "all":
                yield number
            is_first_whole = False
        elif label in (labels_of(score) or (label,)):
            yield number
