"""Overrides: ``--set order.phases.0.tokens=1M`` edits the recipe's tree before it is decoded."""

from collections.abc import Sequence
from typing import Any

from gapless.errors import RecipeError
from gapless.recipe import shape, yaml_lines
from gapless.recipe.places import Key, Origins, Path, spell
from gapless.recipe.schema import Recipe


def apply(tree: dict[str, Any], origins: Origins, overrides: Sequence[str]) -> None:
    """Edit ``tree`` in place, in the order given; later mistakes there name the override."""
    for override in overrides:
        _apply_one(tree, origins, override)


def _apply_one(tree: dict[str, Any], origins: Origins, override: str) -> None:
    name = f"--set {override}"
    spelled, equals, text = override.partition("=")
    if not (equals and all(spelled.strip().split("."))):
        mend = "Write it like --set training.learning_rate=1e-4"
        raise RecipeError("an override is a path, '=' and a value", where=name, mend=mend)
    try:
        value, _ = yaml_lines.read(text, name)
    except RecipeError as error:
        raise RecipeError(error.what, where=name, mend=error.mend) from None
    keys = spelled.strip().replace("[", ".").replace("]", "").split(".")
    if keys[0] == "variants":
        what = "overrides change the recipe once its variant is chosen"
        raise RecipeError(what, where=name, mend="Leave `variants.NAME.` out of the path.")
    place: Any = tree
    annotation: Any = Recipe
    path: Path = ()
    while True:
        key, keys = _next_key(place, keys, name, path)
        new = isinstance(place, dict) and place.get(str(key)) is None
        if not keys:
            place[key] = value
            origins.replace((*path, key), value, name)
            return
        if new:
            place[key] = shape.seed_of(annotation, place, key)
            origins.replace((*path, key), place[key], name)
        annotation, place, path = shape.child(annotation, place, key), place[key], (*path, key)


def _next_key(place: Any, keys: list[str], name: str, path: Path) -> tuple[Key, list[str]]:
    """Take one key off the front; a name with dots in it counts as one where it exists."""
    if isinstance(place, list):
        return _index(place, keys[0], name, path), keys[1:]
    if not isinstance(place, dict):
        what = f"{spell(path)} is a single value; nothing is below it"
        raise RecipeError(what, where=name, mend=f"Set it whole: --set {spell(path)}=...")
    for end in range(len(keys), 0, -1):
        if ".".join(keys[:end]) in place:
            return ".".join(keys[:end]), keys[end:]
    return keys[0], keys[1:]


def _index(place: list[Any], key: str, name: str, path: Path) -> int:
    if key.isdecimal() and int(key) < len(place):
        return int(key)
    last = len(place) - 1
    allowed = f"from 0 to {last}" if last > 0 else "only 0" if last == 0 else "none: it is empty"
    raise RecipeError(f"{spell(path)} is a list; {key!r} is no index of it ({allowed})", where=name)
