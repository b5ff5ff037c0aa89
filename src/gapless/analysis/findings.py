"""Findings: what the advisor says, as data."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one rule says of one arm, or of several."""

    arm: str | None
    """None where it is about several."""
    text: str
    """What was seen, with its numbers and intervals."""
    suggestion: str
    """What to try; empty where nothing follows."""
    numbers: Mapping[str, float | None]
    """Those behind the text, in the metric's own unit or in tokens."""


@dataclass(frozen=True, kw_only=True)
class Finding(Said):
    """What the advisor says."""

    rule: str
    source: str
    """Where the rule comes from."""
