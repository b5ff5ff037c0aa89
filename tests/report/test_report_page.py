import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest
import sample
from hostile import HOSTILE, poisoned

from gapless.report import ArmContent, Content, Trace, render
from gapless.report.sections.table import SECTIONS
from gapless.report.templating import embedded_json

PROFILES = 2
HISTOGRAMS = 1 + 2 + 1
"""Of perplexity, two selections by it, of words."""


class Parsed(HTMLParser):
    """Every tag with its attributes, and the text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[dict[str, str | None], str]] = []
        self._in_raw: dict[str, str | None] | None = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in_raw = {"tag": tag, **dict(attrs)} if tag in {"script", "style"} else None

    def handle_data(self, data):
        if self._in_raw is not None:
            self.raw.append((self._in_raw, data))

    def handle_endtag(self, tag):
        self._in_raw = None


def test_one_hostile_text_in_any_field_makes_no_markup(content):
    clean, hostile = (
        Parsed(render(content)),
        Parsed(render(poisoned(replace(content, created="1")))),
    )
    assert "img" not in {tag for tag, _ in clean.tags + hostile.tags}
    for _, attributes in hostile.tags:
        assert not any(name.startswith("on") for name in attributes)
    kinds = {tag for tag, _ in clean.tags}
    assert {tag for tag, _ in hostile.tags} <= kinds
    scripts = [tag for tag, _ in hostile.tags if tag in {"script", "style"}]
    assert len(scripts) == len(hostile.raw)


def test_a_hostile_text_is_shown_as_it_is(content):
    page = render(replace(content, notes=("<b>bold</b> & {{ 7*7 }}",)))
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; {{ 7*7 }}" in page


def test_the_page_can_be_written_whatever_its_text(content):
    page = render(poisoned(content))
    assert "\x00" not in page
    page.encode("utf-8")


def test_embedded_json_is_the_same_data_without_markup():
    data = {"name": HOSTILE, "values": [1.5, float("nan"), float("inf"), None, 3]}
    text = embedded_json(data)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"name": HOSTILE, "values": [1.5, None, None, None, 3]}


def test_nothing_outside_is_named(page):
    assert "http:" not in page
    assert "https:" not in page
    assert not re.search(r"@import|url\(", page)
    for tag, attributes in Parsed(page).tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        for name in ("src", "href", "srcset", "action", "style"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)


def test_the_policy_allows_exactly_this_style_and_this_script(page):
    parsed = Parsed(page)
    policy = next(a["content"] for _, a in parsed.tags if "http-equiv" in a)
    hashes = {}
    for attributes, text in parsed.raw:
        if attributes.get("type") is None:
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            hashes[attributes["tag"]] = f"'sha256-{digest}'"
    assert policy == (
        f"default-src 'none'; style-src {hashes['style']}; script-src {hashes['script']}; "
        "base-uri 'none'; form-action 'none'"
    )


def test_the_same_content_gives_the_same_bytes(content, page):
    assert render(sample.content()) == page


def test_a_run_of_three_arms_stays_small(page):
    assert len(page.encode()) < 300_000


def test_a_long_run_stays_small(content):
    steps = tuple(range(1, 20_001))
    trace = Trace(tokens=steps, values=tuple(2 + 1 / step for step in steps))
    arms = tuple(replace(arm, loss=trace, learning_rate=trace) for arm in content.arms)
    assert len(render(replace(content, arms=arms)).encode()) < 300_000


def test_every_section_stands_in_the_table_once():
    names = {
        Path(entry.name).stem
        for entry in (files("gapless.report") / "sections").iterdir()
        if entry.name.endswith(".py")
    }
    listed = [build.__module__.rpartition(".")[2] for build in SECTIONS]
    assert sorted(listed) == sorted(names - {"__init__", "table"})


def test_every_section_is_on_the_page_and_in_the_contents(content, page):
    sections = [section for build in SECTIONS if (section := build(content))]
    assert [section.key for section in sections] == [
        "headline", "curves", "gap", "profile", "mixture", "training", "text", "scores", "recipe",
    ]  # fmt: skip
    for section in sections:
        assert page.count(f'<section id="{section.key}"') == 1
        assert page.count(f'href="#{section.key}"') == 1


def test_every_chart_has_its_numbers_as_a_table(page):
    figures = re.findall(r"<figure.*?</figure>", page, flags=re.DOTALL)
    assert len(figures) == 2 + 4 + 1 + 2 + PROFILES + 3 + 2 + HISTOGRAMS
    for figure in figures:
        assert figure.count("<details") == figure.count("<table>") == 1
        assert "<td>" in figure


@pytest.mark.parametrize("arms", [(), "bare"])
def test_a_report_of_nothing_says_so(arms):
    if arms == "bare":
        bare = ArmContent(
            name="bare",
            description="",
            curves=(),
            mixture=(),
            gaps=(),
            loss=Trace(),
            learning_rate=Trace(),
            tokens_seen=0,
        )
        arms = (bare,)
    page = render(Content(title="Nothing", run_name="empty", arms=arms))
    assert page.count('class="empty"') == (9 if not arms else 8)
    assert "nan" not in page.lower().split("<main>")[1].split("</main>")[0]


def test_the_date_is_shown_only_when_given(content, page):
    assert 'class="created"' not in page
    assert "1 May 2031" in render(replace(content, created="1 May 2031"))


def test_the_report_loads_no_torch():
    code = (
        "import gapless.report, sys; print('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
