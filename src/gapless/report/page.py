"""The page: sections, style and script in one file that may call nothing outside itself."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from gapless.report.content import Content
from gapless.report.sections.table import SECTIONS
from gapless.report.templating import Section, fill

_STYLES = ("page.css", "parts.css", "charts.css", "topics.css")
_SCRIPTS = (
    "frame.js",
    "lines.js",
    "scatter.js",
    "ways.js",
    "turns.js",
    "dots.js",
    "bins.js",
    "area.js",
    "topics.js",
    "points.js",
    "page.js",
)


def render(content: Content) -> str:
    """Return the report as one HTML file; the same content gives the same bytes."""
    return assemble(
        title=content.title,
        run_name=content.run_name,
        created=content.created,
        warnings=content.warnings,
        sections=[section for build in SECTIONS if (section := build(content)) is not None],
    )


def assemble(
    *,
    title: str,
    run_name: str,
    created: str | None,
    warnings: Sequence[str],
    sections: Sequence[Section],
) -> str:
    """Put sections into the frame that all reports have."""
    style, script = _asset(_STYLES), _asset(_SCRIPTS)
    page = fill(
        "page",
        content={
            "title": title,
            "run_name": run_name,
            "created": created,
            "warnings": warnings,
        },
        sections=sections,
        style=Markup(style),  # noqa: S704  # our own file
        script=Markup(script),  # noqa: S704  # our own files
        policy=_policy(style, script),
    )
    return _writable(str(page))


def _policy(style: str, script: str) -> str:
    """Allow this style and this script, by their hashes, and nothing else."""
    rules = {
        "default-src": "'none'",
        "style-src": _source_hash(style),
        "script-src": _source_hash(script),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _source_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _asset(names: tuple[str, ...]) -> str:
    folder = files("gapless.report") / "assets"
    text = "\n".join((folder / name).read_text(encoding="utf-8").strip() for name in names)
    assert "</" not in text, "an asset may not hold what ends its element"
    assert text.isascii(), "the hash of an asset must not hang on its encoding"
    return f"\n{text}\n"


def _writable(page: str) -> str:
    """Replace what UTF-8 or HTML cannot hold: half characters and control characters."""
    known = page.replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c >= " " or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in known)
