"""Questions on diseases (MONDO) and anatomy (UBERON), with wrong choices of the same branch."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.assets.suites.items import Draft, drawn, generator

if TYPE_CHECKING:
    import numpy as np

_MARK = re.compile(r"\s*\[[^\]]*\]")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z' -]*$")
_FEWEST_WORDS, _MOST_WORDS, _LONGEST_NAME = 8, 60, 6
_WRONG, _STEM = 3, 5


@dataclass(frozen=True)
class Ontology:
    """The terms of an ontology: id to label, definition, synonyms and ancestors."""

    prefix: str
    rows: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, root: Path, prefix: str) -> Ontology:
        """Read the newest release in cellxgene-ontology-guide."""
        import zstandard

        path = max(root.rglob(f"{prefix}-ontology-v*.json.zst"))
        with zstandard.open(path, "rb") as file:
            rows = json.loads(file.read())
        mine = {k: row for k, row in sorted(rows.items()) if k.startswith(prefix)}
        return cls(prefix, {k: row for k, row in mine.items() if not row.get("deprecated")})

    def label(self, key: str) -> str:
        """Return a term's name."""
        return str(self.rows[key]["label"])

    def names(self, key: str) -> set[str]:
        """Return a term's name and its synonyms, in lower case."""
        row = self.rows[key]
        return {name.casefold() for name in (row["label"], *(row.get("synonyms") or ()))}

    def definition(self, key: str) -> str:
        """Return a definition without its references."""
        text = " ".join(_MARK.sub("", self.rows[key].get("description") or "").split())
        return text if not text or text.endswith((".", "!", "?")) else f"{text}."

    def parents(self, key: str) -> list[str]:
        """Return the nearest ancestors."""
        return [k for k, far in self.rows[key]["ancestors"].items() if far == 1 and k in self.rows]

    def related(self, one: str, other: str) -> bool:
        """Say whether one term is the other, above it, below it, or called the same."""
        return (
            one == other
            or other in self.rows[one]["ancestors"]
            or one in self.rows[other]["ancestors"]
            or not self.names(one).isdisjoint(self.names(other))
        )

    @cached_property
    def children(self) -> dict[str, list[str]]:
        """Term to those that it is a nearest ancestor of."""
        found: dict[str, list[str]] = defaultdict(list)
        for key in self.rows:
            for parent in self.parents(key):
                found[parent].append(key)
        return found

    @cached_property
    def plain(self) -> list[str]:
        """Terms with a short name of letters, and a definition of some words."""
        return [
            key
            for key in self.rows
            if _PLAIN.match(self.label(key))
            and len(self.label(key).split()) <= _LONGEST_NAME
            and _FEWEST_WORDS <= len(self.definition(key).split()) <= _MOST_WORDS
        ]

    def of_the_branch(self, key: str) -> list[str]:
        """Return brothers, sisters, uncles and cousins that are something else and called so."""
        near = self.parents(key)
        far = [above for parent in near for above in self.parents(parent)]
        uncles = [u for above in far for u in self.children[above]]
        cousins = [c for uncle in uncles for c in self.children[uncle]]
        every = dict.fromkeys([*uncles, *cousins])
        return [k for k in every if not self.related(k, key)]


def definitions(ontology: Ontology, task: str) -> Iterator[Draft]:
    """Yield which of four terms a definition is of; it says none of the right one's names."""
    draws, plain = generator("choices", task), set(ontology.plain)
    for key in ontology.plain:
        text = ontology.definition(key)
        if any(_says(text, name) for name in ontology.names(key)):
            continue
        near = [k for k in ontology.of_the_branch(key) if k in plain]
        wrong = _labels(ontology, draws, near, ontology.label(key))
        if wrong:
            yield Draft(
                source=key, fields={"definition": text}, right=ontology.label(key), wrong=wrong
            )


def classes(ontology: Ontology, task: str) -> Iterator[Draft]:
    """Yield which of four classes a term belongs to; the right one is not a part of its name."""
    draws = generator("choices", task)
    many = {key for key, below in ontology.children.items() if len(below) >= 3}
    for key in ontology.plain:
        for parent in ontology.parents(key):
            label = ontology.label(parent)
            if parent not in many or set(label.split()) <= set(ontology.label(key).split()):
                continue
            near = [k for k in ontology.of_the_branch(parent) if k in many]
            wrong = _labels(
                ontology, draws, [k for k in near if not ontology.related(k, key)], label
            )
            if wrong and _PLAIN.match(label):
                fields = {"term": ontology.label(key), "definition": ontology.definition(key)}
                if label.casefold() not in fields["definition"].casefold():
                    yield Draft(source=key, fields=fields, right=label, wrong=wrong)
                break


def last_words(ontology: Ontology) -> Iterator[Draft]:
    """Yield definitions without their last word, which they, or the name, have said before."""
    for key in ontology.plain:
        words = ontology.definition(key).rstrip(".").split()
        last = words[-1]
        before = re.findall(r"[a-z]+", " ".join([ontology.label(key), *words[:-2]]).casefold())
        if len(last) >= 4 and last.isalpha() and last.casefold() in before:
            text = " ".join(words[:-1])
            yield Draft(source=key, fields={"term": ontology.label(key), "text": text}, right=last)


def _says(text: str, name: str) -> bool:
    """Say whether a text has a name, or the beginnings of all its longer words."""
    stems = [word[:_STEM] for word in re.findall(r"[a-z]{4,}", name.casefold())]
    return name in text.casefold() or (bool(stems) and all(s in text.casefold() for s in stems))


def _labels(
    ontology: Ontology, draws: np.random.Generator, keys: list[str], right: str
) -> tuple[str, ...] | None:
    """Return names of three terms that differ from the right one and from one another."""
    names = map(ontology.label, keys)
    fit = [n for n in names if _PLAIN.match(n) and n.casefold() != right.casefold()]
    return drawn(draws, fit, _WRONG)
