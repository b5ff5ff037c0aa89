"""A headless Chromium that opens one page and says what became of it."""

import html
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--hide-scrollbars",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=4000",
)
# The page under test stands in a frame of the wanted width (a window has a least width), and the
# outer page writes down what it finds there.
OUTER = """<!doctype html><body style="margin:0"><iframe width="{width}" height="800"
style="border:0" srcdoc="{page}"></iframe><script>
onload = () => setTimeout(() => {{
  const inner = document.querySelector("iframe").contentDocument, root = inner.documentElement;
  const all = (selector) => [...inner.querySelectorAll(selector)];
  {act}
  const facts = {{
    width: root.clientWidth,
    overflow: root.scrollWidth,
    ready: root.dataset.ready,
    hacked: String(inner.defaultView.hacked),
    charts: all("figure.plot").length,
    drawn: all("svg.chart").filter((svg) => svg.querySelector("path, use")).length,
    lines: all("svg.chart .line").length,
    readouts: all(".readout:not([hidden])").map((box) => box.textContent).join("|"),
    broken: all("svg.chart *").filter((p) => /NaN|Infinity|undefined/.test(p.outerHTML)).length,
  }};
  inner.defaultView.frameElement.remove();
  for (const name in facts) document.body.setAttribute("data-" + name, facts[name]);
}}, 500);
</script>"""


@dataclass(frozen=True)
class Seen:
    """What the browser found."""

    facts: dict[str, str]
    console: list[str]


def find() -> str:
    """Return the browser's path; without one, fail in CI and skip elsewhere."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None and os.environ.get("CI", "").lower() == "true":
        pytest.fail("CI must have a Chromium: apt-get install -y chromium")
    if path is None:
        pytest.skip("no Chromium here: apt-get install -y chromium")
    return path


def open_page(page: str, folder: Path, *, width: int, act: str = "") -> Seen:
    """Open ``page`` in a frame ``width`` pixels wide, run ``act`` on ``inner``, and look."""
    place = folder / "outer.html"
    place.write_text(
        OUTER.format(width=width, page=html.escape(page, quote=True), act=act), encoding="utf-8"
    )
    command = [
        find(),
        *FLAGS,
        f"--user-data-dir={folder / 'profile'}",
        "--dump-dom",
        place.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    body = re.search(r"<body[^>]*>", done.stdout)
    assert body is not None, done.stdout[:500]
    facts = dict(re.findall(r'data-(\w+)="([^"]*)"', body.group()))
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen({name: html.unescape(text) for name, text in facts.items()}, console)
