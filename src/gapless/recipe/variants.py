"""Variants: the same recipe at another scale, on another base, or as a smoke test.

    recipe.yaml --choose: --variant NAME--> the recipe without variants --overrides: --set--> ...

A variant writes only what it changes, and may change anything. Mappings merge; lists and single
values replace; a part with another ``type`` replaces the whole part, all as in an arm. ``null``
takes out what the recipe says at a place that may not be null: a name of a mapping of names (a
source, an arm, a score), or a setting, which then has its default.

Each variant is checked by itself, on the recipe as it is written. Several are applied in the order
in which they are asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from gapless.errors import RecipeError
from gapless.recipe import shape, yaml_lines
from gapless.recipe.arm_merge import mistakes_in, replaces
from gapless.recipe.mistakes import Mistake, nearest
from gapless.recipe.places import Origins, Path, values
from gapless.recipe.schema import Recipe

VARIANTS = "variants"


def variant_names(path: FilePath) -> list[str]:
    """Return the names of the variants of a recipe that loads; none where there is no file."""
    if not path.is_file():
        return []
    tree, _ = yaml_lines.read(path.read_text(encoding="utf-8"), str(path))
    return list(_variants(tree))


def choose(tree: dict[str, Any], origins: Origins, names: Sequence[str]) -> dict[str, Any]:
    """Return a recipe's tree as the named variants make it; places they write get their lines.

    The run is called after the recipe and each variant, unless the variant has a name of its own.

    Raises:
        RecipeError: there is no such variant.

    """
    known = _variants(tree)
    for name in names:
        if name not in known:
            mend = nearest(name, known, kind="Its variants") or "The recipe has no `variants`."
            raise RecipeError(f"there is no variant {name!r}", where=f"--variant {name}", mend=mend)
        change = known[name]
        if isinstance(change, dict):  # of others, `Recipe` says what is wrong with them
            tree = _varied(tree, name, change)
            _trace(origins, name, change)
    return tree


def check_variants(tree: Mapping[str, Any]) -> list[Mistake]:
    """Return the mistakes of every variant of a tree, at their places under ``variants``.

    None while the recipe itself has mistakes: its variants would only repeat them.
    """
    known = _variants(tree)
    alone = {key: value for key, value in tree.items() if key != VARIANTS}
    if not known or mistakes_in(alone):
        return []
    return [
        Mistake((VARIANTS, name, *each.path), each.what, each.mend)
        for name, change in known.items()
        if isinstance(change, dict)
        for each in _check_variant(alone, name, change)
    ]


def _variants(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return variant name to what is written there."""
    found = tree.get(VARIANTS)
    return found if isinstance(found, dict) else {}


def _check_variant(tree: dict[str, Any], name: str, change: dict[str, Any]) -> list[Mistake]:
    if VARIANTS in change:
        what = "a variant has no variants of its own"
        return [Mistake((VARIANTS,), what, "Choose several at once: --variant A --variant B.")]
    gone = [
        Mistake(path, "there is nothing to take out", nearest(str(path[-1]), known, kind="Here"))
        for path, known in _not_there(tree, change, Recipe)
    ]
    return gone or mistakes_in(_varied(tree, name, change))


def _varied(tree: dict[str, Any], name: str, change: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe's tree with the changes of one variant, and the name that goes with them."""
    varied: dict[str, Any] = _merged(tree, change, Recipe)
    if "name" not in change and isinstance(tree.get("name"), str):
        varied["name"] = f"{tree['name']}-{name}"
    return varied


def _merged(below: Any, above: Any, annotation: Any) -> Any:
    """Return ``below`` with the changes that ``above`` writes at a place of this annotation."""
    if replaces(below, above):
        return above
    outer, merged = {**above, **below}, dict(below)
    for key, value in above.items():
        expected = shape.child(annotation, outer, key)
        if value is None and not shape.may_be_null(expected):
            merged.pop(key, None)
            continue
        under = below.get(key)
        if under is None and isinstance(value, dict):
            under = shape.seed_of(annotation, outer, key)  # a part left out: its default's type
        merged[key] = _merged(under, value, expected)
    return merged


def _not_there(below: Any, above: Any, annotation: Any) -> Iterator[tuple[Path, list[str]]]:
    """Give the places of names that are to be taken out and are not there, and what is there."""
    if replaces(below, above):
        return
    outer, named = {**above, **below}, shape.part_of(annotation, {**above, **below}) is None
    for key, value in above.items():
        expected = shape.child(annotation, outer, key)
        if value is None and named and key not in below and not shape.may_be_null(expected):
            yield (key,), list(below)
        for path, known in _not_there(below.get(key), value, expected):
            yield (key, *path), known


def _trace(origins: Origins, name: str, change: dict[str, Any]) -> None:
    """Let the places that a variant writes be told by its own lines."""
    for path, value in values(change):
        if not path:
            continue
        if not isinstance(value, dict) or "type" in value:
            for old in [known for known in origins.known if known[: len(path)] == path]:
                del origins.known[old]
        origins.known[path] = origins.of((VARIANTS, name, *path))
