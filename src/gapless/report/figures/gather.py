"""The charts of a page: what each shows, and under which name it becomes a file."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

_LONGEST_NAME = 60


@dataclass(frozen=True)
class Figure:
    """One chart."""

    name: str
    """``section-title``, in lower case and without spaces; no two are the same. Several of one
    title have what is measured behind it, or else a number."""
    title: str
    subtitle: str
    spec: dict[str, Any]
    """What the page's script reads."""


def gather(page: str) -> list[Figure]:
    """Return the charts of a report's page, in their order."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    titles = Counter((section, title) for section, title, _, _ in reader.found)
    taken: Counter[str] = Counter()
    figures = []
    for section, title, subtitle, spec in reader.found:
        more = str(spec.get("y", "")) if titles[section, title] > 1 else ""
        name = _file_name(section, f"{title} {more}")
        taken[name] += 1
        number = f"-{taken[name]}" if taken[name] > 1 else ""
        figures.append(Figure(name + number, title, subtitle, spec))
    return figures


def _file_name(section: str, title: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", f"{section}-{title}".lower()).strip("-")
    return words[:_LONGEST_NAME].rstrip("-")


class _Reader(HTMLParser):
    """Reads ``section > figure.plot``, its two titles and its JSON."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str, str, dict[str, Any]]] = []
        self._section = ""
        self._reading: str | None = None
        self._texts: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notice where text of interest begins."""
        known = dict(attrs)
        kinds = (known.get("class") or "").split()
        if tag == "section":
            self._section = known.get("id") or ""
        elif tag == "figure":
            self._texts = {}
        elif tag in {"bdi", "span"} and kinds and kinds[0] in {"plot-title", "plot-subtitle"}:
            self._reading = kinds[0]
        elif tag == "script" and known.get("type") == "application/json":
            self._reading = "json"

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        if self._reading:
            self._texts[self._reading] = self._texts.get(self._reading, "") + data

    def handle_endtag(self, tag: str) -> None:
        """End a text, or a chart."""
        if tag in {"bdi", "span", "script"}:
            self._reading = None
        if tag == "figure" and "json" in self._texts:
            spec = json.loads(self._texts["json"])
            title = self._texts.get("plot-title") or str(spec.get("title", ""))
            self.found.append((self._section, title, self._texts.get("plot-subtitle", ""), spec))
