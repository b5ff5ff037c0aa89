"""A drafted recipe as commented YAML."""

import math
import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

from gapless.interchange.foreign import Config, Draft
from gapless.recipe.places import Path

_ORDER = ("name", "seed", "model", "sources", "order", "training", "probing", "logging")
_WIDTH = 96
UNNAMED = "Told by the recipe as a whole:"
_MOST_SHOWN = 60
"""Characters of a value that is left out."""


def recipe_text(draft: Draft, config: Config, *, name: str) -> str:
    """Return the recipe with where each setting comes from, and what was left out and why."""
    head = [
        f"Made from {name}, a config of {config.tool}. Behind each setting stands what it comes",
        f"from; 'its default' is what {config.tool} takes where the config says nothing.",
        "Look through it, then: gapless plan FILE",
    ]
    lines = [f"# {line}" for line in head]
    for key in (key for key in _ORDER if key in draft.tree):
        lines += ["", *_entry(draft, (key,), draft.tree[key])]
    lines += _left_out(config)
    return "\n".join([*lines, *_unnamed(config, lines)]) + "\n"


def _unnamed(config: Config, lines: list[str]) -> Iterator[str]:
    """Yield what names the keys that no comment names: they are in what the recipe says."""
    comments = "\n".join(line.partition("#")[2] for line in lines)
    unnamed = [key for key in config.tree if key not in comments]
    if unnamed:
        yield from ("", f"# {UNNAMED} {', '.join(map(_plain, unnamed))}")


def _entry(draft: Draft, place: Path, value: Any) -> Iterator[str]:
    """Yield the lines of one place."""
    margin, key = "  " * (len(place) - 1), place[-1]
    yield from _comments(draft.notes.get(place, ()), margin)
    if isinstance(value, dict) and _is_block(place):
        yield f"{margin}{key}:{_behind(draft.origins.get(place, ''))}"
        for below, inner in value.items():
            yield from _entry(draft, (*place, below), inner)
        yield from (f"{margin}  # {line}".rstrip() for line in draft.endings.get(place, ()))
    elif place == ("order", "phases"):
        yield f"{margin}{key}:"
        for number, phase in enumerate(value):
            yield from _phase(draft, (*place, number), phase)
    else:
        yield f"{margin}{key}: {_flow(value)}{_behind('; '.join(draft.said_of(place)))}"


def _phase(draft: Draft, place: Path, phase: dict[str, Any]) -> Iterator[str]:
    margin = "    "
    for turn, (key, value) in enumerate(phase.items()):
        inner = (*place, key)
        yield from _comments(draft.notes.get(inner, ()), margin + "  " * bool(turn))
        origin = _behind("; ".join(draft.said_of(inner)))
        yield f"{margin}{'- ' if turn == 0 else '  '}{key}: {_flow(value)}{origin}"
    yield from (f"{margin}  # {line}" for line in draft.endings.get(place, ()))


def _is_block(place: Path) -> bool:
    return len(place) == 1 or (len(place) == 2 and place[0] == "sources")


def _flow(value: Any) -> str:
    """Return a value on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=math.inf, sort_keys=False, allow_unicode=True
    )
    return text.removesuffix("...\n").strip()


def _behind(origin: str) -> str:
    return f"  # {_plain(origin)}" if origin else ""


def _comments(notes: Any, margin: str) -> Iterator[str]:
    for note in notes:
        for part in note.split("\n"):
            for line in _wrapped(_plain(part), _WIDTH - len(margin)):
                yield f"{margin}# {line}"


def _wrapped(text: str, width: int) -> list[str]:
    """Return lines that cut no word, so that a path or a command can be copied."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Return text without what would end a comment's line or steer a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _left_out(config: Config) -> Iterator[str]:
    heads = {
        "matters": "Not carried over, though it changes what is trained:",
        "does not": "Not carried over; it changes nothing of what is trained:",
    }
    for weight, head in heads.items():
        found = [left for left in config.left if left.weight == weight]
        if found:
            yield from ("", f"# {head}", "#")
        for left in found:
            value = _plain(_flow(left.value))
            short = value if len(value) <= _MOST_SHOWN else f"{value[:_MOST_SHOWN]}..."
            yield f"#   {left.key}: {short}"
            yield from (f"#     {line}" for line in _wrapped(left.reason, _WIDTH - 6))
    if config.silent():
        yield from ("", "# Turned off or empty in the config, so that there is nothing to carry:")
        yield from (f"#   {line}" for line in _wrapped(", ".join(config.silent()), _WIDTH - 4))
