"""Write the figures of a report as files for a paper."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path

from gapless.errors import RunError
from gapless.records.artifact import write_text
from gapless.report.figures import draw, gather

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-device-scale-factor=3",
)
_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_SECONDS = 120


def write_figures(page: str, out: Path, *, png: bool = False) -> list[Path]:
    """Write every figure of a report's page as ``out/SECTION-TITLE.svg``; with ``png``, as PNG too.

    Raises:
        RunError: PNGs are asked for, and there is no browser to make them.

    """
    browser = _browser() if png else ""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for figure in gather(page):
        place = out / f"{figure.name}.svg"
        write_text(place, draw(figure))
        written.append(place)
    return written + (_to_png(written, browser) if png else [])


def _browser() -> str:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        raise RunError(
            "PNGs are made by Chromium, and there is none here",
            where="--png",
            mend="Install it, or leave --png out: SVG files can be made into any other format.",
        )
    return found


def _to_png(drawings: Sequence[Path], browser: str) -> list[Path]:
    """Photograph each drawing, three pixels to a unit: about 300 to an inch in a paper."""
    with tempfile.TemporaryDirectory() as scratch:
        return [_photograph(drawing, browser, Path(scratch)) for drawing in drawings]


def _photograph(drawing: Path, browser: str, scratch: Path) -> Path:
    found = _BOX.search(drawing.read_text(encoding="utf-8"))
    assert found is not None
    width, height = (round(float(side)) for side in found.groups())
    page, target = scratch / "page.html", drawing.with_suffix(".png")
    source = escape(drawing.resolve().as_uri(), quote=True)
    page.write_text(
        f'<body style="margin:0"><img style="display:block" width="{width}" height="{height}" '
        f'src="{source}">',
        encoding="utf-8",
    )
    command = [
        browser,
        *_FLAGS,
        f"--user-data-dir={scratch / 'profile'}",
        f"--window-size={width},{height}",
        f"--screenshot={target.resolve()}",
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    if done.returncode or not target.is_file():
        raise RunError("Chromium made no picture", where=str(drawing), mend="Leave --png out.")
    return target
