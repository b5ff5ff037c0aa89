"""C4, FineWeb and boilerplate: each rule from both sides."""

import numpy as np
import pyarrow as pa
import pytest

from gapless.corpus.cleaners import build_cleaner
from gapless.corpus.cleaners.furniture import (
    BEGINNINGS,
    ENDINGS,
    HELD,
    NOTICES,
    WHOLE,
    is_furniture,
)
from gapless.recipe.cleanings import C4, Boilerplate, FineWeb

WORDS = "It was a fine day."


def clean(spec, *texts):
    answer = build_cleaner(spec)(pa.array(texts, pa.large_string()))
    reasons = [None] * len(texts) if answer.reasons is None else answer.reasons.to_pylist()
    return list(zip(answer.texts.to_pylist(), reasons, strict=True))


def c4_lines(text, **changes):
    """Return the lines C4 keeps of a text, when its number of sentences does not matter."""
    spec = C4(**({"min_sentences": 0, "min_words_per_line": 3} | changes))
    [(cleaned, reason)] = clean(spec, text)
    assert reason in (None, "c4:nothing_left")
    return [] if reason else cleaned.split("\n")


@pytest.mark.parametrize(
    ("stays", "goes"),
    [
        ("It is so.", "It is so"),
        ("It is so!", "It is so,"),
        ("Is it so?", "Is it so;"),
        ('"It is so"', '"It is so" he'),
        ("\u201cIt is so\u201d", "\u201cIt is so\u00bb"),
        ("'It is so'", "'It is so)"),
        ("\u2018It is so\u2019", "It is so\u2026"),
        ("It is so..", "It is so..."),
        ("One two three.", "One two."),
        ("It is java script.", "It is JavaScript."),
        ("He uses a cookie.", "He USES cookies."),
        ("In terms of its use.", "See our Terms of Use."),
        ("A " + "x" * 999 + ". b.", "A " + "x" * 1000 + ". b."),
        ("A " + "\u4eba" * 999 + ". b.", "A " + "\u4eba" * 1001 + " b."),
    ],
)
def test_c4_keeps_a_line_and_drops_its_neighbour(stays, goes):
    assert c4_lines(f"{goes}\n{stays}\n{goes}") == [stays]


def test_c4_takes_citations_out_and_space_from_around_lines():
    assert c4_lines("  A [12] b[edit] c.[1] [Citation needed]\t\r\n") == ["A  b c."]
    assert c4_lines("See [1a] and [x].") == ["See [1a] and [x]."]
    assert c4_lines("One two [3] four.[4]", remove_citations=False) == []
    assert c4_lines("A [] b[2 c.") == ["A  b[2 c."]


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("It is so", {"line_ends_with_punctuation": False}),
        ("So.", {"min_words_per_line": 1}),
        ("Enable JavaScript now.", {"remove_javascript_lines": False}),
        ("Our privacy policy is.", {"remove_policy_lines": False}),
        ("Lorem ipsum dolor.", {"refuse_lorem_ipsum": False}),
        ("It is {so}.", {"refuse_curly_bracket": False}),
    ],
)
def test_each_rule_of_c4_can_be_put_off(line, changes):
    assert c4_lines(line, **changes) == [line]


@pytest.mark.parametrize(
    ("line", "reason"),
    [("Some Lorem Ipsum text.", "c4:lorem_ipsum"), ("It is {so.", "c4:curly_bracket")],
)
def test_c4_refuses_a_document_for_a_line_that_would_stay(line, reason):
    document = f"  {WORDS}\n{line}\nmenu"
    unended = line.rstrip(".")
    spec = C4(min_sentences=1, min_words_per_line=3)
    assert clean(spec, document, f"{WORDS}\n{unended}\n{WORDS}") == [
        (document, reason),
        (f"{WORDS}\n{WORDS}", None),
    ]


def test_c4_looks_at_javascript_before_the_bracket_and_at_policy_after_it():
    assert c4_lines("Some javascript {here}.") == []
    assert clean(C4(), "Here our privacy policy {is}.")[0][1] == "c4:curly_bracket"


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("One is here.", 1),
        ("One is here. Two is! Is three? Yes.", 4),
        ("What?! No way...  Well.", 3),
        ("Costs 3.50 dollars, e.g. here.", 1),
        ("Said J. R. Smith at once.", 1),
        ('He said "Go." Then he went.', 2),
        ("\u201cGo now.\u201d Then he went (far.) So.", 3),
        ("It ended. but not here.", 1),
    ],
)
def test_c4_counts_sentences(line, sentences):
    few = C4(min_sentences=sentences + 1, min_words_per_line=3)
    assert clean(C4(min_sentences=sentences, min_words_per_line=3), line) == [(line, None)]
    assert clean(few, line) == [(line, "c4:too_few_sentences")]


def test_c4_reads_no_memory_that_it_has_not_written(monkeypatch):
    """An empty line does not end in a quotation mark, whatever stood there before."""
    spec, text = C4(min_sentences=0, min_words_per_line=0), f"{WORDS}\n\n"
    monkeypatch.setattr(np, "empty", lambda size, dtype: np.full(size, 0x22, dtype))
    assert clean(spec, text) == [(WORDS, None)]


def test_c4_counts_the_sentences_of_lines_that_stay_only():
    text = f"{WORDS}\nOne. Two. Three. Four\n{WORDS}"
    assert clean(C4(), text) == [(text, "c4:too_few_sentences")]
    assert clean(C4(), f"{text}\n{WORDS}")[0][1] is None


LOOSE = {
    "min_line_punctuation_fraction": 0,
    "max_short_line_fraction": 1,
    "max_duplicate_line_character_fraction": 1,
    "max_newline_word_ratio": 100,
}
FINEWEB = {
    "few_punctuated_lines": ({"min_line_punctuation_fraction": 0.5}, "a. \n\nb", "a.\nb\nc"),
    "short_lines": (
        {"max_short_line_fraction": 0.5},
        "\u4eba" * 31 + "\n" + "\u4eba" * 30,
        "a" * 30 + "\n" + "b" * 30,
    ),
    "duplicate_lines": (
        {"max_duplicate_line_character_fraction": 0.25},
        "\u4ebab\n \u4ebab \ncd",  # 2 of 8
        "\u4ebab\n\u4ebab\nc",  # 2 of 5
    ),
    "many_line_feeds": ({"max_newline_word_ratio": 0.5}, "a b\nc d\n", "a b\n\nc\n"),
}


@pytest.mark.parametrize("rule", FINEWEB)
def test_fineweb_keeps_at_the_threshold_and_removes_beyond(rule):
    thresholds, inside, outside = FINEWEB[rule]
    spec = FineWeb(**(LOOSE | thresholds))
    assert clean(spec, inside, outside) == [(inside, None), (outside, f"fineweb:{rule}")]


@pytest.mark.parametrize("mark", ".!?\u3002\uff01\uff1f\u0964\u061f")
def test_a_line_may_end_a_sentence_in_any_script(mark):
    assert clean(FineWeb(**(LOOSE | {"min_line_punctuation_fraction": 1})), f"\u4eba{mark}", "a,")[
        0
    ] == (f"\u4eba{mark}", None)


FURNITURE = (
    "Sign in",
    "Read more ...",
    "Share this on Facebook!",
    "3 likes",
    "12 Comments",
    "1.2K views",
    "5 minutes ago",
    "1,234",
    "12",
    "(3 comments)",
    "March 3, 2019",
    "Posted on Monday, 3rd March 2019 at 10:30 am",
    "2021-03-12",
    "03/12/21",
    "Home | About | Contact",
    "Home \u00bb Blog \u00bb Some title of a post",
    "\u00a9 Copyright 2020 Somebody",
    "(0) items in cart",
)
CONTENT = (
    "He signed in.",
    "Sign language is taught here",
    "In 2019 he wrote 3 books",
    "12.5 mg of aspirin",
    "Chapter 12",
    "CHAPTER",
    "name | type | length",
    "| Home | price |",
    "a | b",
    "Log in tomorrow with all of your friends and you will see what I mean",
    "The cookie is baked until it is brown",
    "13 March",
    "2.",
    "(1)",
    "[12]",
    "1..99",
    "x = 12345",
    "10:30",
    "3 men",
)


@pytest.mark.parametrize("line", FURNITURE)
def test_furniture_is_taken_out(line):
    assert clean(Boilerplate(), f"{line}\n{WORDS}\n\n {line} \r\n") == [(f"{WORDS}\n\n", None)]


@pytest.mark.parametrize("line", CONTENT)
def test_content_stays(line):
    assert clean(Boilerplate(), f" {line}\n\n{WORDS}") == [(f" {line}\n\n{WORDS}", None)]


@pytest.mark.parametrize("phrase", [*BEGINNINGS, *ENDINGS, *HELD, *WHOLE, *NOTICES])
def test_every_stock_phrase_is_found_in_any_case(phrase):
    assert clean(Boilerplate(), f"{phrase.upper()}\n{WORDS}", f"{WORDS}\n{phrase}") == [
        (WORDS, None),
        (WORDS, None),
    ]


def test_stock_phrases_count_in_short_lines_and_notices_in_longer_ones():
    assert is_furniture("a b c d e f g h read more")
    assert not is_furniture("a b c d e f g h i read more")
    notice = "This site uses cookies"
    for words, stays in ((56, False), (57, True)):
        text = f"{WORDS}\n{notice}{' word' * words}"
        assert clean(Boilerplate(), text) == [(text if stays else WORDS, None)]


def test_a_document_of_nothing_but_furniture_goes():
    text = "Home | About us | Contact\n\n3 likes\nsign in\n"
    assert clean(Boilerplate(), text, "\n\n", WORDS) == [
        (text, "boilerplate:nothing_left"),
        ("\n\n", None),
        (WORDS, None),
    ]
