"""Recipes from YAML files and from plain data; every mistake in one message."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gapless.errors import RecipeError
from gapless.recipe import overrides as set_values
from gapless.recipe import yaml_lines
from gapless.recipe.arm_merge import check_arms
from gapless.recipe.checks import check
from gapless.recipe.encode import dump
from gapless.recipe.mistakes import loose_numbers, refuse, shown, translate
from gapless.recipe.places import Origins
from gapless.recipe.schema import Recipe
from gapless.recipe.variants import check_variants, choose

__all__ = ["decode", "dump", "load"]


def load(path: Path, overrides: Sequence[str] = (), *, variants: Sequence[str] = ()) -> Recipe:
    """Read a recipe file, choose ``variants`` of it and apply overrides, each in the order given.

    An override is such as ``training.learning_rate=1e-4``.

    Raises:
        RecipeError: the file or an override is wrong; the message lists every mistake.

    """
    tree, origins = yaml_lines.read(text_of(path), str(path))
    if tree is None:
        raise RecipeError(
            "the file is empty", where=str(path), mend="`gapless init DIR` writes one."
        )
    return _decode(tree, origins, overrides, variants)


def decode(tree: dict[str, Any], *, where: str = "recipe") -> Recipe:
    """Return the recipe that plain data describes; ``where`` names the data in messages.

    Raises:
        RecipeError: the data is no recipe; the message lists every mistake.

    """
    return _decode(tree, Origins(where))


def _decode(
    tree: object, origins: Origins, overrides: Sequence[str] = (), variants: Sequence[str] = ()
) -> Recipe:
    if not isinstance(tree, dict):
        raise RecipeError(
            f"a recipe is a mapping of settings, not {shown(tree)}", where=origins.whole
        )
    if wrong := check_variants(tree):
        refuse(wrong, origins)
    tree = choose(tree, origins, variants)
    set_values.apply(tree, origins, overrides)
    loose = loose_numbers(tree)
    try:
        recipe = Recipe.model_validate(tree)
    except ValidationError as error:
        known = {each.path for each in loose}
        refuse(loose + [e for e in translate(error, tree) if e.path not in known], origins)
    mistakes = loose or check(recipe) or check_arms(recipe)
    if mistakes:
        refuse(mistakes, origins)
    # Chosen or not, they end here: one that is added later changes no run and no fingerprint.
    return recipe.model_copy(update={"variants": {}})


def text_of(path: Path) -> str:
    """Return the text of a recipe's file; one that cannot be read is a `RecipeError`."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError("there is no such file", where=str(path), mend=_neighbour(path)) from None
    except IsADirectoryError:
        mend = _neighbour(path / "recipe.yaml") or "Give the recipe's file."
        raise RecipeError("this is a folder, not a recipe", where=str(path), mend=mend) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise RecipeError("the text is not UTF-8", where=f"{path}:{line}") from None
    except OSError as error:
        raise RecipeError(f"cannot be read ({error.strerror})", where=str(path)) from None


def _neighbour(path: Path) -> str | None:
    """Return a mend that names the most similar recipe beside ``path``."""
    found = sorted(each.name for each in path.parent.glob("*.y*ml"))
    close = difflib.get_close_matches(path.name, found, n=1)
    return f"Did you mean {str(path.parent / close[0])!r}?" if close else None
