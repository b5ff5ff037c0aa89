"""Titles and abstracts of PubMed's yearly XML files, with their MeSH headings."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from gapless.assets.passages import Entry, inside, tidy

_SHORTEST = 200
_TRUNCATED = re.compile(r"\s*\(ABSTRACT TRUNCATED AT \d+ WORDS\)\s*$")
_COPYRIGHT = re.compile(
    r"\s*(?:(?:Copyright )?\u00a9[^\n]{0,250}"
    r"|This article is protected by copyright\. All rights reserved\.?)$"
)


def pubmed2021(root: Path) -> Iterator[Entry]:
    """Yield abstracts that entered PubMed in 2021."""
    yield from articles(inside(root, "data/pubmed21n1298.xml.gz"))


def pubmed1977(root: Path) -> Iterator[Entry]:
    """Yield abstracts of 1977 to 1980, nearly all with MeSH headings."""
    yield from articles(inside(root, "data/pubmed20n0014.xml.gz"))


def articles(path: Path) -> Iterator[Entry]:
    """Yield every article of a PubMed XML file that has an abstract; the key is its PMID."""
    seen: set[str] = set()
    with gzip.open(path) as file:
        for _, node in ET.iterparse(file):  # noqa: S314 - checked by SHA-256
            if node.tag != "PubmedArticle":
                continue
            pmid = node.findtext("MedlineCitation/PMID", "")
            text = _text(node)
            if pmid and pmid not in seen and len(text) >= _SHORTEST:
                seen.add(pmid)
                mesh = [h.text or "" for h in node.iterfind(".//MeshHeading/DescriptorName")]
                yield Entry(pmid, text, {"mesh": mesh})
            node.clear()


def _text(article: ET.Element) -> str:
    """Title, blank line, abstract; empty when the article has no abstract."""
    abstract = article.find(".//Article/Abstract")
    if abstract is None:
        return ""
    paragraphs = [text for part in abstract.iterfind("AbstractText") if (text := _section(part))]
    if not paragraphs:
        return ""
    title = _words(article.find(".//Article/ArticleTitle")).strip("[]").replace("].", ".")
    return tidy("\n\n".join([title, *paragraphs]))


def _section(part: ET.Element) -> str:
    text = _COPYRIGHT.sub("", _TRUNCATED.sub("", _words(part)))
    label = part.get("Label", "")
    return f"{label.capitalize()}: {text}" if label and label != "UNLABELLED" and text else text


def _words(node: ET.Element | None) -> str:
    return " ".join("".join(node.itertext()).split()) if node is not None else ""
