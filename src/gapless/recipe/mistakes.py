"""Mistakes: what pydantic found wrong, in plain words, at the user's own path."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gapless.errors import RecipeError
from gapless.recipe import shape
from gapless.recipe.places import Key, Origins, Path, values
from gapless.recipe.schema import Recipe

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Mistake:
    """One thing wrong at one place of a recipe."""

    path: Path
    what: str
    mend: str = ""


def refuse(mistakes: Sequence[Mistake], origins: Origins) -> NoReturn:
    """Raise one error that lists every mistake."""
    if len(mistakes) == 1:
        (only,) = mistakes
        raise RecipeError(only.what, where=origins.where(only.path), mend=only.mend or None)
    lines = [f"{origins.where(each.path)}: {each.what}. {each.mend}".rstrip() for each in mistakes]
    raise RecipeError(f"{len(lines)} mistakes", where=origins.whole, mend="\n  ".join(lines))


def nearest(word: str, allowed: Iterable[str], *, kind: str = "Allowed here") -> str:
    """Return the mend for a word that is none of ``allowed``: the nearest one, or all of them."""
    words = list(allowed)
    lower = {each.lower(): each for each in words}
    close = difflib.get_close_matches(word.lower(), lower, n=1)
    if close:
        return f"Did you mean {lower[close[0]]!r}?"
    return f"{kind}: {', '.join(words)}." if words else ""


def shown(value: object) -> str:
    """Return a value as a message quotes it: as YAML writes it, and short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def loose_numbers(tree: object) -> list[Mistake]:
    """Return the mistakes that pydantic lets pass: true for 1, infinities, words for true."""
    return [
        Mistake(path, what)
        for path, value in values(tree)
        if (what := _loose(_annotation(tree, path), value))
    ]


def _loose(annotation: Any, value: object) -> str:
    if isinstance(value, bool) and shape.is_number(annotation):
        return f"must be a number, not {shown(value)}"
    if isinstance(value, float) and shape.is_number(annotation) and not abs(value) < float("inf"):
        return f"must be a finite number, not {value}"
    if shape.members(annotation) == (bool,) and not isinstance(value, bool):
        return f"must be true or false, not {shown(value)}"
    return ""


def _annotation(tree: object, path: Path) -> Any:
    annotation: Any = Recipe
    for key in path:
        annotation = shape.child(annotation, tree, key)
        tree = _below(tree, key)
    return annotation


def _below(value: object, key: Key) -> object:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list | tuple) and isinstance(key, int) and key < len(value):
        return value[key]
    return None


def translate(error: ValidationError, tree: object) -> list[Mistake]:
    """Return pydantic's findings about ``tree`` as mistakes, in the order of the recipe."""
    mistakes: dict[Path, Mistake] = {}
    for details in error.errors(include_url=False):
        path, annotation, value = _descend(details["loc"], tree)
        if path not in mistakes:
            mistakes[path] = _mistake(details, path, annotation, value)
    meant = {each.mend for each in mistakes.values() if each.mend.startswith("Did you mean")}
    return [
        each
        for each in mistakes.values()
        if not (each.what == _MISSING and f"Did you mean {str(each.path[-1])!r}?" in meant)
    ]


def _descend(loc: Path, tree: object) -> tuple[Path, Any, object]:
    """Follow pydantic's location; return the user's path, and what the parent of its end allows.

    pydantic puts the name of each chosen type, and of each tried member of a union, into its
    location; those are no part of the user's path.
    """
    annotation: Any = Recipe
    value, path = tree, ()
    outer, rest = (annotation, value), list(loc)
    while rest:
        if len(shape.choices(annotation)) > 1 or len(shape.members(annotation)) > 1:
            rest.pop(0)
            if not rest:
                break
            annotation = _tried(annotation, value, loc[len(loc) - len(rest) - 1])
        key = rest.pop(0)
        if key == "[key]":
            break
        outer = (annotation, value)
        annotation, value, path = shape.child(annotation, value, key), _below(value, key), (*path, key)
    return path, *outer


def _tried(annotation: Any, value: object, name: Key) -> Any:
    part = shape.part_of(annotation, value)
    if part is not None:
        return part
    members = shape.members(annotation)
    return next((each for each in members if str(name).startswith(_type_name(each))), Any)


def _type_name(annotation: Any) -> str:
    return "tuple" if str(annotation).startswith("tuple") else getattr(annotation, "__name__", "?")
