"""The rows of `table.toml` as types: what assets there are and where they come from.

To add one: write an extractor (`extract_*.py`) that yields `Entry`s, and add a row to the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from gapless.errors import AssetError

Ecosystem = Literal["pypi-sdist", "pypi-wheel", "npm", "apt", "stdlib"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One file that a package client downloads, or the running Python's own library."""

    ecosystem: Ecosystem
    name: str
    version: str
    sha256: str = ""
    """Of the downloaded file; empty for Python's own standard library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A named corpus or model: where it comes from, what may be done with it, how it is read."""

    name: str
    kind: Literal["corpus", "model", "suite"]
    about: str
    licence: str
    redistributable: bool
    packages: tuple[Package, ...] = ()
    """Empty for what ships inside gapless."""
    extractor: str = ""
    """`family.function`: the function of `extract_<family>.py`."""
    revision: int = 1
    """Raised when the extractor changes its output."""

    @property
    def shipped(self) -> bool:
        """Whether the asset lies inside the installed package and needs no fetching."""
        return not self.packages

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that change with the downloaded files or the extractor's revision."""
        import hashlib

        parts = [f"{p.ecosystem} {p.name} {_version(p)} {p.sha256}" for p in self.packages]
        text = "\n".join([*parts, self.extractor, str(self.revision)])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def known() -> list[Asset]:
    """Return every asset, in the order of the table."""
    return list(_table().values())


def find(name: str) -> Asset:
    """Return the asset with this name.

    Raises:
        AssetError: no asset has this name.

    """
    import difflib

    table = _table()
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        mend = f"Did you mean {near[0]!r}? " if near else ""
        raise AssetError(
            "there is no asset with this name",
            where=f"asset {name!r}",
            mend=f"{mend}The assets are: {', '.join(table)}.",
        )
    return table[name]


@cache
def _table() -> dict[str, Asset]:
    import tomllib

    text = Path(__file__).with_name("table.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)
    packages = {key: Package(**fields) for key, fields in rows["packages"].items()}
    assets = {}
    for name, fields in rows["assets"].items():
        chosen = tuple(packages[key] for key in fields.pop("packages", ()))
        assets[name] = Asset(name=name, packages=chosen, **fields)
    return assets


def _version(package: Package) -> str:
    """Return the version that decides the content; the standard library has the interpreter's."""
    import platform

    return platform.python_version() if package.ecosystem == "stdlib" else package.version
