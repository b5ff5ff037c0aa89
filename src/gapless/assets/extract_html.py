"""Main text of HTML manuals (Sphinx, DocBook, plain) as paragraphs; code keeps its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.assets.passages import Entry, cut, inside, numbered, tidy
from gapless.errors import AssetError

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "p div section article h1 h2 h3 h4 h5 h6 ul ol dl dt dd li table tr thead tbody pre "
        "blockquote figure figcaption caption hr address main body form",
    )
)
_DEBRIS = (
    "script, style, nav, noscript, svg, form, a.headerlink, .navheader, .navfooter, .toc, "
    ".related, .sphinxsidebar, .docnav, #banner, #title, .topic.contents, .footnotes, sup, "
    ".list-of-figures, .version-list, .copyright, .legalnotice, .book-navigation, .links"
)
_INDEX_PAGES = ("genindex", "bookindex", "contents", "search", "copyright", "py-modindex", "index")


def docs(root: Path) -> Iterator[Entry]:
    """Yield Python's and PostgreSQL's manuals."""
    yield from _manual(inside(root, "doc/python3.11/html"), "python", "div[role=main]")
    yield from _manual(inside(root, "doc/postgresql-doc-15/html"), "postgresql", "body")


def handbook(root: Path) -> Iterator[Entry]:
    """Yield the Debian Administrator's Handbook, English edition."""
    yield from _manual(inside(root, "debian-handbook/html/en-US"), "debian-handbook", "body")


def essays(root: Path) -> Iterator[Entry]:
    """Yield the essays of An Anarchist FAQ."""
    yield from _manual(inside(root, "doc/anarchism/html"), "anarchism", "body")


def main_text(page: bytes, selector: str = "body") -> list[str]:
    """Return the paragraphs of the chosen part of an HTML page, without navigation."""
    try:
        from selectolax.lexbor import LexborHTMLParser
    except ImportError as error:
        raise AssetError(
            "reading HTML manuals needs the package selectolax",
            mend="Install it with: pip install 'gapless[assets]'",
        ) from error
    tree = LexborHTMLParser(page)
    for node in tree.css(_DEBRIS):
        node.decompose()
    chosen = tree.css_first(selector) or tree.body
    writer = _Writer()
    if chosen is not None:
        writer.walk(chosen)
        writer.flush()
    return writer.paragraphs


def _manual(folder: Path, prefix: str, selector: str) -> Iterator[Entry]:
    for path in sorted(folder.rglob("*.html")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name.startswith(_INDEX_PAGES) or name.endswith("/index") or name.startswith("_"):
            continue
        paragraphs = main_text(path.read_bytes(), selector)
        if name == "whatsnew/changelog" or sum(map(len, paragraphs)) < 400:
            continue
        yield from numbered(f"{prefix}/{name}", cut(paragraphs))


class _Writer:
    """Collects inline text into paragraphs while walking a tree."""

    def __init__(self) -> None:
        self.paragraphs: list[str] = []
        self._inline: list[str] = []
        self._mark = ""

    def walk(self, node: LexborNode) -> None:
        for child in node.iter(include_text=True):
            tag = child.tag
            if tag == "-text":
                self._inline.append(child.text(deep=False))
            elif tag == "pre":
                self.flush()
                self._add(child.text(deep=True).strip("\n"))
            elif tag in _BLOCKS:
                self.flush()
                self._mark = "- " if tag == "li" else self._mark
                self.walk(child)
                self.flush()
            else:
                self._inline.append(" " if tag == "br" else "")
                self.walk(child)
                self._inline.append(" | " if tag in {"td", "th"} else "")

    def flush(self) -> None:
        text = " ".join("".join(self._inline).split()).removesuffix("|").strip()
        self._inline.clear()
        self._add(text)

    def _add(self, text: str) -> None:
        text = tidy(text) if text.strip() else ""
        if text:
            self.paragraphs.append(self._mark + text)
            self._mark = ""
