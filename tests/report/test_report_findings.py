from dataclasses import replace

import pytest
import sample_findings
from hostile import poisoned
from selectolax.lexbor import LexborHTMLParser

from gapless.report import Content, render
from gapless.report.sections import findings, gap
from gapless.report.verdict import drop_sentences, headline_rows


@pytest.fixture
def told(content: Content) -> Content:
    pair = sample_findings.pair()
    never = replace(pair, tokens_to_equal=None, tokens_low=None)
    at_once = replace(pair, name="domain", tokens_to_equal=0, tokens_low=0, tokens_high=0)
    pairs = (pair, never, at_once)
    return replace(content, findings=sample_findings.findings(), pairs=pairs)


def parsed(html: str) -> LexborHTMLParser:
    return LexborHTMLParser(html)


def test_without_findings_there_is_no_such_section(content: Content) -> None:
    assert findings.build(content) is None
    assert 'id="findings"' not in render(content)


def test_findings_stand_under_their_arm_with_what_to_try_and_the_source(told: Content) -> None:
    section = findings.build(told)
    assert section is not None
    groups = parsed(section.html).css(".advice-of")
    assert [g.css_first("h3").text(strip=True) for g in groups] == ["baseline", "Between the arms"]
    assert [len(g.css("h3 svg")) for g in groups] == [1, 0]
    first, second = (group.css_first("li").text() for group in groups)
    assert "0.409 bits per byte worse" in first
    assert "To try: Keep general text" in first
    assert "strategy III" in first
    assert "To try" not in second


def test_findings_come_right_after_the_headline(told: Content) -> None:
    links = [a.attributes["href"] for a in parsed(render(told)).css("nav a")]
    assert links[:2] == ["#headline", "#findings"]


def test_what_a_finding_says_is_text(told: Content) -> None:
    page = parsed(render(poisoned(told)))
    assert "onerror=hacked" in page.css_first("#findings").text()
    assert not page.css("#findings img, #findings a, #findings script, #gap img")


def test_arms_at_the_same_cost_are_a_table(told: Content) -> None:
    html = gap.build(told).html
    table = parsed(html).css("[aria-label='Table of arms at the same cost'] tbody tr")
    cells = [[cell.text(strip=True) for cell in row.css("th, td")] for row in table]
    assert [row[0] for row in cells if len(row) == 1] == [
        "domainbits per byte",
        "generalbits per byte",
    ]
    assert cells[1][4] == "from the start"
    assert cells[3] == [
        "subset + replay",
        "baseline",
        "2.46M",
        "+0.361+0.339 to +0.383",
        "410k380k to never",
        "2.46M",
    ]
    assert cells[4][4] == "never"


def test_without_pairs_there_is_no_such_table(content: Content) -> None:
    assert "Arm against arm" not in gap.build(content).html


def test_a_drop_that_is_real_by_itself_alone_is_called_so(content: Content) -> None:
    arm = content.arms[0]
    alone = tuple(replace(row, drop_is_real_among_all=False) for row in arm.gaps)
    assert any(row.drop_is_real for row in alone)
    html = gap.build(replace(content, arms=(replace(arm, gaps=alone),))).html
    assert "real by itself" in html
    assert "<small>real by itself</small>" not in gap.build(content).html


def test_what_is_regained_by_noise_is_not_told(content: Content) -> None:
    row = next(row for row in content.arms[2].gaps if row.role == "general")
    partly = replace(row, recovered=False, rebound=0.1, rebound_low=0.05, rebound_high=0.15)
    [told] = drop_sentences((partly,), content.arms[2].tokens_seen)
    assert "had regained 0.100" in told
    for unclear in (replace(partly, rebound_is_real=False), replace(partly, rebound=0.0001)):
        [untold] = drop_sentences((unclear,), content.arms[2].tokens_seen)
        assert "regained" not in untold
        assert "was not back at the base" in untold


def test_one_suggestion_for_several_metrics_is_given_once(told: Content) -> None:
    first, *others = told.findings
    twin = replace(first, text="General text ended 2.3 points of accuracy worse than the base.")
    section = findings.build(replace(told, findings=(first, *others, twin)))
    assert section is not None
    items = parsed(section.html).css(".advice-of")[0].css("li")
    [both] = [item.text() for item in items if "points of accuracy" in item.text()]
    assert both.index("0.409 bits per byte worse") < both.index("points of accuracy")
    assert both.count("To try") == 1
    assert section.html.count("<li>") == len({(f.rule, f.suggestion) for f in told.findings})


def test_of_several_readings_of_the_same_answers_the_headline_has_accuracy(
    content: Content,
) -> None:
    row = next(row for row in content.arms[0].gaps if row.name == row.role == "general")
    per_byte = replace(row, metric="accuracy_per_byte")
    gold, accuracy = replace(row, metric="gold_bits_per_byte"), replace(row, metric="accuracy")
    assert headline_rows((row, per_byte, gold, accuracy)) == (row, accuracy)
    assert headline_rows((row, per_byte, gold)) == (row, per_byte, gold)
