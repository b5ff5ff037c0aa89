"""What a plan takes a recipe's sources and model to be while they are not there."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gapless.errors import AssetError, DataError
from gapless.recipe import Recipe
from gapless.recipe.schema import Source
from gapless.units import format_tokens
from gapless.workflow import data
from gapless.workflow.stage import Workplace, locate

if TYPE_CHECKING:
    from gapless.corpus import SourceFile
    from gapless.workflow.synthesis import Writing
    from gapless.workflow.tree import Tree


def assumes_anything(recipe: Recipe) -> bool:
    """Whether a recipe says what to go by where something is not there."""
    sources = any(source.assumed_tokens is not None for source in recipe.sources.values())
    return sources or getattr(recipe.model, "assumed", None) is not None


def files_or_assumed(
    recipe: Recipe, place: Workplace
) -> tuple[dict[str, list[SourceFile]], dict[str, int]]:
    """Return the files of every source that people wrote, and the tokens of those without any.

    Raises:
        DataError: files are not there, or cannot be read, and nothing stands for them.
        AssetError: likewise.

    """
    files: dict[str, list[SourceFile]] = {}
    assumed: dict[str, int] = {}
    for name, source in recipe.sources.items():
        if recipe.synthesis_of(name) is not None:
            continue
        if source.assumed_tokens is not None and _is_elsewhere(name, source, place):
            files[name], assumed[name] = [], source.assumed_tokens
            continue
        try:
            files[name] = data.files_of(source, place)
        except (AssetError, DataError) as error:
            if source.assumed_tokens is None or not _is_absent(source, place):
                raise
            if not place.assumes:
                mend = "`gapless plan` goes on without it, by its assumed_tokens."
                mend = f"{error.mend} {mend}" if error.mend else mend
                raise type(error)(error.what, where=error.where, mend=mend) from error
            files[name], assumed[name] = [], source.assumed_tokens
    return files, assumed


def unwritten(recipe: Recipe, syntheses: Mapping[str, Writing], place: Workplace) -> dict[str, int]:
    """Return the tokens assumed of sources that a language model has not written yet."""
    if not place.assumes:
        return {}
    return {
        name: source.assumed_tokens
        for name, source in recipe.sources.items()
        if source.assumed_tokens is not None
        and (made := recipe.synthesis_of(name)) is not None
        and not syntheses[made].stage.is_done()
    }


def assumption_notes(tree: Tree) -> Iterator[str]:
    """Say what a plan assumes, and which files it goes on without."""
    told = [f"{name} ({format_tokens(tokens)} tokens)" for name, tokens in tree.assumed.items()]
    if tree.model.assumed is not None:
        architecture = tree.model.assumed.architecture
        size = format_tokens(tree.model.facts().parameters)
        told.append(f"the model ({architecture}, {size} parameters)")
    if told:
        names = ", ".join(told)
        yield f"Not there, so assumed as the recipe says: {names}. A run needs it all."
    if tree.place.absent:
        files = ", ".join(f"{where} ({file})" for where, file in tree.place.absent.items())
        yield f"Not there yet, and nothing to plan with: {files}. A run needs it."


def _is_elsewhere(name: str, source: Source, place: Workplace) -> bool:
    """Whether a plan need not ask the network for a source: no run has prepared any of it."""
    paths = [source.path] if isinstance(source.path, str) else source.path
    prepared = any(place.root.glob(f"{data.DOCUMENTS}.{name}-*"))
    return place.assumes and not prepared and any("://" in path for path in paths)


def _is_absent(source: Source, place: Workplace) -> bool:
    """Whether a path of a source leads to nothing; an address that cannot be asked is none."""
    paths = [source.path] if isinstance(source.path, str) else source.path
    return any("://" in path or not _leads_somewhere(path, place) for path in paths)


def _leads_somewhere(path: str, place: Workplace) -> bool:
    try:
        found = locate(path, place.recipe_dir)
    except AssetError:
        return False
    if found.is_dir():
        return any(found.iterdir())
    return found.exists() or any(glob.iglob(str(found), recursive=True))  # noqa: PTH207
