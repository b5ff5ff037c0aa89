"""What a person should know before a run: what it cannot measure, and what it will not see."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gapless.recipe import Recipe
from gapless.recipe.curricula import Curriculum, Labels
from gapless.records.stretches import Draw
from gapless.records.token_store import TokenStore
from gapless.strata import source_of
from gapless.workflow.order import curriculum_strata, rounds_of
from gapless.workflow.order_words import curriculum_words
from gapless.workflow.planned_rows import planned_stretches
from gapless.workflow.tree import Tree

_SHOWN_SOURCES = 3


def run_warnings(tree: Tree, *, exact: bool) -> Iterator[str]:
    """Give what concerns the whole run; ``exact``: whether its text is counted."""
    if not exact:
        yield (
            "Some sources are not tokenised yet: their token counts, and budgets in epochs, are "
            "estimates from their size. `gapless plan --exact` prepares them and counts."
        )
    if tree.contamination is None:
        yield (
            "Evaluation items will not be looked for in the training text; `run` asks for "
            "--allow-contamination."
        )
    general = [name for name, s in tree.recipe.sources.items() if s.role == "general"]
    if not general:
        yield "No general source: what the model forgets will not be measured."
    elif not any(tree.recipe.sources[name].held_out > 0 for name in general):
        yield "No general source holds anything out: forgetting will not be measured."


def order_warnings(tree: Tree, settled: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Give what concerns the order of some arms; ``settled``: arm to the facts of its order."""
    found: dict[str, list[str]] = {}
    for name, facts in settled.items():
        recipe = tree.arms[name].recipe
        found_here = (*_unreached(recipe, facts), *_unscored(recipe, facts), *_cut(recipe, tree))
        for text in found_here:
            found.setdefault(text, []).append(name)
    for text, names in found.items():
        if len(settled) == 1:
            yield f"{text[0].upper()}{text[1:]}."
        else:
            yield f"Arm{'s' * (len(names) > 1)} {', '.join(names)}: {text}."


def _unreached(recipe: Recipe, facts: Mapping[str, Any]) -> Iterator[str]:
    """Say of which sources a curriculum does not come to the end in its phase."""
    if recipe.training.decay_from is not None:
        return  # it ends before its phases do because it is asked to
    planned = rounds_of(recipe, facts).phases
    for number, (came, phase) in enumerate(
        zip(_reached(recipe, facts), recipe.order.phases, strict=True)
    ):
        if phase.curriculum is None:
            continue
        led = curriculum_strata(phase.curriculum, list(came))
        by_source: dict[str, list[tuple[int, int]]] = {}
        for name in led:
            by_source.setdefault(source_of(name), []).append(came[name])
        reached = {
            source: sum(way for way, _ in ways) / sum(whole for _, whole in ways)
            for source, ways in by_source.items()
        }
        later = {source_of(name) for each in planned[number + 1 :] for name in each.strata}
        for rest, sources in (
            ("the rest is not seen", reached.keys() - later),
            ("the rest is left to later phases", reached.keys() & later),
        ):
            short = {name: reached[name] for name in sources if reached[name] < 1}
            if short:
                how = _how(phase.curriculum)
                yield f"phase {number + 1} reaches {_listed(short)} {how}: {rest}"


def _reached(recipe: Recipe, facts: Mapping[str, Any]) -> Iterator[dict[str, tuple[int, int]]]:
    """Yield for every phase: stratum to the tokens that it reaches, of those its epoch has left."""
    context, sizes = recipe.order.context, facts["strata_tokens"]
    used = dict.fromkeys(sizes, 0)
    for phase in rounds_of(recipe, facts).phases:
        drawn: dict[str, list[tuple[int, Draw | None]]] = {}
        for rows, draws in planned_stretches(phase, phase.num_rows):
            for name, count in rows.items():
                drawn.setdefault(name, []).append((count * context, draws.get(name)))
        came = {}
        for name, parts in drawn.items():
            begin, furthest, used[name] = _way(sizes[name], used[name], parts)
            if sizes[name] - furthest < 2 * context:
                furthest = sizes[name]  # budgets and shares are rounded to rows
            came[name] = (furthest - begin, sizes[name] - begin)
        yield came


def _way(size: int, used: int, drawn: Sequence[tuple[int, Draw | None]]) -> tuple[int, int, int]:
    """Follow a phase through a stratum of ``size`` tokens.

    Args:
        size: of the stratum, in tokens.
        used: tokens of the epoch under way that phases before used up.
        drawn: tokens of each of the phase's stretches, and how they are drawn.

    Returns:
        Where in an epoch the phase begins, how far in it it comes, and where it stops.

    """
    begin = 0 if drawn[0][1] == "fresh" else used
    at = furthest = begin
    for tokens, draw in drawn:
        if draw != "again":
            at = tokens if draw == "fresh" else at + tokens
            furthest = max(furthest, at)
    return begin, min(furthest, size), at % size


def _listed(reached: Mapping[str, float]) -> str:
    """Return ``"61 % of web, 70 % of books"``: the sources that are reached least."""
    short = sorted((share, name) for name, share in reached.items())
    parts = [f"{100 * min(share, 0.999):.3g} % of {name}" for share, name in short[:_SHOWN_SOURCES]]
    more = len(short) - len(parts)
    return ", ".join(parts) + (f" and less than all of {more:,} more" if more else "")


def _how(curriculum: Curriculum) -> str:
    return curriculum_words(curriculum.model_copy(update={"sources": (), "across": False}))


def _cut(recipe: Recipe, tree: Tree) -> Iterator[str]:
    """Say which conversations do not stay whole in their rows."""
    context = recipe.order.context
    for name, source in recipe.trained_sources.items():
        if source.chat is None:
            continue
        if recipe.order.packing == "cut":
            yield (
                f"conversations of {name} are cut where rows end: `order.packing: best_fit` keeps "
                "them whole"
            )
        tokens = tree.pools[name].tokens
        if tokens.is_done():
            store = TokenStore.open(tokens.path)
            lengths = store.lengths[~store.held_out]
            long = int((lengths > context).sum())
            if long:
                yield (
                    f"{long:,} of {len(lengths):,} conversations of {name} are longer than "
                    f"order.context ({context:,} tokens): they are split, and what follows a "
                    "border is learned without what stands before it"
                )


def _unscored(recipe: Recipe, facts: Mapping[str, Any]) -> Iterator[str]:
    """Say which sources have documents that a curriculum has no place for."""
    counts: dict[str, int] = {}
    for name, count in facts.get("unscored", {}).items():
        counts[source_of(name)] = counts.get(source_of(name), 0) + count
    for source, count in list(counts.items())[:_SHOWN_SOURCES]:
        curricula = [
            phase.curriculum
            for phase in recipe.order.phases
            if phase.curriculum is not None
            and (not phase.curriculum.sources or source in phase.curriculum.sources)
        ]
        columns = " or ".join(dict.fromkeys(curriculum.column for curriculum in curricula))
        what = "listed label" if any(isinstance(c, Labels) for c in curricula) else "score"
        documents = "1 document" if count == 1 else f"{count:,} documents"
        yield f"{documents} of {source} without a {what} in {columns}: they come last"
    if len(counts) > _SHOWN_SOURCES:
        yield f"{len(counts) - _SHOWN_SOURCES:,} more sources have documents that come last"
