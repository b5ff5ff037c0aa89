"""The trees of the command line, made to fit 80 columns."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from gapless.cli.tables import plain
from gapless.records.views import PlanNode, PlanStage
from gapless.units import format_tokens

_WIDTH = 80
_GUIDE = 4
"""Columns that each level of a tree is indented by."""
_GAP = 2
_NUMBERS = {"share": 6, "tokens": 6, "of\nselected": 8, "times\nseen": 5, "\nfrom": 7}
"""Heads of the columns beside the mixture's tree, and their widths."""
_NAMES = _WIDTH - sum(width + _GAP for width in _NUMBERS.values())


def stages(shown: Sequence[PlanStage]) -> Tree:
    """Draw the stages, those of one kind under one branch; ``kind.subject`` is a stage's name."""
    done = sum(stage.done for stage in shown)
    tree = Tree(f"{done} of {len(shown)} stages done")
    for kind, group in groupby(shown, lambda stage: stage.name.partition(".")[0]):
        members = list(group)
        if len(members) == 1 and members[0].name == kind:
            tree.add(_stage(members[0], kind))
            continue
        branch = tree.add(kind)
        for stage in members:
            branch.add(_stage(stage, stage.name.partition(".")[2]))
    return tree


def mixture(arms: Sequence[PlanNode]) -> Iterator[RenderableType]:
    """Draw what every arm sees: a head, then a tree for each."""
    heads = [Text(head if "\n" in head else f"\n{head}", style="bold") for head in _NUMBERS]
    yield _beside(0, Text("Mixture\n", style="bold"), heads)
    for arm in arms:
        tree = Tree(_node(arm, 0))
        _grow(tree, arm, 1)
        yield tree


def _grow(branch: Tree, node: PlanNode, depth: int) -> None:
    for child in node.children:
        _grow(branch.add(_node(child, depth)), child, depth + 1)


def _node(node: PlanNode, depth: int) -> RenderableType:
    """Return a node's line; its detail stands below, or behind a leaf's name where it fits."""
    cells = [
        "" if node.share is None else _share(node.share),
        format_tokens(node.tokens),
        "" if node.available_tokens is None else format_tokens(node.available_tokens),
        "" if node.repetition is None else _times(node.repetition),
        node.fingerprint,
    ]
    name, detail = Text(plain(node.name)), Text(plain(node.detail), style="dim")
    numbers = [Text(cell) for cell in cells]
    if not node.detail:
        return _beside(depth, name, numbers)
    length = cell_len(node.name) + _GAP + cell_len(node.detail)
    if not node.children and length <= _NAMES - _GUIDE * depth:
        return _beside(depth, Text.assemble(name, " " * _GAP, detail), numbers)
    return Group(_beside(depth, name, numbers), Padding(detail, (0, 0, 0, _GAP)))


def _beside(depth: int, name: Text, numbers: Sequence[Text]) -> Table:
    """Return a name and its numbers, in the columns that every level has."""
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(width=_NAMES - _GUIDE * depth, overflow="fold")
    for width in _NUMBERS.values():
        grid.add_column(width=width, justify="right", no_wrap=True, overflow="fold")
    grid.add_row(name, *numbers)
    return grid


def _share(share: float) -> str:
    """Return a share in six letters at most."""
    return f"{share:.1%}" if share >= 0.0005 else f"{100 * share:.0e}%"


def _times(repetition: float) -> str:
    return f"{repetition:.2f}" if repetition < 99.995 else f"{repetition:.0f}"


def _stage(stage: PlanStage, name: str) -> Text:
    mark = ("done     ", "green") if stage.done else ("to do    ", "yellow")
    return Text.assemble(mark, plain(name), "  ", (plain(stage.detail), "dim"))
