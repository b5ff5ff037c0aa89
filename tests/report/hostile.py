"""A text that tries to become markup, put into every field of a content."""

from dataclasses import fields, is_dataclass, replace

HOSTILE = (
    "</script><img src=x onerror=hacked=1><!-- ]]> \" ' {{ 7*7 }} &lt; \u2028 \ud800 \x00 `${1}`"
)


def poisoned(thing):
    """The same content with the hostile text in every field that holds text."""
    if isinstance(thing, str):
        return HOSTILE
    if isinstance(thing, tuple):
        return tuple(poisoned(part) for part in thing)
    if isinstance(thing, dict):
        return {poisoned(key): poisoned(part) for key, part in thing.items()}
    if is_dataclass(thing):
        return replace(
            thing, **{field.name: poisoned(getattr(thing, field.name)) for field in fields(thing)}
        )
    return thing
