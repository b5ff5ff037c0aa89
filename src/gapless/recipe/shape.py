"""The shape of a recipe: what may stand at each place, read off the types in `schema.py`."""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from gapless.recipe.fields import Part
from gapless.recipe.places import Key


def members(annotation: Any) -> tuple[Any, ...]:
    """Return the types that an annotation allows, without Annotated and None."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return tuple(part for each in get_args(annotation) for part in members(each))
    return () if annotation is NoneType else (annotation,)


def choices(annotation: Any) -> dict[str, type[Part]]:
    """Return the parts that are chosen among by ``type: name``, or nothing when it is no choice."""
    found = {}
    for member in members(annotation):
        if not (isinstance(member, type) and issubclass(member, Part)):
            return {}
        if "type" in member.model_fields:
            found[get_args(member.model_fields["type"].annotation)[0]] = member
    return found


def part_of(annotation: Any, value: object) -> type[Part] | None:
    """Return the part that ``value`` is meant to be, when the annotation asks for one."""
    chosen = choices(annotation)
    if chosen:
        name = value.get("type") if isinstance(value, dict) else None
        return chosen.get(name) if isinstance(name, str) else None
    for member in members(annotation):
        if isinstance(member, type) and issubclass(member, Part):
            return member
    return None


def child(annotation: Any, value: object, key: Key) -> Any:
    """Return the annotation of what stands under ``key`` of ``value``; Any where the types end."""
    part = part_of(annotation, value)
    if part is not None:
        field = part.model_fields.get(str(key))
        return field.annotation if field else Any
    for member in members(annotation):
        arguments = get_args(member)
        if get_origin(member) is dict:
            return arguments[1]
        if get_origin(member) is tuple and isinstance(key, int):
            return (
                arguments[min(key, len(arguments) - 1)]
                if arguments[-1] is not ...
                else arguments[0]
            )
    return Any


def allowed_keys(annotation: Any, value: object) -> tuple[str, ...] | None:
    """Return the keys that ``value`` may have; None when any name may stand there."""
    part = part_of(annotation, value)
    return tuple(part.model_fields) if part else None


def allowed_words(annotation: Any) -> tuple[str, ...]:
    """Return the words a place allows, when it allows only certain words."""
    return tuple(
        str(word)
        for each in members(annotation)
        if get_origin(each) is Literal
        for word in get_args(each)
    )


def may_be_null(annotation: Any) -> bool:
    """Whether null may stand at a place: where the types end, anything may."""
    if get_origin(annotation) is Annotated:
        return may_be_null(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return any(may_be_null(each) for each in get_args(annotation))
    return annotation in {Any, None, NoneType}


def is_number(annotation: Any) -> bool:
    """Whether only numbers may stand at a place."""
    return bool(members(annotation)) and set(members(annotation)) <= {int, float}


def seed_of(annotation: Any, value: object, key: Key) -> Any:
    """Return the least to begin with when a part left out of the recipe is to be filled in.

    A choice begins as its default's ``type``, so that its other settings keep their defaults.
    """
    part = part_of(annotation, value)
    field = part.model_fields.get(str(key)) if part else None
    default = field.default if field is not None else PydanticUndefined
    if isinstance(default, tuple):
        return [_least(item) for item in default]
    if isinstance(default, Part):
        return _least(default)
    return {}


def _least(default: object) -> dict[str, Any]:
    name = getattr(default, "type", None)
    return {} if name is None else {"type": name}
