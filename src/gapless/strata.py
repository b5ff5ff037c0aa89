"""Strata: what a share is of. A source (``web``), or its documents with one label (``web/Law``)."""

UNLABELLED = "unlabelled"
"""The label that stands for none."""


def stratum_name(source: str, label: str) -> str:
    """Return the name of a source's documents with one label."""
    return f"{source}/{label}"


def source_of(stratum: str) -> str:
    """Return the source of a stratum; a source's name has no slash."""
    return stratum.partition("/")[0]
