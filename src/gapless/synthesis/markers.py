"""The marks that a model may put before a section: ``[Problem]``, ``**Question 2:**``, ..."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

_OPEN = r"[\[<{(\u3010\u3014\u300a\u300c\uff08\uff3b]"
_CLOSE = r"[\]>})\u3011\u3015\u300b\u300d\uff09\uff3d]"
_BOLD = r"(?:\*\*|__|\*)"
_COLON = r"[ \t]*+[:\uff1a]"


@cache
def _table() -> dict[str, dict[str, Any]]:
    import tomllib

    text = resources.files("gapless.synthesis").joinpath("markers.toml").read_text("utf-8")
    return tomllib.loads(text)


def family(name: str) -> str:
    """Return the kind of a section: ``question`` of ``question 2``."""
    return name.rstrip("0123456789").rstrip()


def label_of(name: str, language: str) -> str:
    """Return what stands before a section in ordinary text: a speaker, or nothing."""
    return str(_table()[family(name)].get("label", {}).get(language, ""))


def family_of(written: str, families: Sequence[str]) -> str | None:
    """Return which of some kinds of section a model means by a name, as in a JSON object's key."""
    words = " ".join(re.split(r"[\W_]+", written.casefold())).strip()
    for name in families:
        known = (name, *_table()[name]["names"], *_table()[name]["short"])
        if words in (" ".join(re.split(r"[\W_]+", one)) for one in known):
            return name
    return None


@dataclass(frozen=True)
class Marker:
    """A mark found in a text."""

    family: str
    number: int | None
    begin: int
    """Of the mark's line; the section's text begins at ``end``."""
    end: int
    closes: bool
    """It says that a section is over: ``[/Problem]``."""


@cache
def marker_pattern(families: tuple[str, ...], *, short: bool, inside: bool) -> re.Pattern[str]:
    """Return the pattern of a mark at the beginning of a line.

    A name alone is no mark: it stands in brackets, in bold, before a colon, or alone on its line.
    ``short`` lets ``Q:`` through too, ``inside`` a name in brackets anywhere in a line.
    """
    if inside:
        return re.compile(rf"{_OPEN}{_named(families, 0)}{_CLOSE}(?:{_COLON})?", re.IGNORECASE)
    before = r"^[ \t>]*+(?:#{1,6}[ \t]*+)?"
    listed = r"(?:(?:(?:\d{1,2}|[\u4e00-\u5341]{1,2})[.)\u3001\uff0e]|[-*\u2022])[ \t]++)?"
    after = rf"{_BOLD}?(?:{_COLON})?{_BOLD}?"
    ways = [
        rf"{_BOLD}?{_OPEN}{_named(families, 0)}(?:{_COLON})?[ \t]*+{_CLOSE}{after}",
        rf"{_BOLD}{_named(families, 1)}(?:{_COLON})?[ \t]*+{_BOLD}(?:{_COLON})?",
        rf"{_BOLD}?{_named(families, 2, short=short)}{_BOLD}?{_COLON}{_BOLD}?",
        rf"{_named(families, 3)}$",
    ]
    return re.compile(f"{before}{listed}(?:{'|'.join(ways)})", re.IGNORECASE | re.MULTILINE)


def _named(families: tuple[str, ...], way: int, *, short: bool = False) -> str:
    """Return the pattern of a name and its number; groups are called by the way it is marked."""
    kinds = ("names", "short") if short else ("names",)
    names = {name for one in families for kind in kinds for name in _table()[one][kind]}
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    written = "|".join(re.escape(name).replace(r"\ ", r"[ \t]++") for name in longest_first)
    return (
        rf"[ \t]*+(?P<slash{way}>/)?[ \t]*+(?P<name{way}>{written})"
        rf"[ \t]*+[#_.-]?[ \t]*+(?P<number{way}>\d{{1,3}})?[ \t]*+"
    )


def markers(text: str, families: tuple[str, ...], *, short: bool, inside: bool) -> list[Marker]:
    """Return the marks in a text, in order."""
    found = []
    for match in marker_pattern(families, short=short, inside=inside).finditer(text):
        said = {group.rstrip("0123"): part for group, part in match.groupdict().items() if part}
        kind = family_of(said["name"], families)
        assert kind is not None
        number = int(said["number"]) if "number" in said else None
        found.append(Marker(kind, number, match.start(), match.end(), "slash" in said))
    return found
