"""The page in a real browser. Needs Debian's package ``chromium``."""

from dataclasses import replace

import chromium
import pytest
from hostile import poisoned

from gapless.report import render
from gapless.report.numbers import short

pytestmark = pytest.mark.browser
HISTOGRAMS = 1 + 2 + 1
PROFILES = 2
AREAS = 3
WAYS = 2
CHARTS = 2 + 4 + 1 + WAYS + PROFILES + AREAS + 2 + HISTOGRAMS
LINES = 3 * (2 + 4 + 1 + 2)


@pytest.mark.parametrize("width", [360, 1280])
def test_every_chart_is_drawn_and_nothing_overflows(page, tmp_path, width):
    seen = chromium.open_page(page, tmp_path, width=width)
    assert seen.console == []
    assert seen.facts["width"] == str(width)
    assert int(seen.facts["overflow"]) <= width
    assert seen.facts["ready"] == seen.facts["drawn"] == seen.facts["charts"] == str(CHARTS)
    assert seen.facts["lines"] == str(LINES)
    assert seen.facts["broken"] == "0"


def test_the_legend_hides_an_arm_and_the_scale_switches(page, tmp_path):
    act = """inner.querySelector('[data-log="false"]').click();
    inner.querySelector(".key").click();"""
    seen = chromium.open_page(page, tmp_path, width=800, act=act)
    assert seen.console == []
    assert seen.facts["lines"] == str(LINES * 2 // 3)
    assert seen.facts["broken"] == "0"


def test_a_pointer_reads_the_measured_numbers(content, page, tmp_path):
    act = """const svg = inner.querySelector("svg.chart"), box = svg.getBoundingClientRect();
    const at = { clientX: box.right - 12, clientY: box.top + 50 };
    svg.dispatchEvent(new inner.defaultView.PointerEvent("pointermove", at));"""
    seen = chromium.open_page(page, tmp_path, width=800, act=act)
    assert seen.console == []
    assert seen.facts["readouts"].startswith("2.46M tokens")
    for arm in content.arms:
        assert f"{arm.name}{arm.curves[0].values[-1]:.3f}" in seen.facts["readouts"]


def test_a_pointer_reads_a_bin_of_every_source(content, page, tmp_path):
    act = """const svg = inner.querySelectorAll(".score svg.chart")[1];
    const box = svg.getBoundingClientRect();
    const at = { clientX: box.right - 12, clientY: box.top + 90 };
    svg.dispatchEvent(new inner.defaultView.PointerEvent("pointermove", at));"""
    seen = chromium.open_page(page, tmp_path, width=800, act=act)
    assert seen.console == []
    score = content.scores[0]
    (ends, values) = seen.facts["readouts"].split("cardiology")
    assert ends == f"{short(score.edges[-2])} to {short(score.edges[-1])}"
    assert values == "0.0 %selected 0.0 %"


def test_the_legend_hides_an_arms_cuts(page, tmp_path):
    count = 'inner.querySelectorAll(".score")[0].querySelectorAll(".cut").length'
    act = f"""const before = {count};
    inner.querySelector('.key[data-arm="0"]').click();
    inner.defaultView.hacked = before + "," + {count};"""
    seen = chromium.open_page(page, tmp_path, width=800, act=act)
    assert seen.console == []
    assert seen.facts["hacked"] == "4,2", "one cut of two, in the chart of all and in its own"


def test_a_hostile_text_runs_nothing_and_breaks_no_layout(content, tmp_path):
    long = replace(content, title="x" * 400, run_name="y" * 400)
    for hostile in (poisoned(content), long):
        seen = chromium.open_page(render(hostile), tmp_path, width=360)
        assert seen.console == []
        assert seen.facts["hacked"] == "undefined"
        assert int(seen.facts["overflow"]) <= 360


def test_the_policy_stops_what_would_call_out_and_the_console_tells(page, tmp_path):
    act = """const script = inner.createElement("script");
    script.textContent = "window.hacked = 1";
    inner.body.append(script);
    inner.defaultView.fetch("data:text/plain,x").catch(() => 0);"""
    seen = chromium.open_page(page, tmp_path, width=360, act=act)
    assert seen.facts["hacked"] == "undefined"
    for refused in ("Executing inline script violates", "data:text/plain,x' violates"):
        assert any(refused in line for line in seen.console), seen.console


def test_holes_in_a_curve_break_nothing(content, tmp_path):
    arm = content.arms[0]
    first = arm.curves[0]
    holes = replace(
        first,
        values=(first.values[0], float("nan"), *first.values[2:]),
        low=(None, *first.low[1:]),
        high=(None, *first.high[1:]),
    )
    alone = replace(first, name="one point", tokens=(0,), values=(2.0,), low=None, high=None)
    arms = (replace(arm, curves=(holes, *arm.curves[1:], alone)), *content.arms[1:])
    seen = chromium.open_page(render(replace(content, arms=arms)), tmp_path, width=500)
    assert seen.console == []
    assert seen.facts["broken"] == "0"
    assert seen.facts["drawn"] == str(CHARTS + 1)


def test_without_a_browser_ci_fails_and_others_skip(monkeypatch):
    monkeypatch.setattr(chromium.shutil, "which", lambda _: None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must have a Chromium"):
        chromium.find()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception):
        chromium.find()
