"""The numbers and the sentences about text and scores."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import sample_scores
from hostile import HOSTILE, poisoned
from test_report_words import cells, plain

from gapless.report import RemovalContent, RemovedExample, ScoreContent, render
from gapless.report.histograms import arms_named, cut_text, histograms
from gapless.report.numbers import count, percent, short
from gapless.report.sections import scores, text
from gapless.report.text_content import QUANTILES


def number(amount: int) -> str:
    """As `plain` leaves it."""
    return plain(count(amount))


def tables(markup: str, kind: str) -> list[list[list[str]]]:
    found = re.findall(rf'<table class="{kind}">.*?</table>', markup, flags=re.DOTALL)
    return [cells(table) for table in found]


def specs(markup: str) -> list[dict]:
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', markup, flags=re.DOTALL)
    return [json.loads(block) for block in blocks]


@pytest.fixture
def shown(content) -> str:
    return str(scores.build(content).html)


def test_every_quantile_is_numpys(shown):
    table = tables(shown, "quantiles")[0]
    rows = {line[0]: line[1:] for line in table[1:]}
    for name, values in sample_scores.PERPLEXITIES.items():
        expected = [short(value) for value in np.quantile(values, QUANTILES)]
        assert rows[name] == [number(len(values)), "7", *expected]
    chosen = np.sort(sample_scores.PERPLEXITIES["cardiology"])[:1000]
    (selected,) = [line for line in table if line[0].startswith("subset x 4 epochs, subset")]
    assert selected[1] == number(1000)
    assert selected[3:] == [short(value) for value in np.quantile(chosen, QUANTILES)]
    assert f"cut at {short(sample_scores.CUT)}" in selected[0]


def test_the_drawn_shares_and_selections_are_numpys_histogram(shown):
    whole, lowest, highest, words = specs(shown)
    edges = np.array(whole["edges"])
    for series in whole["series"]:
        values = sample_scores.PERPLEXITIES[series["name"]]
        ends = np.clip(values, edges[0], edges[-1])
        expected = 100 * np.histogram(ends, edges)[0] / len(values)
        # The edges are written in six digits: a document may change sides.
        assert np.abs(np.array(series["shares"]) - expected).max() < 0.1
        assert sum(series["shares"]) == pytest.approx(100, abs=1e-3)
        assert series["selected"] is None
    (cardiology,) = lowest["series"]
    assert sum(cardiology["selected"]) == pytest.approx(25, abs=1e-3)
    assert [cut["at"] for cut in whole["cuts"]] == [
        float(f"{cut:.6g}") for cut in (sample_scores.CUT, sample_scores.HIGH_CUT)
    ]
    assert [cut["arms"] for cut in whole["cuts"]] == [[1, 2], [0]]
    assert [lowest["small"], highest["small"], words["small"]] == [True, True, False]
    values = sample_scores.WORDS["cardiology"]
    part = 100 * float((values <= sample_scores.LIMIT).mean())
    assert sum(words["series"][0]["selected"]) == pytest.approx(part, abs=1e-3)


def test_a_log_scale_is_only_where_the_spread_asks_for_it():
    whole = sample_scores.perplexity()
    assert whole.log
    assert np.diff(np.log(whole.edges)) == pytest.approx(np.diff(np.log(whole.edges))[0])


def test_the_separation_is_said_in_plain_words(content, shown):
    share = percent(content.scores[0].domain_lower)
    assert f"the domain one has the lower perplexity in {share} of all such pairs" in plain(shown)
    assert plain(shown).count("of all such pairs") == 1, "words are of domain text alone"


def test_examples_stand_along_the_score_with_the_arms_that_have_them(shown):
    assert shown.count("<summary>Texts of") == 5
    first = plain(re.search(r"<summary>Texts of.*?</dl>", shown, flags=re.DOTALL).group())
    assert "at 5 %, in subset x 4 epochs, subset + replay cardiology-00" in first
    assert "at 95 %, in no arm cardiology-00" in first


def test_labels_are_counted_for_each_source_and_selection(shown):
    cardiology, web = tables(shown, "labels")
    assert cardiology[0] == ["cardiology", "", "Documents", "Share", "Selected subset + replay"]
    assert cardiology[1] == ["Medicine and Health", "", number(3000), percent(3000 / 3988), "600"]
    assert cardiology[5] == ["2 other labels", "", "8", "0.2 %", "0"]
    assert cardiology[6][:3] == ["no label", "", "12"]
    assert [line[2] for line in web[1:]] == ["90", "200", "900", number(1800), "10"]


def test_the_classifier_says_how_good_it_is(shown):
    words = plain(shown)
    assert "Learnt from 900 labelled documents, measured on 225 others: 80.4 % right" in words
    assert "most frequent topic would be 44.4 %), macro-F1 0.765" in words
    (matrix,) = tables(shown, "confusion")
    assert [line[1:] for line in matrix[1:]] == [
        [str(cell) if cell else "" for cell in row] for row in sample_scores.CONFUSION
    ]
    assert matrix[1][0] == "1 Medicine and Health"


def test_a_matrix_of_very_many_topics_is_left_out(content):
    label = sample_scores.topic()
    many = scores.MAX_TOPICS + 1
    classifier = replace(
        label.classifier,
        topics=tuple(f"topic {place}" for place in range(many)),
        confusion=tuple((1,) * many for _ in range(many)),
    )
    page = scores.build(replace(content, labels=(replace(label, classifier=classifier),))).html
    assert '<table class="confusion">' not in page
    assert f"The matrix of {many} topics" in page


def test_a_score_that_is_the_same_for_all_and_one_that_a_source_lacks(content):
    score = sample_scores.words()
    same = replace(
        score,
        edges=(3.5, 4.5),
        log=False,
        sources=(
            replace(score.sources[0], counts=(5,), quantiles=(4.0,) * 7, selections=()),
            replace(score.sources[0], name="web", counts=(0,), quantiles=(), selections=()),
        ),
    )
    page = scores.build(replace(content, scores=(same,), labels=())).html
    assert [series["name"] for series in specs(page)[0]["series"]] == ["cardiology"]
    (table,) = tables(page, "quantiles")
    assert table[2] == ["web", "0", "7", *["\N{EN DASH}"] * 7]


def test_cuts_are_named_once():
    chosen = sample_scores.words().sources[0].selections[0]
    assert cut_text(chosen) == "", "its description says it"
    assert cut_text(replace(chosen, cuts=(("", 12.0),))) == "cut at 12"
    assert (
        cut_text(replace(chosen, cuts=(("Law", 12.0), ("Others", 3.0)))) == "cut Law 12, Others 3"
    )
    assert cut_text(replace(chosen, cuts=())) == ""


def test_all_of_several_arms_are_every_arm():
    assert arms_named(("a", "b"), ("b", "a")) == "every arm"
    assert arms_named(("a",), ("b", "a")) == "a"
    assert arms_named(("main",), ("main",)) == "main"


def test_many_selections_draw_few_charts():
    score = sample_scores.words()
    chosen = score.sources[0].selections[0]
    many = tuple(replace(chosen, arms=(f"arm {place}",)) for place in range(40))
    source = replace(score.sources[0], selections=many)
    arms = [f"arm {place}" for place in range(40)]
    plot, panels = histograms(
        replace(score, sources=(source,)), styles={"cardiology": "d0"}, arms=arms
    )
    assert len(panels) == 12
    assert len(plot.spec["cuts"]) == 1, "they all cut at the same place"
    assert plot.spec["cuts"][0]["name"] == "every arm, at most"


def test_the_fates_of_a_sources_documents_sum_to_what_was_read(content):
    for source in content.sources:
        assert source.read == (
            source.removed
            + source.copies
            + source.held_out_documents
            + source.contaminated
            + source.eligible
        )


def test_every_source_is_a_row_and_a_reference_has_no_tokens(content):
    markup = str(text.build(content).html)
    (table,) = tables(markup, "sources")
    assert [line[0] for line in table[1:]] == [source.name for source in content.sources]
    assert table[1][2:9] == [
        number(19_581),
        number(1_102),
        "275",
        "364",
        "3",
        number(17_837),
        "9.83M",
    ]
    assert table[5][1:9] == ["reference", "212", "0", *["\N{EN DASH}"] * 3, "212", "\N{EN DASH}"]
    assert f"unicode {number(1_204)}" in plain(markup)


def test_a_removal_says_what_the_document_fell_to(content):
    words = plain(text.build(content).html)
    assert "web-00.jsonl.zst:5 93.8 % the same as web: page-2 Please enable" in words
    assert "64.0 % the same as item 17 of probe exam" in words
    assert "cardiology evaluation_item 3 < 0.1 %" in words


def test_three_examples_of_a_hostile_removal_stay_text(content):
    examples = tuple(
        RemovedExample(origin=HOSTILE, beginning=HOSTILE, fell_to=HOSTILE, similarity=1.0)
        for _ in range(3)
    )
    hostile = RemovalContent(source="web", reason=HOSTILE, count=3, examples=examples)
    page = render(replace(content, removals=(hostile,)))
    assert page.count("&lt;/script&gt;&lt;img src=x") == 1 + 3 * 3
    assert "<img" not in page


def test_hostile_scores_and_labels_stay_text(content):
    page = render(poisoned(replace(content, arms=(), sources=(), removals=())))
    assert "<img" not in page
    assert "&lt;img" in page


def test_many_scores_stay_small(content):
    many: tuple[ScoreContent, ...] = tuple(
        replace(sample_scores.perplexity(), name=f"score {place}") for place in range(20)
    )
    few = len(render(content).encode())
    assert len(render(replace(content, scores=many)).encode()) - few < 20 * 60_000
