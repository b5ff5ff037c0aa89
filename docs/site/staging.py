"""The pages as the generator wants them: generated parts filled in, every link within the site."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import command_line
import python_names
import recipe_types
import shipped_recipes

MADE: dict[str, Callable[[], list[str]]] = {
    "command-line": command_line.lines,
    "recipe": recipe_types.lines,
    "python": python_names.lines,
    "shipped-recipes": shipped_recipes.lines,
}
"""Name in ``<!-- made: NAME -->`` to what writes there."""

LINK = re.compile(r"\]\(([^)\s]+)\)")
AS_THEY_ARE = {".css", ".js", ".png", ".svg"}


def stage(root: Path, out: Path) -> list[Path]:
    """Write the site's pages to ``out`` and return their paths.

    Pages of ``docs`` keep their place. What they link to outside of it (recipes, scripts, read-me
    files) becomes a page under ``files``. A link that leads nowhere is left for mkdocs to refuse.
    """
    shutil.rmtree(out, ignore_errors=True)
    docs = root / "docs"
    waiting = sorted(path for path in docs.rglob("*") if path.suffix in {".md", *AS_THEY_ARE})
    done: dict[Path, Path] = {}
    while waiting:
        source = waiting.pop()
        if source in done:
            continue
        done[source] = target = out / place_of(source, root)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix in AS_THEY_ARE:
            shutil.copyfile(source, target)
            continue
        text, links = with_links(page_of(source, root), source, root)
        target.write_text(text, encoding="utf-8")
        waiting += links
    return sorted(done.values())


def place_of(source: Path, root: Path) -> Path:
    """Return where a file of the repository stands in the site."""
    if source.is_relative_to(root / "docs"):
        return source.relative_to(root / "docs")
    inside = Path("files") / source.relative_to(root)
    return (
        inside if source.suffix in {".md", *AS_THEY_ARE} else inside.with_name(f"{inside.name}.md")
    )


def page_of(source: Path, root: Path) -> str:
    """Return a file as Markdown: pages with their generated parts, other files as a code block."""
    text = source.read_text(encoding="utf-8")
    if source.suffix != ".md":
        language = {".py": "python", ".yaml": "yaml", ".json": "json"}.get(source.suffix, "text")
        return f"# {source.relative_to(root)}\n\n~~~~{language}\n{text}~~~~\n"
    for name, lines in MADE.items():
        mark = f"<!-- made: {name} -->"
        if mark in text:
            text = text.replace(mark, "\n".join(lines()))
    return text


def with_links(text: str, source: Path, root: Path) -> tuple[str, list[Path]]:
    """Return the page with links that hold in the site, and the files they lead to."""
    here, found = place_of(source, root).parent, []

    def moved(match: re.Match[str]) -> str:
        parts = urlsplit(match[1])
        if parts.scheme or not parts.path:
            return match[0]
        target = Path(os.path.normpath(source.parent / parts.path))
        if not target.is_file():
            return match[0]
        found.append(target)
        link = os.path.relpath(place_of(target, root), here)
        return f"]({link}{'#' + parts.fragment if parts.fragment else ''})"

    lines = [LINK.sub(moved, line) if prose else line for line, prose in by_line(text)]
    return "".join(lines), found


def by_line(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each line with whether it is prose, not code."""
    fence = ""
    for line in text.splitlines(keepends=True):
        opening = re.match(r"\s*(```+|~~~+)", line)
        if opening and not fence:
            fence = opening[1]
            yield line, False
        elif fence:
            yield line, False
            if line.strip() == fence:
                fence = ""
        else:
            yield line, True
