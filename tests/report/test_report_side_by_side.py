"""Arms side by side, several seeds, and the charts of the arms' ways."""

from dataclasses import replace

import chromium
import pytest
import sample_findings
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from gapless.report import (
    AtFlops,
    Content,
    SeedPairRow,
    SeedsRow,
    TaskTurn,
    TurningRow,
    render,
)
from gapless.report.figures import draw, gather
from gapless.report.numbers import flops
from gapless.report.sections import gap
from gapless.report.turns import on_front, turns_plot, way_plot

DIP = TaskTurn(metric="accuracy", depth=0.021, bottom=40_960, recovery=310_000, dip_is_real=True)


@pytest.fixture
def told(content: Content) -> Content:
    """Two arms as seeds of one another, and the third against both."""
    one, two, three = (arm.name for arm in content.arms)
    seeds = SeedsRow(
        arms=(one, two),
        name="general",
        metric="bits_per_byte",
        change=-0.4,
        low=-0.5,
        high=-0.3,
        spread=0.03,
        depth=0.41,
    )
    apart = SeedPairRow(
        arms=(three,),
        against=(one, two),
        name="general",
        metric="bits_per_byte",
        tokens=2_457_600,
        difference=0.3,
        low=0.1,
        high=0.5,
    )
    turning = TurningRow(
        arm=one,
        loss_metric="bits_per_byte",
        change=0.5,
        low=0.45,
        high=0.55,
        steadily=True,
        domain=DIP,
        general=replace(DIP, recovery=None, dip_is_real=False),
        as_in_paper=False,
    )
    return replace(content, seeds=(seeds,), seed_pairs=(apart,), turning_points=(turning,))


def table(content: Content, label: str) -> list[list[str]]:
    rows = LexborHTMLParser(gap.build(content).html).css(f"[aria-label='{label}'] tr")
    return [[cell.text(strip=True) for cell in row.css("th, td")] for row in rows]


def test_what_arms_spent_is_told_where_their_tokens_cost_differently(content: Content) -> None:
    one, two, three = content.arms
    at_flops = AtFlops(flops=1.5e18, difference=0.2, low=0.1, high=0.3)
    pair = replace(sample_findings.pair(arm=three.name, against=one.name), at_flops=at_flops)
    same = replace(content, pairs=(pair,), flops={one.name: 2e18, two.name: 2e18, three.name: 2e18})
    label = "Table of arms at the same cost"
    assert len(table(same, label)[0]) == 6
    assert "at equal compute the numbers are the same" in gap.build(same).html
    dearer = replace(same, flops={one.name: 2e18, three.name: 3e18})
    head, _, line = table(dearer, label)
    assert head[2:6] == ["At tokens", "Better by", "At FLOPs", "Better by"]
    assert line[4:6] == ["1.5 EFLOPs", "+0.200+0.100 to +0.300"]
    assert "numbers are the same" not in gap.build(dearer).html
    unknown = replace(dearer, pairs=(replace(pair, at_flops=None),))
    assert table(unknown, label)[2][4:6] == ["\N{EN DASH}", "\N{EN DASH}"]
    assert "Operations" in render(dearer)
    assert "Operations" not in render(content)


def test_seeds_are_one_row_with_all_their_marks(told: Content) -> None:
    head, _, line = table(told, "Table of several seeds")
    assert head[1:] == ["Mean change", "Between seeds", "Mean drop below the base"]
    assert line == [
        "baselinesubset x 4 epochs",
        "\N{MINUS SIGN}0.400\N{MINUS SIGN}0.500 to \N{MINUS SIGN}0.300",
        "0.030",
        "0.410",
    ]
    _, _, line = table(told, "Table of several seeds at the same cost")
    assert line[:4] == [
        "subset + replay",
        "baselinesubset x 4 epochs",
        "2.46M",
        "+0.300+0.100 to +0.500",
    ]


def test_perplexity_stands_beside_the_tasks(told: Content) -> None:
    _, line = table(told, "Table of perplexity beside tasks")
    assert line == [
        "baseline",
        "+0.500 bits per bytefell steadily",
        "2.1 points of accuracy at 41kreal, back at 310k",
        "2.1 points of accuracy at 41kwithin noise, never back",
        "no",
    ]


def test_without_seeds_and_tasks_there_are_no_such_tables(content: Content) -> None:
    html = gap.build(content).html
    for head in ("Over seeds", "Seeds against seeds", "Perplexity beside tasks"):
        assert head not in html


points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12)


@given(points)
def test_the_front_is_what_nothing_beats(found: list[tuple[int, int]]) -> None:
    def beaten(point: tuple[int, int]) -> bool:
        return any(a >= point[0] and b >= point[1] and (a, b) != point for a, b in found)

    assert on_front(found) == [not beaten(point) for point in found]


def test_the_ways_go_from_the_base_to_the_ends_and_their_front_is_over_all_arms(
    content: Content,
) -> None:
    plot = way_plot(content.arms, "domain", "general", "bits_per_byte")
    assert plot is not None
    ways = plot.spec["ways"]
    assert [way["name"] for way in ways] == [arm.name for arm in content.arms]
    for way, arm in zip(ways, content.arms, strict=True):
        changes = {row.name: row.change for row in arm.gaps}
        assert (way["x"][0], way["y"][0], way["front"][0]) == (0, 0, False)
        assert way["x"][-1] == pytest.approx(changes["general"])
        assert way["y"][-1] == pytest.approx(changes["domain"])
    assert 0 < len(plot.table.rows) == sum(sum(way["front"]) for way in ways)
    assert way_plot(content.arms, "domain", "general", "accuracy") is None


def test_turning_points_say_where_and_whether(content: Content) -> None:
    plot = turns_plot(content.arms)
    assert plot is not None
    domain, general = plot.spec["groups"]
    assert [row["bottom"] for row in domain["rows"]] == [None] * 3
    worst = [row.tokens_to_bottom for arm in content.arms for row in arm.gaps[:1]]
    assert [row["bottom"] for row in general["rows"]] == worst
    assert all(row["real"] for row in general["rows"])
    cells = {(row[0].split(",")[0], row[1]): row[2:] for row in plot.table.rows}
    assert cells["general", "subset + replay"][2:4] == ("real", "never")
    assert cells["domain", "baseline"][2] == "no drop"
    assert turns_plot([replace(content.arms[0], gaps=())]) is None


def test_along_operations_curves_and_their_files_count_operations(content: Content) -> None:
    arms = tuple(
        replace(
            arm,
            curves=tuple(
                replace(curve, flops=tuple(int(at * 2e9) for at in curve.tokens))
                for curve in arm.curves
            ),
        )
        for arm in content.arms
    )
    along = replace(content, arms=arms, along="flops")
    page = render(along)
    figure = next(each for each in gather(page) if each.name.startswith("curves-general"))
    assert figure.spec["along"] == "PFLOPs"
    assert figure.spec["lines"][0]["x"][-1] == pytest.approx(2_457_600 * 2e9 / 1e15, rel=1e-4)
    assert "PFLOPs of training (log)" in draw(figure)
    assert "Operations" in page
    turning = next(each for each in gather(page) if each.spec["kind"] == "turns")
    assert turning.spec["last"] == 2_457_600, "places of the gap stay in tokens"


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.234e18, "1.23 EFLOPs"), (5e9, "5 GFLOPs"), (2e5, "0.2 MFLOPs"), (4.2e22, "42 ZFLOPs")],
)
def test_operations_are_written_in_a_unit_that_fits(number: float, text: str) -> None:
    assert flops(number) == text
    assert flops(None) == flops(float("nan")) == "\N{EN DASH}"


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1200])
def test_the_keyboard_walks_along_an_arm_and_down_the_turning_points(page, tmp_path, width):
    act = """const key = (svg, name) =>
      svg.dispatchEvent(new inner.defaultView.KeyboardEvent("keydown", { key: name }));
    const read = (svg) => svg.closest("figure").querySelector(".readout").textContent;
    const [ways, turns] = ["ways", "turns"].map((k) => inner.querySelector("figure." + k + " svg"));
    key(ways, "ArrowRight"); key(ways, "ArrowRight"); key(ways, "ArrowUp");
    const seen = [read(ways)];
    key(turns, "ArrowRight"); key(turns, "ArrowLeft");
    seen.push(read(turns));
    inner.querySelector('.key[data-arm="2"]').click();
    seen.push(ways.querySelectorAll(".line").length, turns.querySelectorAll(".turn-best").length);
    inner.defaultView.hacked = seen.join(" | ");"""
    seen = chromium.open_page(page, tmp_path, width=width, act=act)
    assert seen.console == []
    assert seen.facts["broken"] == "0"
    assert int(seen.facts["overflow"]) <= width
    way, turn, lines, bests = seen.facts["hacked"].split(" | ")
    assert way.startswith("subset x 4 epochs at 32.8k tokens")
    assert turn.startswith("subset + replay: general, bits per byte")
    assert "worst at98.3k tokens" in turn
    assert "back atnever" in turn
    assert (lines, bests) == ("2", "4")
