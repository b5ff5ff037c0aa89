"""Mistakes: what pydantic found wrong, in plain words, at the user's own path."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gapless.errors import RecipeError
from gapless.recipe import shape
from gapless.recipe.fields import Part
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
    in_order = sorted(mistakes, key=lambda each: origins.rank(each.path))
    lines = [f"{origins.where(each.path)}: {each.what}. {each.mend}".rstrip() for each in in_order]
    raise RecipeError(f"{len(lines)} mistakes", where=origins.whole, mend="\n  ".join(lines))


def nearest(word: str, allowed: Iterable[str], *, kind: str = "Allowed here") -> str:
    """Return the mend for a word that is none of ``allowed``: the nearest one, or all of them."""
    words = list(allowed)
    lower = {each.lower(): each for each in words}
    close = difflib.get_close_matches(word.lower(), lower, n=1)
    if close:
        return f"Did you mean {lower[close[0]]!r}?"
    return f"{kind}: {', '.join(words)}." if words else ""


def no_source(path: Path, name: str, known: Sequence[str], *, role: str = "") -> Mistake:
    """Return the mistake of naming a source that is not there, or not of the role."""
    what = f"there is no {role}source {name!r}"
    return Mistake(path, what, nearest(name, known, kind=f"{role}sources".capitalize()))


def shown(value: object) -> str:
    """Return a value as a message quotes it: as YAML writes it, and short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def loose_numbers(tree: object, root: type[Part] = Recipe) -> list[Mistake]:
    """Return the mistakes that pydantic lets pass: true for 1, infinities, words for true."""
    return [
        Mistake(path, what)
        for path, value in values(tree)
        if (what := _loose(_annotation(tree, path, root), value))
    ]


def _loose(annotation: Any, value: object) -> str:
    if isinstance(value, bool) and shape.is_number(annotation):
        return f"must be a number, not {shown(value)}"
    if isinstance(value, float) and shape.is_number(annotation) and not abs(value) < float("inf"):
        return f"must be a finite number, not {value}"
    if shape.members(annotation) == (bool,) and not isinstance(value, bool):
        return f"must be true or false, not {shown(value)}"
    return ""


def _annotation(tree: object, path: Path, root: type[Part]) -> Any:
    annotation: Any = root
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


def translate(error: ValidationError, tree: object, root: type[Part] = Recipe) -> list[Mistake]:
    """Return pydantic's findings about ``tree`` as mistakes, without what follows from others."""
    mistakes: dict[Path, Mistake] = {}
    for details in error.errors(include_url=False):
        path, annotation, value = _descend(details["loc"], tree, root)
        if path not in mistakes:
            mistakes[path] = _mistake(details, path, annotation, value)
    found = list(mistakes.values())
    return [each for each in found if not _follows(each, found)]


def _follows(mistake: Mistake, others: Sequence[Mistake]) -> bool:
    """Whether another mistake is the cause: a misspelt key, or something inside."""
    path = mistake.path
    if mistake.what == _MISSING:
        mend = f"Did you mean {str(path[-1])!r}?"
        return any(each.mend == mend and each.path[:-1] == path[:-1] for each in others)
    return any(each.path[: len(path)] == path and each.path != path for each in others)


def _descend(loc: Path, tree: object, root: type[Part]) -> tuple[Path, Any, object]:
    """Follow pydantic's location; return the user's path, and what the parent of its end allows.

    pydantic puts the name of each chosen type, and of each tried member of a union, into its
    location; those are no part of the user's path.
    """
    annotation: Any = root
    path: Path = ()
    value = tree
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
        annotation, value, path = (
            shape.child(annotation, value, key),
            _below(value, key),
            (*path, key),
        )
    return path, *outer


def _tried(annotation: Any, value: object, name: Key) -> Any:
    part = shape.part_of(annotation, value)
    if part is not None:
        return part
    members = shape.members(annotation)
    return next((each for each in members if str(name).startswith(_type_name(each))), Any)


def _type_name(annotation: Any) -> str:
    return "tuple" if str(annotation).startswith("tuple") else getattr(annotation, "__name__", "?")


_MISSING = "is missing"
_KINDS = {
    "string": "text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "dict": "a mapping of names to values",
    "model": "a mapping of settings",
    "tuple": "a list",
}
_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}


def _mistake(details: ErrorDetails, path: Path, parent: Any, outer: object) -> Mistake:
    """Word one finding; ``parent`` and ``outer`` are the type and the value around its place."""
    kind, value = details["type"], details["input"]
    if kind == "missing":
        return Mistake(path, _MISSING)
    if kind == "extra_forbidden":
        return _unknown_key(path, parent, outer)
    annotation = shape.child(parent, outer, path[-1]) if path else parent
    if kind.startswith("union_tag") or (shape.choices(annotation) and not isinstance(value, dict)):
        return _unknown_choice(path, annotation, value)
    if kind == "literal_error":
        words = shape.allowed_words(annotation) or tuple(shape.choices(parent))
        return _unknown_word(path, words, value)
    return Mistake(path, *_wrong_value(details))


def _unknown_word(path: Path, allowed: tuple[str, ...], value: object) -> Mistake:
    near, every = nearest(str(value), allowed, kind="Allowed"), f"Allowed: {', '.join(allowed)}."
    mend = every if near == every else f"{near} {every}"
    return Mistake(path, f"{shown(value)} is not one of the allowed words", mend)


def _unknown_key(path: Path, parent: Any, outer: object) -> Mistake:
    key, allowed = str(path[-1]), shape.allowed_keys(parent, outer) or ()
    chosen = outer.get("type") if isinstance(outer, dict) and "type" in allowed else None
    what = f"there is no such setting for type {chosen!r}" if chosen else "there is no such setting"
    return Mistake(
        path, what, nearest(key, [name for name in allowed if name != "type"] or allowed)
    )


def _unknown_choice(path: Path, annotation: Any, value: object) -> Mistake:
    names = list(shape.choices(annotation))
    if not isinstance(value, dict):
        what = f"must be a mapping with a 'type', not {shown(value)}"
        return Mistake(path, what, f"Types: {', '.join(names)}.")
    if "type" not in value:
        return Mistake(path, "the 'type' is missing", f"Write one of them: {', '.join(names)}.")
    what = f"there is no type {shown(value['type'])}"
    return Mistake((*path, "type"), what, nearest(str(value["type"]), names, kind="Types"))


def _wrong_value(details: ErrorDetails) -> tuple[str, str]:
    """Return what is wrong with a single value, and the mend."""
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if value is None:
        return "is empty", "Write a value, or leave the key out."
    if kind == "value_error":
        return _own_words(str(context["error"]), value), ""
    if kind in _BOUNDS:
        relation, limit = _BOUNDS[kind]
        return f"must be {relation} {context[limit]:g}, not {shown(value)}", ""
    if kind in {"too_short", "too_long"}:
        few = kind == "too_short"
        limit = context["min_length" if few else "max_length"]
        entries = "entry" if limit == 1 else "entries"
        return f"must have at {'least' if few else 'most'} {limit} {entries}", ""
    return _wrong_text(details)


def _wrong_text(details: ErrorDetails) -> tuple[str, str]:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "string_pattern_mismatch":
        mend = "Begin with a letter or digit; go on with letters, digits, '.', '_' and '-'."
        return f"{shown(value)} is not a name", mend
    if kind == "string_too_long":
        return f"{shown(value)} is longer than {context['max_length']} characters", ""
    return _wrong_kind(details)


def _wrong_kind(details: ErrorDetails) -> tuple[str, str]:
    kind, value = details["type"], details["input"]
    fraction = isinstance(value, float) and kind.startswith("int_")
    expected = "a whole number" if fraction else _KINDS.get(kind.split("_", maxsplit=1)[0])
    if expected is None:
        return f"{shown(value)} cannot stand here ({details['msg'].lower()})", ""
    in_quotes = expected == "text" and isinstance(value, int | float)
    mend = "Put it in quotes to make it text." if in_quotes else ""
    return f"must be {expected}, not {shown(value)}", mend


def _own_words(message: str, value: object) -> str:
    if message.startswith("could not convert string to float"):
        return f"{shown(value)} is not a fraction; write it like 0.1 or 10%"
    return message
