"""The colour of each source: warm for domain, blue for general text, grey for references.

A topic of a source (``source/topic``) gets a colour of its own from the warm or the cool half of
the colour circle; topics of one source lie together there. `assets/topics.css` has the colours.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gapless.report.content import ArmContent, Content
from gapless.strata import source_of

_LETTERS = {"domain": "d", "reference": "r"}
_SHADES = 4
_HALVES = {"d": "warm", "g": "cool"}
_SLOTS = 24
"""Hues in each half, k0 to k23."""
_WIDEST_STEP = 4
"""Few topics stay near the middle of their half."""
_LIGHTS = 3
"""Neighbours differ in lightness too: l0, l1, l2."""


@dataclass(frozen=True)
class Part:
    """A source, or a topic of one, as the page knows it."""

    index: int
    """Its place among all parts of the page: what is lit together has one index."""
    name: str
    source: str
    """The source of a topic; empty for a whole source."""
    label: str
    """The topic, or the source's name."""
    style: str
    """Classes that give its colour."""


@dataclass(frozen=True)
class PartGroup:
    """The parts of one source in a legend; whole sources stand together without a head."""

    source: str
    parts: tuple[Part, ...]


def parts_of(content: Content) -> dict[str, Part]:
    """Return every source and topic of the page, domain sources first, a source's topics together.

    A topic has the role of its source, unless a curve gives it one.
    """
    roles = _roles(content)
    names = list(dict.fromkeys([*roles, *(name for arm in content.arms for name in _named(arm))]))
    letters = {name: _letter(name, roles) for name in names}
    places: dict[str, int] = {}
    for name in names:
        places.setdefault(source_of(name), len(places))
    names.sort(
        key=lambda name: (letters[name] != "d", places[source_of(name)], name != source_of(name))
    )
    styles = _styles(names, letters)
    return {name: _part(index, name, styles[name]) for index, name in enumerate(names)}


def source_styles(content: Content) -> dict[str, str]:
    """Return each source and topic to the classes that give its colour."""
    return {name: part.style for name, part in parts_of(content).items()}


def part_groups(parts: Iterable[Part]) -> list[PartGroup]:
    """Gather parts by source for a legend, in the order in which they come."""
    groups: dict[str, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.source, []).append(part)
    return [PartGroup(source, tuple(members)) for source, members in groups.items()]


def is_topic(name: str) -> bool:
    """Whether the name is that of a source's topic."""
    return source_of(name) != name


def _roles(content: Content) -> dict[str, str]:
    roles = {source.name: source.role for source in content.sources}
    for score in content.scores:
        roles = {source.name: source.role for source in score.sources} | roles
    for label in content.labels:
        roles = {source.name: source.role for source in label.sources} | roles
    for arm in content.arms:
        roles |= {c.name: c.role for c in arm.curves if c.name != c.role and c.name not in roles}
    return roles


def _named(arm: ArmContent) -> Iterator[str]:
    yield from (point.source for point in arm.mixture)
    yield from (decision.topic for each in arm.rounds for decision in each.decisions)
    yield from (trace.name for trace in arm.curricula)


def _letter(name: str, roles: dict[str, str]) -> str:
    return _LETTERS.get(roles.get(name) or roles.get(source_of(name), ""), "g")


def _styles(names: list[str], letters: dict[str, str]) -> dict[str, str]:
    totals = Counter(letters[name] for name in names if is_topic(name))
    seen: Counter[tuple[str, bool]] = Counter()
    styles = {}
    for name in names:
        letter, topic = letters[name], is_topic(name)
        place = seen[letter, topic]
        seen[letter, topic] += 1
        if topic and letter in _HALVES:
            slot = _slot(place, totals[letter])
            styles[name] = f"{_HALVES[letter]} k{slot} l{place % _LIGHTS}"
        else:
            styles[name] = f"{letter}{place % _SHADES}"
    return styles


def _slot(place: int, total: int) -> int:
    """Spread the topics over the hues, from the middle."""
    step = min(_WIDEST_STEP, (_SLOTS - 1) / max(1, total - 1))
    return round((_SLOTS - 1) / 2 + step * (place - (total - 1) / 2) - 0.01)


def _part(index: int, name: str, style: str) -> Part:
    if not is_topic(name):
        return Part(index, name, "", name, style)
    source = source_of(name)
    return Part(index, name, source, name[len(source) + 1 :] or name, style)
