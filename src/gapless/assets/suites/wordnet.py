"""Questions on English words, from WordNet: definitions, synonyms, opposites."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gapless.assets.passages import inside
from gapless.assets.suites.items import Draft, drawn, generator

_PARTS = {"noun": "1", "verb": "2", "adj": "3", "adv": "4"}
_NAMES = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
_WORD = re.compile(r"[a-z]{3,}$")
_EXAMPLE = re.compile(r'\s*;\s*"')
_WRONG, _FEWEST_WORDS = 3, 6
_COMMON = 5
"""Occurrences in WordNet's own tagged text from which a word counts as common."""


@dataclass(frozen=True)
class Synset:
    """Words that mean the same."""

    key: str
    part: str
    words: tuple[str, ...]
    common: tuple[str, ...]
    gloss: str
    near: frozenset[str]
    """Keys of the synsets that it points to: what is above, below, similar or opposite."""
    opposites: tuple[tuple[int, str, int], ...]
    """Number of an own word, the other synset, the number of its word."""


def synsets(root: Path) -> dict[str, Synset]:
    """Read WordNet's data files, with what is common by its counts."""
    folder = inside(root, "wordnet/data.noun").parent
    counts: dict[str, int] = {}
    for line in (folder / "cntlist.rev").read_text(encoding="utf-8").splitlines():
        sense, _, count = line.split(" ")
        counts[sense] = int(count)
    found = {}
    for part in _PARTS:
        for line in (folder / f"data.{part}").read_text(encoding="utf-8").splitlines():
            if not line.startswith("  "):
                synset = _synset(line, part, counts)
                found[synset.key] = synset
    return found


def definitions(every: dict[str, Synset]) -> Iterator[Draft]:
    """Yield which of four words of one part of speech a definition is of."""
    draws, by_part = generator("choices", "word_definitions"), _by_part(every)
    for synset in every.values():
        if not _usable(synset) or any(word in synset.gloss for word in synset.words):
            continue
        wrong = _others(synset, by_part, every)
        chosen = drawn(draws, wrong, _WRONG)
        if chosen:
            fields = {"definition": synset.gloss, "part": _NAMES[synset.part]}
            right = synset.common[0]
            yield Draft(
                source=synset.key, fields=fields, right=right, wrong=chosen, key=synset.gloss
            )


def synonyms(every: dict[str, Synset]) -> Iterator[Draft]:
    """Yield which of four words means the same as another, in the sense that is given."""
    draws, by_part = generator("choices", "word_synonyms"), _by_part(every)
    for synset in every.values():
        if not _usable(synset) or len(synset.common) < 2:
            continue
        one, other = synset.common[:2]
        chosen = drawn(draws, _others(synset, by_part, every), _WRONG)
        if chosen and one[:4] != other[:4]:
            fields = {"word": one, "definition": synset.gloss, "part": _NAMES[synset.part]}
            yield Draft(
                source=synset.key, fields=fields, right=other, wrong=chosen, key=synset.gloss
            )


def opposites(every: dict[str, Synset]) -> Iterator[Draft]:
    """Yield which of four words is the opposite of another; the others are opposites of others."""
    draws = generator("choices", "word_opposites")
    pairs: dict[str, dict[str, Synset]] = defaultdict(dict)
    pool: dict[str, dict[str, None]] = defaultdict(dict)
    same: dict[str, set[str]] = defaultdict(set)
    for synset in every.values():
        for word in synset.words:
            same[word].update(synset.words)
        for own, key, number in synset.opposites:
            one, other = synset.words[own - 1], every[key].words[number - 1]
            if _WORD.match(one) and _WORD.match(other) and not _same_stem(one, other):
                pairs[one][other] = synset
                pool[synset.part][other] = None
    for one, others in pairs.items():
        for other, synset in others.items():
            if one not in synset.common:
                continue
            barred = same[one] | same[other] | others.keys()
            fit = [w for w in pool[synset.part] if w not in barred]
            chosen = drawn(draws, fit, _WRONG)
            if chosen:
                yield Draft(
                    source=synset.key,
                    fields={"word": one, "definition": synset.gloss},
                    right=other,
                    wrong=chosen,
                    key=synset.gloss,
                )


def _synset(line: str, part: str, counts: dict[str, int]) -> Synset:
    fields, _, gloss = line.partition(" | ")
    parts = fields.split(" ")
    number = int(parts[3], 16)
    words, common = [], []
    for i in range(number):
        word, lex_id = parts[4 + 2 * i].partition("(")[0], int(parts[5 + 2 * i], 16)
        words.append(word.replace("_", " "))
        sense = f"{word.lower()}%{_PARTS[part]}:{parts[1]}:{lex_id:02d}::"
        if counts.get(sense, 0) >= _COMMON and _WORD.match(word):
            common.append(word)
    at = 4 + 2 * number
    near, opposites = set(), []
    for i in range(int(parts[at])):
        kind, offset, letter, ends = parts[at + 1 + 4 * i : at + 5 + 4 * i]
        key = f"wordnet/{'a' if letter == 's' else letter}{offset}"
        near.add(key)
        if kind == "!":
            own, other = divmod(int(ends, 16), 256)
            opposites.append((own, key, other))
    return Synset(
        key=f"wordnet/{'a' if parts[2] == 's' else parts[2]}{parts[0]}",
        part=part,
        words=tuple(words),
        common=tuple(common),
        gloss=_EXAMPLE.split(gloss.strip(), maxsplit=1)[0].strip(),
        near=frozenset(near),
        opposites=tuple(opposites),
    )


def _usable(synset: Synset) -> bool:
    return bool(synset.common) and len(synset.gloss.split()) >= _FEWEST_WORDS


def _by_part(every: dict[str, Synset]) -> dict[str, list[Synset]]:
    found: dict[str, list[Synset]] = defaultdict(list)
    for synset in every.values():
        if synset.common:
            found[synset.part].append(synset)
    return found


def _others(
    synset: Synset, by_part: dict[str, list[Synset]], every: dict[str, Synset]
) -> list[str]:
    """Return common words of the part of speech that are not the synset's nor next to it."""
    barred = set(synset.words)
    for key in synset.near:
        barred.update(every[key].words)
    return [
        other.common[0]
        for other in by_part[synset.part]
        if barred.isdisjoint(other.words)
        and synset.key not in other.near
        and synset.near.isdisjoint({other.key})
    ]


def _same_stem(one: str, other: str) -> bool:
    """Say whether a word is the other with something before or after it."""
    return one in other or other in one or one[-5:] == other[-5:]
