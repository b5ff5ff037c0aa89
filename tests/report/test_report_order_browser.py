"""The charts of the order in a real browser. Needs Debian's package ``chromium``."""

from dataclasses import replace

import chromium
import pytest
import sample_order
from hostile import poisoned

from gapless.report import render
from gapless.report.numbers import perplexity, signed_percent

pytestmark = pytest.mark.browser
TOPICS = len(sample_order.TOPICS)
CHARTS = 2 + TOPICS + 1 + 2 + 2 + 1 + 1 + 2
POINT = """const point = (svg, x, y) => {
  const box = svg.getBoundingClientRect();
  const at = { clientX: box.left + box.width * x, clientY: box.top + y };
  svg.dispatchEvent(new inner.defaultView.PointerEvent("pointermove", at));
};
const press = (svg, key) =>
  svg.dispatchEvent(new inner.defaultView.KeyboardEvent("keydown", { key }));
const say = (what) => { inner.defaultView.hacked = what; };"""


@pytest.fixture(scope="module")
def ordered():
    return sample_order.content()


@pytest.fixture(scope="module")
def page(ordered):
    return render(ordered)


@pytest.mark.parametrize("width", [360, 1280])
def test_every_chart_is_drawn_and_nothing_overflows(page, tmp_path, width):
    act = 'for (const fold of all("details.fold")) fold.open = true;'
    seen = chromium.open_page(page, tmp_path, width=width, act=act)
    assert seen.console == []
    assert int(seen.facts["overflow"]) <= width
    assert seen.facts["charts"] == str(CHARTS)
    assert seen.facts["ready"] == seen.facts["drawn"] == str(CHARTS)
    assert seen.facts["broken"] == "0"


def test_a_pointer_reads_source_share_and_range(ordered, page, tmp_path):
    act = POINT + 'point(all(".area svg.chart")[0], 0.5, 340);'
    seen = chromium.open_page(page, tmp_path, width=900, act=act)
    assert seen.console == []
    assert seen.facts["readouts"] == "0 to 24.6M tokensCardiology16.0 %all of medicine50.0 %"


def test_arrows_walk_the_stretches_and_the_layers(page, tmp_path):
    act = (
        POINT
        + """const svg = all(".area svg.chart")[1];
    for (const key of ["ArrowRight", "ArrowUp", "ArrowUp", "ArrowDown"]) press(svg, key);"""
    )
    seen = chromium.open_page(page, tmp_path, width=900, act=act)
    assert seen.console == []
    assert "tokens, warm-upOncology" in seen.facts["readouts"]


def test_a_pointer_reads_which_perplexity_moved_which_share(ordered, page, tmp_path):
    act = POINT + 'const svg = all(".topics svg.chart")[0]; press(svg, "ArrowRight");'
    act += 'press(svg, "ArrowRight");'
    seen = chromium.open_page(page, tmp_path, width=900, act=act)
    assert seen.console == []
    first = ordered.arms[1].rounds[1].decisions[0]
    assert first.topic == "medicine/Cardiology"
    change = signed_percent(first.perplexity / first.perplexity_before - 1)
    assert seen.facts["readouts"] == (
        "Round 1 at 8.6M tokens, reactCardiology"
        f"perplexity{perplexity(first.perplexity_before)} \N{RIGHTWARDS ARROW} "
        f"{perplexity(first.perplexity)}{change}"
        f"factor\N{MULTIPLICATION SIGN} {first.factor:.2f}"
        f"share16.0 % \N{RIGHTWARDS ARROW} {100 * first.share:.1f} %held at the cap"
    )


def test_pointing_at_a_line_lights_its_topic_everywhere(page, tmp_path):
    act = (
        POINT
        + """const svg = all(".topics svg.chart")[0];
    point(svg, 0.3, 560);
    const lit = [...new Set(all(".lit").map((one) => one.dataset.part))];
    const charts = all(".has-lit").length, rows = all("tr.lit").length;
    svg.dispatchEvent(new inner.defaultView.PointerEvent("pointerleave", { pointerType: "mouse" }));
    say([lit.length, charts, rows, all(".lit").length].join());"""
    )
    seen = chromium.open_page(page, tmp_path, width=900, act=act)
    assert seen.console == []
    lit, charts, rows, after = seen.facts["hacked"].split(",")
    assert lit == "1"
    assert int(charts) >= 3, "two mixtures and the topics"
    assert rows == "4", "one of each round"
    assert after == "0"


def test_a_legend_pins_a_topic_and_lets_it_go(page, tmp_path):
    act = (
        POINT
        + """const key = all("#mixture .part")[0];
    key.click();
    const pinned = all(".part[aria-pressed=true]").length, lit = all("svg.has-lit").length;
    key.click();
    say([pinned, lit, all("svg.has-lit").length].join());"""
    )
    seen = chromium.open_page(page, tmp_path, width=900, act=act)
    assert seen.console == []
    assert seen.facts["hacked"] == "3,4,0", "in three legends; two areas, topics, curriculum"


def test_the_perplexity_is_shown_as_change_or_as_value(page, tmp_path):
    act = (
        POINT
        + """const texts = () => all(".topics svg.chart text").map((t) => t.textContent);
    const shown = (text) => texts().includes(text), change = "perplexity, change since the start";
    const before = shown(change);
    inner.querySelector("[data-change=false]").click();
    say([before, shown(change), shown("perplexity (log)")].join());"""
    )
    seen = chromium.open_page(page, tmp_path, width=900, act=act)
    assert seen.console == []
    assert seen.facts["hacked"] == "true,false,true"
    assert seen.facts["broken"] == "0"


def test_a_hostile_order_runs_nothing_and_breaks_no_layout(ordered, tmp_path):
    # The read-outs are closed again: the browser cannot write half a character down for us.
    act = (
        POINT
        + """let read = 0;
    for (const svg of all("svg.chart")) {
      press(svg, "ArrowRight");
      read += all(".readout:not([hidden])").length;
      press(svg, "Escape");
    }
    if (read !== all("svg.chart").length) say("unread");"""
    )
    seen = chromium.open_page(render(poisoned(ordered)), tmp_path, width=360, act=act)
    assert seen.console == []
    assert seen.facts["hacked"] == "undefined"
    assert int(seen.facts["overflow"]) <= 360
    assert seen.facts["broken"] == "0"


def test_missing_perplexities_and_empty_arms_break_nothing(ordered, tmp_path):
    arm = ordered.arms[1]
    holes = tuple(
        replace(
            each,
            decisions=tuple(
                replace(d, perplexity=None if k % 2 else d.perplexity, perplexity_before=None)
                for k, d in enumerate(each.decisions)
            ),
        )
        for each in arm.rounds
    )
    unmeasured = tuple(
        replace(each, decisions=tuple(replace(d, perplexity=None) for d in each.decisions))
        for each in arm.rounds
    )
    arms = (
        replace(arm, rounds=holes),
        replace(arm, rounds=unmeasured),
        replace(arm, rounds=(replace(arm.rounds[0], decisions=()),), mixture=arm.mixture[:1]),
    )
    act = (
        POINT
        + """for (const svg of all("svg.chart")) {
      for (const key of ["ArrowRight", "ArrowUp", "ArrowLeft"]) press(svg, key);
      point(svg, 0.5, 100);
    }"""
    )
    page = render(replace(ordered, arms=arms))
    seen = chromium.open_page(page, tmp_path, width=700, act=act)
    assert seen.console == []
    assert seen.facts["broken"] == "0"
