"""Arms: the recipe as each arm has it.

An arm writes only what it changes. Mappings merge; lists and single values replace; a part with
another ``type`` replaces the whole part.
"""

from typing import Any

from pydantic import ValidationError

from gapless.recipe.checks import check
from gapless.recipe.mistakes import Mistake, loose_numbers, nearest, translate
from gapless.recipe.places import Path
from gapless.recipe.schema import Recipe

MAIN = "main"
_CHANGEABLE = ("seed", "selection", "order", "training")
_ONE_FOR_ALL: tuple[Path, ...] = (
    ("order", "context"),
    ("training", "precision"),
    ("training", "device"),
)
"""The base is measured once, with these: an arm measured otherwise would not compare."""
_BASE = "base"


def arms(recipe: Recipe) -> dict[str, Recipe]:
    """Return arm name to its recipe; a recipe without arms is its own only arm, ``main``."""
    if not recipe.arms:
        return {MAIN: recipe}
    return {name: Recipe.model_validate(_merged(recipe, name)) for name in recipe.arms}


def check_arms(recipe: Recipe) -> list[Mistake]:
    """Return every mistake that an arm makes, at its place under ``arms``."""
    return [
        Mistake(("arms", name, *each.path), each.what, each.mend)
        for name in recipe.arms
        for each in _check_arm(recipe, name)
    ]


def _check_arm(recipe: Recipe, name: str) -> list[Mistake]:
    if name == _BASE:
        what = "an arm may not be called 'base': that is the base model's row in every table"
        return [Mistake((), what, "Choose another name.")]
    refused = [_may_not_change(key) for key in recipe.arms[name] if key not in _CHANGEABLE]
    refused += [_one_for_all(path) for path in _ONE_FOR_ALL if _written(recipe.arms[name], path)]
    if refused:
        return refused
    return mistakes_in(_merged(recipe, name))


def mistakes_in(tree: dict[str, Any]) -> list[Mistake]:
    """Return every mistake of a whole recipe's tree, those of its arms among them."""
    try:
        recipe = Recipe.model_validate(tree)
    except ValidationError as error:
        return translate(error, tree)
    return loose_numbers(tree) or check(recipe) or check_arms(recipe)


def _may_not_change(key: str) -> Mistake:
    path: Path = (key,)
    if key in Recipe.model_fields:
        what = "an arm may not change this: all arms share the base, the text and the probes"
        return Mistake(path, what, f"An arm may change {', '.join(_CHANGEABLE)}.")
    return Mistake(
        path, "there is no such setting", nearest(key, _CHANGEABLE, kind="An arm may change")
    )


def _one_for_all(path: Path) -> Mistake:
    what = "an arm may not change this: all arms are measured as the base is"
    return Mistake(path, what, "Set it for the whole recipe.")


def _written(tree: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True


def _merged(recipe: Recipe, name: str) -> dict[str, Any]:
    tree: dict[str, Any] = merge(recipe.model_dump(exclude={"arms"}), recipe.arms[name])
    return tree


def merge(below: Any, above: Any) -> Any:
    """Return ``below`` with the changes that ``above`` writes."""
    if not replaces(below, above):
        return {
            key: merge(below.get(key), above[key]) if key in above else below[key]
            for key in [*below, *(key for key in above if key not in below)]
        }
    return above


def replaces(below: Any, above: Any) -> bool:
    """Whether ``above`` stands for all of ``below``: one is no mapping, or the types differ."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return True
    return "type" in above and above["type"] != below.get("type", above["type"])
