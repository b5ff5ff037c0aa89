"""A config of another tool, key by key, and the recipe that is drafted from it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal

from gapless.recipe.places import Path, spell

Weight = Literal["matters", "does not"]
"""Whether a key that is left out changes what is trained, or only where and how it is done."""


@dataclass(frozen=True)
class LeftOut:
    """A key that the recipe does not have, and why."""

    key: str
    value: Any
    reason: str
    weight: Weight


@dataclass
class Config:
    """A config's keys. Each is asked for, left out with a reason, or unknown."""

    tool: str
    tree: dict[str, Any]
    left: list[LeftOut] = field(default_factory=list)
    _asked: set[str] = field(default_factory=set)

    def take(self, key: str, default: Any = None) -> Any:
        """Return what stands under a key, or what the tool takes where nothing does."""
        self._asked.add(key)
        value = self.tree.get(key)
        return default if value is None or value == "" else value

    def number(self, key: str, default: float | None = None) -> float | None:
        """Return a number, which may be written as text (``2e-5`` is text in YAML)."""
        value = self.take(key, default)
        return None if value is None else float(value)

    def said(self, key: str) -> str:
        """Return how a setting says that it comes from a key: with its value, or as a default."""
        value = self.tree.get(key)
        return f"its default of {key}" if value is None or value == "" else f"{key}: {value}"

    def has(self, key: str) -> bool:
        """Whether a key is set to something other than false, nothing or zero."""
        return bool(self.tree.get(key))

    def names(self, key: str) -> list[str]:
        """Return a list that may be written as ``a, b``."""
        value = self.take(key, [])
        parts = value.split(",") if isinstance(value, str) else value
        return [str(part).strip() for part in parts]

    def leave(self, key: str, reason: str, *, weight: Weight = "matters") -> None:
        """Leave a key out, if it is there and says anything."""
        self._asked.add(key)
        if self.has(key):
            self.left.append(LeftOut(key, self.tree[key], reason, weight))

    def leave_unasked(self, key: str, reason: str) -> None:
        """Leave a key out unless it was asked for."""
        if key not in self._asked:
            self.leave(key, reason, weight="does not")

    def leave_all(self, reasons: Mapping[str, Iterable[str]], *, weight: Weight) -> None:
        """Leave keys out, given by reason."""
        for reason, keys in reasons.items():
            for key in keys:
                self.leave(key, reason, weight=weight)

    def leave_rest(self, families: Mapping[str, str] = MappingProxyType({})) -> None:
        """Leave out every key that nobody asked for; ``families`` is beginning to reason."""
        for key in [key for key in self.tree if key not in self._asked]:
            reasons = [reason for begin, reason in families.items() if key.startswith(begin)]
            self.leave(key, *reasons[:1] or ["no such setting is known here"])

    def silent(self) -> list[str]:
        """Return the keys that are set to false or nothing, and zeros that nobody asked for."""
        return [
            key
            for key, value in self.tree.items()
            if not value
            and (value is None or isinstance(value, bool | str) or key not in self._asked)
        ]


@dataclass
class Draft:
    """A recipe in the making: its tree, and what is said about its places."""

    tree: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)
    """Place to what it comes from, as is written behind it."""
    notes: dict[Path, list[str]] = field(default_factory=dict)
    """Place to the lines above it."""
    endings: dict[Path, list[str]] = field(default_factory=dict)
    """Place to commented lines at its end: what the user may want to add."""

    def set(self, *place: str | int, value: Any, by: str = "", note: str = "") -> None:
        """Write a value down, what it comes from, and a line about it."""
        inner: Any = self.tree
        for key, below in pairwise(place):
            if isinstance(inner, list):
                inner.extend({} for _ in range(len(inner), int(key) + 1))
                inner = inner[int(key)]
            else:
                inner = inner.setdefault(key, [] if isinstance(below, int) else {})
        inner[place[-1]] = value
        if by:
            self.origins[place] = by
        if note:
            self.say(*place, note=note)

    def say(self, *place: str | int, note: str) -> None:
        """Add a line above a place."""
        self.notes.setdefault(place, []).append(note)

    def end(self, *place: str | int, lines: Iterable[str]) -> None:
        """Add commented lines at the end of a place."""
        self.endings.setdefault(place, []).extend(lines)

    def said_of(self, place: Path) -> Iterator[str]:
        """Yield what a place and those below it come from."""
        for known, origin in self.origins.items():
            if known[: len(place)] == place:
                yield origin if known == place else f"{spell(known[len(place) :])}: {origin}"
