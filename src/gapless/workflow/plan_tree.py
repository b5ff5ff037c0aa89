"""The mixture of every arm as a tree: arm, phase, role or group, source, label."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from math import fsum

from gapless.recipe import Recipe
from gapless.recipe.mixtures import Groups, Reacting
from gapless.recipe.schema import Phase
from gapless.records.fingerprint import of_value
from gapless.records.views import PlanMixtureRow, PlanNode
from gapless.strata import source_of
from gapless.workflow.order_words import budget_words, curriculum_words, mixture_words
from gapless.workflow.stage import Stage
from gapless.workflow.tree_arms import ArmStages

_SHOWN_SOURCES = 12
"""Of one role or group."""
_SHOWN_LABELS = 5
"""Of one source."""
_NAMED = 3
"""Of the sources that a mixture or a curriculum is for."""
_MOVES = "moves with measurements: shares are those of the start"


def mixture_tree(
    arms: Mapping[str, ArmStages], tokens: Mapping[str, Stage], rows: Iterable[PlanMixtureRow]
) -> tuple[PlanNode, ...]:
    """Return a tree for every arm; of arms that see the same, the first one's is drawn.

    Args:
        arms: the recipe's.
        tokens: source to the stage that its documents come from.
        rows: what every stratum gives to every phase of every arm, arm by arm, phase by phase.

    """
    trees: list[PlanNode] = []
    drawn: dict[tuple[str, int], str] = {}
    for name, own in groupby(rows, lambda row: row.arm):
        order, trunk = arms[name].order, arms[name].trunk
        phases = _phases(arms[name].recipe, tokens, list(own))
        node = _whole(name, "", phases)
        if trunk is not None:
            node = replace(node, detail=f"as {trunk}, to token {node.tokens:,}", children=())
        elif (first := drawn.setdefault((_what_is_seen(order), node.tokens), name)) != name:
            node = replace(node, detail=f"as {first}", children=())
        trees.append(replace(node, fingerprint=order.fingerprint[:7]))
    return tuple(trees)


def _what_is_seen(order: Stage) -> str:
    """Return what two arms' orders have in common when they are the same; names are not in it."""
    inputs = {name: stage.fingerprint for name, stage in order.inputs.items()}
    return of_value([order.version, order.part, inputs])


def _phases(
    recipe: Recipe, tokens: Mapping[str, Stage], rows: Sequence[PlanMixtureRow]
) -> list[PlanNode]:
    phases, start = [], 0
    for number, own in groupby(rows, lambda row: row.phase):
        given = list(own)
        end = start + sum(row.tokens for row in given)
        detail = "\n".join(_details(recipe, number, start, end))
        branches = _branches(recipe, number, tokens, given, changed=_is_changed(recipe, start, end))
        phases.append(_whole(f"phase {number + 1}", detail, list(branches)))
        start = end
    if recipe.training.decay_from is not None:
        ends = f"{phases[-1].detail}\nthe run ends here, at token {start:,}"
        phases[-1] = replace(phases[-1], detail=ends)
    return phases


def _details(recipe: Recipe, number: int, start: int, end: int) -> Iterator[str]:
    """Say what a phase is, and what happens to its mixture on the way."""
    phase = recipe.order.phases[number]
    mixture, curriculum = phase.mixture, phase.curriculum
    if isinstance(mixture, Reacting):
        mixture = mixture.model_copy(update={"sources": _few(mixture.sources)})
    yield f"{budget_words(phase)}, {mixture_words(mixture)}"
    if curriculum is not None:
        few = {"sources": _few(curriculum.sources)}
        yield curriculum_words(curriculum.model_copy(update=few))
    if phase.reuse:
        yield "drawing from all documents again"
    if isinstance(mixture, Reacting):
        yield _MOVES
    for change in recipe.order.changes:
        if start <= change.at < end:
            at = change.at // recipe.order.context * recipe.order.context
            yield f"from token {at:,}: {mixture_words(change.mixture)}"
    if _is_changed(recipe, start, end):
        yield "shares are those of the whole phase"


def _few(names: Sequence[str]) -> tuple[str, ...]:
    if len(names) <= _NAMED + 1:
        return tuple(names)
    return (*names[:_NAMED], f"{len(names) - _NAMED:,} more")


def _is_changed(recipe: Recipe, start: int, end: int) -> bool:
    return any(start <= change.at < end for change in recipe.order.changes)


def _branches(
    recipe: Recipe,
    number: int,
    tokens: Mapping[str, Stage],
    rows: Sequence[PlanMixtureRow],
    *,
    changed: bool,
) -> Iterator[PlanNode]:
    """Give a phase's roles, or the groups of its mixture, in the recipe's sequence."""
    groups = {} if changed else _groups(recipe.order.phases[number])
    named: dict[str, dict[str, list[PlanMixtureRow]]] = {}
    for row in rows:
        source = source_of(row.source)
        branch = groups.get(source, recipe.sources[source].role)
        named.setdefault(branch, {}).setdefault(source, []).append(row)
    for branch, sources in named.items():
        nodes = [_source(name, own, recipe.order.strata.get(name)) for name, own in sources.items()]
        shown = [
            replace(node, fingerprint=tokens[node.name].fingerprint[:7])
            if node.name in tokens
            else node
            for node in _largest(nodes, _SHOWN_SOURCES)
        ]
        yield replace(_together(branch, nodes), children=tuple(shown))


def _groups(phase: Phase) -> dict[str, str]:
    """Return source to the name of its group, or of its groups."""
    mixture = phase.mixture.start if isinstance(phase.mixture, Reacting) else phase.mixture
    found: dict[str, str] = {}
    if isinstance(mixture, Groups):
        for name, group in mixture.groups.items():
            for source in group.sources:
                found[source] = f"{found[source]} and {name}" if source in found else name
    return found


def _source(name: str, rows: Sequence[PlanMixtureRow], column: str | None) -> PlanNode:
    nodes = [
        PlanNode(
            name=row.source.partition("/")[2] or row.source,
            detail="",
            share=row.share,
            tokens=row.tokens,
            available_tokens=row.selected_tokens,
            repetition=row.repetition,
            fingerprint="",
            children=(),
        )
        for row in rows
    ]
    if [row.source for row in rows] == [name]:
        detail = "" if column is None else f"by {column}, once its labels are known"
        return replace(nodes[0], name=name, detail=detail)
    return replace(_together(name, nodes), children=_largest(nodes, _SHOWN_LABELS))


def _largest(nodes: Sequence[PlanNode], shown: int) -> tuple[PlanNode, ...]:
    """Return the nodes by size; of many the first, and one for the rest."""
    by_size = sorted(nodes, key=lambda node: -node.tokens)
    if len(by_size) <= shown + 1:
        return tuple(by_size)
    rest = by_size[shown:]
    smallest = min(node.share or 0.0 for node in rest)
    node = _together(f"... {len(rest):,} more", rest)
    return (*by_size[:shown], replace(node, detail=f"smallest share {100 * smallest:.2g} %"))


def _together(name: str, nodes: Sequence[PlanNode]) -> PlanNode:
    tokens = sum(node.tokens for node in nodes)
    available = sum(node.available_tokens or 0 for node in nodes)
    return PlanNode(
        name=name,
        detail="",
        share=fsum(node.share or 0.0 for node in nodes),
        tokens=tokens,
        available_tokens=available,
        repetition=tokens / available,
        fingerprint="",
        children=(),
    )


def _whole(name: str, detail: str, children: Sequence[PlanNode]) -> PlanNode:
    """Return an arm or a phase."""
    return PlanNode(
        name=name,
        detail=detail,
        share=None,
        tokens=sum(node.tokens for node in children),
        available_tokens=None,
        repetition=None,
        fingerprint="",
        children=tuple(children),
    )
