"""The documentation site builds without a warning, holds together, and needs nobody else."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from page_blocks import DOCS, ROOT

sys.path.insert(0, str(DOCS / "site"))

import recipe_types
import staging

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LOADS = {
    "audio": ["src"],
    "iframe": ["src"],
    "img": ["src", "srcset"],
    "link": ["href"],
    "object": ["data"],
    "script": ["src"],
    "source": ["src", "srcset"],
    "video": ["src", "poster"],
}
"""What a browser fetches by itself when it opens a page."""
QUIET_LINKS = {"canonical", "next", "prev"}


class Page(HTMLParser):
    """What a page loads, where it leads, and its anchors."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "link" and given.get("rel") in QUIET_LINKS:
            return
        self.loads += [given[name] for name in LOADS.get(tag, ()) if name in given]
        if tag == "a" and "href" in given:
            self.links.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does, elsewhere."""
    if find_spec("mkdocs") is None or find_spec("material") is None:
        pytest.skip("mkdocs-material is not here: pip install 'gapless[docs]'")
    place = tmp_path_factory.mktemp("site")
    staging.stage(ROOT, place / "build" / "docs")
    shutil.copy(ROOT / "mkdocs.yml", place)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return place / "build" / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {file: Page(file) for file in site.rglob("*.html") if file.name != "404.html"}


def test_every_page_of_docs_is_in_the_site(site: Path, pages: dict[Path, Page]) -> None:
    wanted = {page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")}
    wanted = {path.with_name("index.html") if path.stem == "README" else path for path in wanted}
    built = {page.relative_to(site) for page in pages}
    assert wanted <= built


def test_links_and_anchors_of_the_site_lead_somewhere(pages: dict[Path, Page]) -> None:
    followed = 0
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in {"http", "https", "mailto"}:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            assert target.is_file(), f"{file}: {link}"
            if parts.fragment and target.suffix == ".html":
                assert unquote(parts.fragment) in pages[target].anchors, f"{file}: {link}"
                followed += 1
    assert followed > 100


def test_no_page_loads_anything_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    loads = {load for page in pages.values() for load in page.loads}
    assert any(load.endswith(".js") for load in loads)
    assert any(load.endswith(".css") for load in loads)
    assert not [load for load in loads if re.match(r"(\w+:)?//", load)]
    for sheet in site.rglob("*.css"):
        fetched = re.findall(r"url\(([^)]*)\)|@import\s+(\S+)", sheet.read_text())
        assert not [each for pair in fetched for each in pair if re.match(r"[\"']?(http|//)", each)]


def opened(page: Path, folder: Path) -> tuple[set[str], str]:
    """Open a page where no host is found; return the hosts that were asked for, and the page."""
    assert CHROMIUM
    log = folder / "net.json"
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [
        "--disable-quic",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--disable-dev-shm-usage",
    ]
    command += [f"--log-net-log={log}", f"--user-data-dir={folder / 'profile'}"]
    command += ["--virtual-time-budget=4000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return hosts(log.read_text()), done.stdout


def hosts(text: str) -> set[str]:
    return set(re.findall(r"(?:https?:|wss?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)+)", text))


@pytest.mark.browser
def test_a_browser_that_opens_the_site_asks_nobody(site: Path, tmp_path: Path) -> None:
    """The browser asks some hosts for itself; what counts is those that the site names."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    far = tmp_path / "far.html"
    far.write_text('<script src="https://far.invalid/a.js"></script>')
    assert "far.invalid" in opened(far, tmp_path)[0]

    asked, shown = opened(site / "tutorials" / "first-report.html", tmp_path)
    files = [file for file in site.rglob("*") if file.suffix in {".css", ".html", ".js"}]
    named = {host for file in files for host in hosts(file.read_text())}
    assert "arxiv.org" in named
    assert not asked & named
    assert "Type to start searching" in shown, "the search works from the disk"


def staged(tmp_path: Path, name: str) -> str:
    staging.stage(ROOT, tmp_path)
    return (tmp_path / "reference" / f"{name}.md").read_text()


def test_the_references_are_made_of_what_there_is(tmp_path: Path) -> None:
    import gapless
    from gapless.cli.main import app
    from gapless.recipe import Recipe

    recipe, line = staged(tmp_path, "recipe"), staged(tmp_path, "command-line")
    assert {f"| `{field}` |" for field in Recipe.model_fields} <= set(
        re.findall(r"^\| `\w+` \|", recipe, re.MULTILINE)
    )
    verbs = {command.name for command in app.registered_commands}
    assert {f"gapless {verb}" for verb in verbs} <= set(
        re.findall(r"^## (.+)$", line, re.MULTILINE)
    )
    assert "`--allow-contamination`" in line
    python = staged(tmp_path, "python")
    for name in gapless.__all__:
        assert name[0] == "_" or f"### {name}\n" in python
    assert "made:" not in recipe + line + python


def test_a_part_is_told_in_words() -> None:
    part = {
        "description": "A stretch of ``x``.",
        "properties": {
            "type": {"const": "stretch"},
            "tokens": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            "next": {"$ref": "#/$defs/gapless__recipe__curricula__Labels", "description": "a|b"},
            "names": {"type": "object", "patternProperties": {"^x": {"type": "string"}}},
        },
        "required": ["next"],
    }
    assert recipe_types.section("Stretch", part) == [
        "## Stretch: `type: stretch` {#stretch}",
        "",
        "A stretch of `x`.",
        "",
        "| setting | takes | default | |",
        "| --- | --- | --- | --- |",
        "| `tokens` | integer or `null` | `null` |  |",
        "| `next` | [Labels (curricula)](#labels-curricula) | required | a\\|b |",
        "| `names` | names to text | `{}` |  |",
        "",
    ]


def test_links_out_of_docs_become_pages_and_code_is_left_alone(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "a.yaml").write_text("name: a\n")
    page = "[a](../recipes/a.yaml) [b](b.md#c) [d](https://d.org)\n```text\n[a](../recipes/a.yaml)\n```\n"
    (docs / "one.md").write_text(page)
    (docs / "b.md").write_text("# B\n")
    made = staging.stage(tmp_path, tmp_path / "out")
    places = [str(path.relative_to(tmp_path / "out")) for path in made]
    assert places == ["b.md", "files/recipes/a.yaml.md", "one.md"]
    assert (tmp_path / "out" / "one.md").read_text() == page.replace(
        "../recipes/a.yaml", "files/recipes/a.yaml.md", 1
    )
    told = (tmp_path / "out" / "files" / "recipes" / "a.yaml.md").read_text()
    assert told == "# recipes/a.yaml\n\n~~~~yaml\nname: a\n~~~~\n"


def test_the_navigation_names_pages_that_exist_once_each() -> None:
    def leaves(node: object) -> list[str]:
        if isinstance(node, str):
            return [node]
        values = node.values() if isinstance(node, dict) else node
        return [leaf for value in values for leaf in leaves(value)]

    named = leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert len(named) == len(set(named))
    assert all((DOCS / page).is_file() for page in named)
    assert json.dumps(named).isascii()
