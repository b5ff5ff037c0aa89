"""The charts of the layers in a real browser. Needs Debian's package ``chromium``."""

import chromium
import pytest
import sample_layers

from gapless.report import render

pytestmark = pytest.mark.browser
CHARTS = 9
COUNT = """inner.defaultView.hacked = [
  all("#layers figure.plot").length,
  all("#layers svg.chart").filter((svg) => svg.querySelector("path")).length,
  all("#layers .level-name").map((text) => text.textContent).join("; "),
].join();"""


@pytest.fixture(scope="module")
def page():
    return render(sample_layers.content())


@pytest.mark.parametrize("width", [360, 1280])
def test_every_chart_is_drawn_and_nothing_overflows(page, tmp_path, width):
    seen = chromium.open_page(page, tmp_path, width=width, act=COUNT)
    assert seen.console == []
    assert int(seen.facts["overflow"]) <= width
    assert seen.facts["ready"] == seen.facts["drawn"] == seen.facts["charts"]
    assert seen.facts["broken"] == "0"
    assert seen.facts["hacked"] == (
        f"{CHARTS},{CHARTS},equally far; base 2.000; neither with nor against; equally strong"
    )


def test_a_pointer_reads_the_layers_of_every_arm(page, tmp_path):
    act = """const svg = all("#layers svg.chart")[0];
    svg.dispatchEvent(new inner.defaultView.KeyboardEvent("keydown", { key: "ArrowRight" }));
    svg.dispatchEvent(new inner.defaultView.KeyboardEvent("keydown", { key: "ArrowRight" }));"""
    seen = chromium.open_page(page, tmp_path, width=900, act=act)
    assert seen.console == []
    assert seen.facts["readouts"].startswith("16.4k tokens")
    assert seen.facts["readouts"].count("subset") == 2
