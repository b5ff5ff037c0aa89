"""The figures of a report as files: all of them, well-formed, still, and on white."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import chromium
import pytest
import sample
import sample_order
from hostile import poisoned

from gapless.report import Content, render
from gapless.report.figures import Figure, draw, gather
from gapless.report.figures.draw import KINDS
from gapless.report.figures.drawing import (
    colour_of,
    linear,
    log_ticks,
    logarithmic,
    text_of,
    tick_texts,
    ticks_between,
)
from gapless.workflow.report_figures import write_figures

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)  # noqa: S314 - our own


@pytest.fixture(scope="module")
def contents() -> list[Content]:
    return [sample.content(), sample_order.content()]


@pytest.fixture(scope="module")
def figures(contents: list[Content]) -> list[Figure]:
    return [figure for content in contents for figure in gather(render(content))]


def test_no_figure_of_the_page_is_missing(contents: list[Content]) -> None:
    for content in contents:
        page = render(content)
        found = gather(page)
        assert len(found) == page.count('<script type="application/json">') > 5
        assert len({figure.name for figure in found}) == len(found)
        assert all(re.fullmatch(r"[a-z0-9-]+", figure.name) for figure in found)
        assert all(figure.title for figure in found)


def test_every_kind_of_the_page_is_drawn(figures: list[Figure]) -> None:
    # Points are of a sweep's page alone, and are drawn in test_report_sweep.py.
    assert {figure.spec["kind"] for figure in figures} == set(KINDS) - {"points"}


def test_a_figure_is_a_still_drawing_on_white_a_column_wide(figures: list[Figure]) -> None:
    for figure in figures:
        root = parsed(draw(figure))
        assert root.tag == f"{SVG}svg"
        assert root.get("width") == "84mm"
        paper = root.find(f"{SVG}rect")
        assert paper is not None
        assert paper.get("fill") == "#ffffff"
        assert {part.tag for part in root.iter()} <= {
            f"{SVG}{name}" for name in ("svg", "title", "desc", "rect", "path", "text")
        }
        assert root.findtext(f"{SVG}title") == figure.title
        assert len(root.findall(f"{SVG}path")) > 3


def test_nothing_is_drawn_outside(figures: list[Figure]) -> None:
    for figure in figures:
        root = parsed(draw(figure))
        _, _, width, height = map(float, str(root.get("viewBox")).split())
        for path in root.findall(f"{SVG}path"):
            if path.get("transform"):
                continue
            numbers = [float(n) for n in re.findall(r"-?[\d.]+", str(path.get("d")))]
            assert all(-0.1 <= x <= width + 0.1 for x in numbers[::2]), figure.name
            assert all(-0.1 <= y <= height + 0.1 for y in numbers[1::2]), figure.name
        for text in root.findall(f"{SVG}text"):
            assert 0 <= float(str(text.get("x"))) <= width
            assert 0 <= float(str(text.get("y"))) <= height


def test_a_curve_goes_through_its_points() -> None:
    line = {"arm": 1, "name": "a", "x": [0, 100, 1000], "y": [1.0, 3.0, None]}
    spec = {"kind": "lines", "title": "t", "y": "bits", "log": False, "lines": [line]}
    figure = Figure("n", "t", "s", spec | {"levels": [{"y": 2.0, "arm": None}]})
    root = parsed(draw(figure))
    marks = [p for p in root.findall(f"{SVG}path") if p.get("transform")][1:]  # the legend's first
    places = [re.findall(r"[\d.]+", str(mark.get("transform")))[:2] for mark in marks]
    (x0, y0), (x1, y1) = [(float(x), float(y)) for x, y in places]
    level = next(p for p in root.findall(f"{SVG}path") if p.get("stroke-dasharray"))
    base = float(re.findall(r"[\d.]+", str(level.get("d")))[1])
    assert base == pytest.approx((y0 + y1) / 2, abs=0.02)
    assert y1 < base < y0
    assert x0 < x1


def test_the_same_content_gives_the_same_bytes(contents: list[Content]) -> None:
    first, again = ([draw(figure) for figure in gather(render(contents[0]))] for _ in range(2))
    assert first == again


def test_hostile_text_stays_text(contents: list[Content]) -> None:
    bad = "\x1b]0;x\x07<script>hacked=1</script>&'\"\ud800"
    arms = tuple(replace(arm, name=f"{bad}{n}") for n, arm in enumerate(contents[0].arms))
    for figure in gather(render(replace(contents[0], arms=arms))):
        drawn = draw(figure)
        assert "<script" not in drawn
        parsed(drawn)
    for figure in gather(render(poisoned(contents[0]))):
        if figure.spec["kind"] != "area":  # whose classes of colour the poison has replaced
            parsed(draw(figure))


@pytest.mark.parametrize("text", ["\x00", "\x1b[2J", "\ud800", "\ufffe", "<b>&\"'", "plain"])
def test_text_is_what_xml_can_hold(text: str) -> None:
    root = parsed(f"<a>{text_of(text)}</a>")
    assert root.text
    assert len(root.text) == len(text)


def test_ticks_are_round_and_within() -> None:
    assert ticks_between(0.0, 1.0, 4) == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
    assert ticks_between(2.31, 2.52, 5) == pytest.approx([2.35, 2.4, 2.45, 2.5])
    assert ticks_between(3.0, 3.0, 4) == [3.0]
    assert log_ticks(1e3, 1e6, logarithmic(1e3, 1e6, 0, 90), 25) == [1e3, 1e4, 1e5, 1e6]
    assert tick_texts([-0.5, 0.0, 0.5], signs=True) == ["\N{MINUS SIGN}0.5", "0.0", "+0.5"]
    assert tick_texts([0.0, 0.25]) == ["0.00", "0.25"]
    assert linear(0, 10, 100, 0)(2.5) == 75


def test_colours_are_those_of_the_page() -> None:
    page = render(sample.content())
    assert colour_of({"arm": 1}) in page
    assert colour_of({"style": "g2"}) in page
    assert colour_of({"style": "warm k3 l0"}) != colour_of({"style": "cool k3 l0"})
    assert re.fullmatch("#[0-9a-f]{6}", colour_of({"style": "cool k23 l2"}))


def test_figures_are_written_as_svg_and_by_a_browser_as_png(tmp_path: Path) -> None:
    written = write_figures(render(sample.content()), tmp_path / "figures")
    assert len(written) > 5
    assert all(path.suffix == ".svg" and path.is_file() for path in written)


@pytest.mark.browser
def test_a_png_has_three_pixels_to_a_unit(tmp_path: Path) -> None:
    chromium.find()
    one_arm = replace(
        sample.content(), arms=sample.content().arms[:1], scores=(), labels=(), sources=()
    )
    pictures = [p for p in write_figures(render(one_arm), tmp_path, png=True) if p.suffix == ".png"]
    assert pictures
    for picture in pictures[:1]:
        head = picture.read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(head[16:20], "big") == 3 * 336
