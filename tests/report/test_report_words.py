"""The numbers and the sentences of the headline and the gap."""

import html
import re
from dataclasses import replace

import pytest

from gapless.report import Trace, render
from gapless.report.numbers import count, metric_named, short, signed, value
from gapless.report.plots import thinned
from gapless.report.sections import gap, headline
from gapless.report.verdict import change_sentence, drop_sentences, verdict

BITS, ACCURACY = metric_named("bits_per_byte"), metric_named("accuracy")
MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def row(content):
    """General text along the arm with replay: down, and part of the way back."""
    return next(row for row in content.arms[2].gaps if row.role == "general")


def shown(number: float) -> str:
    return f"{number:.3f}".replace("-", MINUS)


def plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def cells(table: str) -> list[list[str]]:
    """The text of each row of a table's body."""
    rows = re.findall(r"<tr.*?</tr>", table, flags=re.DOTALL)
    texts = [re.findall(r"<t[hd].*?</t[hd]>", line, flags=re.DOTALL) for line in rows]
    return [[plain(cell) for cell in line] for line in texts]


def test_every_number_of_the_summary_is_the_contents(content):
    markup = headline.build(content).html
    table = cells(re.search(r'<table class="summary">.*?</table>', markup, flags=re.DOTALL).group())
    assert table[1] == ["base model", "2.600", "2.000", "0", "\N{EN DASH}"]
    assert len(table) == 2 + len(content.arms)
    for line, arm in zip(table[2:], content.arms, strict=True):
        rows = sorted(arm.gaps, key=lambda gap: gap.role)
        assert line[0] == arm.name
        for cell, gap_row in zip(line[1:3], rows, strict=True):
            ends = (gap_row.change, gap_row.change_low, gap_row.change_high)
            change, low, high = (shown(end) if end < 0 else f"+{shown(end)}" for end in ends)
            assert cell == f"{shown(gap_row.final)} {change} [{low} to {high}]"
        assert line[3] == "2.46M"


def test_every_depth_and_place_of_the_gaps_is_the_contents(content):
    markup = gap.build(content).html
    table = cells(re.search(r'<table class="gaps">.*?</table>', markup, flags=re.DOTALL).group())
    last = table[-1]
    general = content.arms[2].gaps[0]
    assert last[0] == content.arms[2].name
    assert last[3].startswith(shown(general.depth))
    assert last[4] == "98.3k real"
    assert last[5] == "never"
    assert last[6].startswith(f"+{shown(general.rebound)}")
    assert last[7] == shown(general.area)
    assert last[8] == f"{shown(general.peak)} at 1.47M"


def test_two_base_models_are_two_rows(content):
    one, two = content.arms[:2]
    other = replace(two, gaps=tuple(replace(row, base=row.base + 0.5) for row in two.gaps))
    markup = headline.build(replace(content, arms=(one, other))).html
    assert "base model of baseline" in markup
    assert "base model of subset x 4 epochs" in markup


@pytest.mark.parametrize(
    ("low", "high", "begins"),
    [
        (0.1, 0.3, "Gained 0.200"),
        (-0.3, -0.1, "Forgot 0.200"),
        (-0.1, 0.3, "No clear change on general text: +0.200"),
        (0.0, 0.3, "No clear change"),
        (None, None, "Measured +0.200"),
        (float("nan"), float("nan"), "Measured +0.200"),
    ],
)
def test_a_sentence_claims_only_what_the_interval_gives(row, low, high, begins):
    change = -0.2 if begins.startswith("Forgot") else 0.2
    sentence = change_sentence(replace(row, change=change, change_low=low, change_high=high))
    assert sentence.startswith(begins)


def test_a_loss_on_the_domain_is_not_called_forgetting(row):
    lost = replace(
        row, role="domain", name="domain", change=-0.2, change_low=-0.3, change_high=-0.1
    )
    assert change_sentence(lost).startswith("Lost 0.200 bits per byte on the domain")


def test_a_drop_and_what_became_of_it(row):
    expected = (
        "General text was at its worst at 98.3k tokens, 0.123 bits per byte (0.107 to 0.139) below "
        "the base model, and had regained 0.072 (0.056 to 0.088) by the end, not all of it."
    )
    assert drop_sentences((row,), 2_457_600) == [expected]
    back = replace(row, recovered=True, tokens_to_recovery=400_000.5)
    assert drop_sentences((back,), 2_457_600)[0].endswith(
        "and was back at the base by 400k tokens."
    )
    flat = replace(row, rebound_low=-0.01)
    assert drop_sentences((flat,), 2_457_600)[0].endswith(
        "and was not back at the base by the end."
    )
    falling = replace(row, tokens_to_bottom=2_457_600)
    assert drop_sentences((falling,), 2_457_600) == [
        "General text was at its worst at the very end: a fall without recovery so far."
    ]


def test_a_drop_within_noise_is_no_drop(row):
    assert drop_sentences((replace(row, drop_is_real=False),), 1) == [
        "No drop below the base model that can be told from noise."
    ]
    assert drop_sentences((replace(row, drop_is_real=None),), 1) == []


def test_an_arm_without_measurements_says_so(content):
    arm = replace(content.arms[0], gaps=())
    assert verdict(arm).sentences == ("Nothing was measured along this arm.",)


def test_the_front_holds_the_arms_that_none_beats(content):
    trades = gap.trades_of(content.arms)
    assert [trade.arm for trade in gap.front_of(trades)] == ["subset x 4 epochs", "subset + replay"]


def test_numbers_have_one_shape():
    assert [short(number) for number in (0, 999, 999_999, 98_304, 3e-5)] == [
        "0", "999", "1M", "98.3k", "3e-05",
    ]  # fmt: skip
    assert short(float("nan")) == "\N{EN DASH}"
    assert value(0.4123, ACCURACY) == "41.2 %"
    assert signed(-0.0001, BITS) == "0.000"
    assert signed(-0.05, BITS) == f"{MINUS}0.050"
    assert signed(0.05, BITS) == "+0.050"
    assert count(1_234_567) == "1\u202f234\u202f567"


def test_accuracy_is_shown_in_points(content, row):
    arm = replace(content.arms[0], gaps=(replace(row, metric="accuracy", base=0.4, final=0.45),))
    page = render(replace(content, arms=(arm,)))
    assert "45.0 %" in page
    assert "points of accuracy" in page


def test_a_thinned_trace_keeps_the_mean_and_the_end():
    trace = Trace(tokens=tuple(range(1, 1001)), values=tuple(float(n) for n in range(1, 1001)))
    thin = thinned(trace, points=100)
    assert len(thin.tokens) == 100
    assert thin.tokens[-1] == 1000
    assert thin.values[0] == 5.5
    assert sum(thin.values) / 100 == 500.5


def test_a_metric_of_a_filter_is_written_with_the_filter():
    metric = metric_named("exact_match,strict-match")
    assert metric.label == "exact match (strict-match)"
    assert value(0.5, metric) == "50.0 %"
    assert metric_named("exact_match").label == "exact match"
