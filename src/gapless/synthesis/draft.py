"""What a request is made from, and what comes of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Seed:
    """A piece of text that a model takes inspiration from."""

    source: str
    """The recipe's source, or the pool of problems."""
    document: str
    """The document's id there."""
    begin: int
    end: int
    """The piece is characters ``begin`` to ``end`` of the document's text."""
    text: str
    label: str
    """The discipline; empty where the form has none."""
    language: str
    """``en`` or ``zh``: the language to write in."""


@dataclass(frozen=True)
class Draft:
    """What a model wrote, in its sections, not yet checked."""

    key: str
    """The request's."""
    form: str
    """``science_qa``, ``code_qa``, ...: a name of the table of forms."""
    label: str
    language: str
    sections: Mapping[str, str]
    """Name of the section to its text, stripped, in the form's order."""
    seeds: tuple[Seed, ...]
    """One snippet, or several demonstrations."""
