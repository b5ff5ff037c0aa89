"""Gopher's rules: each threshold from both sides, and repetition against a slow way."""

import re
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapless.corpus.cleaners import build_cleaner
from gapless.recipe.cleanings import GopherQuality, GopherRepetition
from gapless.words import normalise


def reasons(spec, *texts):
    found = build_cleaner(spec)(pa.array(texts, pa.large_string())).reasons
    return [None] * len(texts) if found is None else found.to_pylist()


LOOSE = {
    "min_words": 0,
    "min_mean_word_length": 0,
    "max_mean_word_length": 1000,
    "max_symbol_word_ratio": 1000,
    "max_bullet_line_fraction": 1,
    "max_ellipsis_line_fraction": 1,
    "min_alphabetic_word_fraction": 0,
    "min_stop_words": 0,
}
QUALITY = {
    # rule: (thresholds, a text just inside, a text just outside)
    "too_few_words": ({"min_words": 3}, "one two three", "one two"),
    "too_many_words": ({"max_words": 3}, "one two three", "one two three four"),
    "short_words": ({"min_mean_word_length": 3.0}, "ab abcd", "ab abc"),
    "long_words": ({"max_mean_word_length": 10.0}, "a" * 9 + " " + "a" * 11, "a" * 11),
    "hash_symbols": ({"max_symbol_word_ratio": 0.5}, "#a b", "#a# b"),
    "ellipses": ({"max_symbol_word_ratio": 0.5}, "a... b", "a... b\u2026"),
    "bullet_lines": ({"max_bullet_line_fraction": 0.5}, "- a\n\nb", " \u2022 a\n* b\nc"),
    "ellipsis_lines": ({"max_ellipsis_line_fraction": 0.5}, "a...\n\nb", "a... \nb\u2026\nc"),
    "few_alphabetic_words": (
        {"min_alphabetic_word_fraction": 0.8},
        "a b c d 5",
        "a b c 4 5",
    ),
    "few_stop_words": ({"min_stop_words": 2}, 'The end of "that".', "the the end; then bet"),
}


@pytest.mark.parametrize("rule", QUALITY)
def test_a_text_at_the_threshold_stays_and_one_beyond_goes(rule):
    thresholds, inside, outside = QUALITY[rule]
    spec = GopherQuality(**(LOOSE | thresholds))
    assert reasons(spec, inside, outside) == [None, f"gopher_quality:{rule}"]


def test_published_thresholds_are_the_defaults():
    forty_eight = "word " * 48
    assert reasons(GopherQuality(), forty_eight + "the of", forty_eight + "the") == [
        None,
        "gopher_quality:too_few_words",
    ]
    assert reasons(GopherQuality(), "word " * 60) == ["gopher_quality:few_stop_words"]


def test_words_stand_between_any_white_space_and_keep_their_marks():
    spec = GopherQuality(**(LOOSE | {"min_words": 4}))
    assert reasons(spec, "a\u00a0b\u3000c\td", "a-b c/d e.") == [
        None,
        "gopher_quality:too_few_words",
    ]


def test_a_stop_word_is_a_whole_word_in_any_case():
    spec = GopherQuality(**(LOOSE | {"min_stop_words": 8}))
    assert reasons(spec, "THE be, (to) of\u2019s and-that have\nwith") == [None]
    for other in ("the be to of and that have within", "the be to of and that have with\u00e9"):
        assert reasons(spec, other) == ["gopher_quality:few_stop_words"]


def test_six_full_stops_are_two_ellipses():
    assert reasons(
        GopherQuality(**(LOOSE | {"max_symbol_word_ratio": 1.0})), "a.....", "a......"
    ) == [
        None,
        "gopher_quality:ellipses",
    ]


NONE_LOOSE = {
    "max_duplicate_line_fraction": 1,
    "max_duplicate_paragraph_fraction": 1,
    "max_duplicate_line_character_fraction": 1,
    "max_duplicate_paragraph_character_fraction": 1,
    "max_top_ngram_character_fractions": {},
    "max_duplicate_ngram_character_fractions": {},
}
REPETITION = {
    "duplicate_paragraphs": (
        {"max_duplicate_paragraph_fraction": 0.5},
        "a\n\n a \n \nb\nc\n\nb\nc",
        "a\n\na\n\na",
    ),
    "duplicate_paragraph_characters": (
        {"max_duplicate_paragraph_character_fraction": 0.3},
        "abc\n\nabc\n\n",  # 3 of 10
        "abc\n\nabc\n",  # 3 of 9
    ),
    "duplicate_lines": ({"max_duplicate_line_fraction": 0.5}, "a\n\n a\r\nb\nb", "a\na\na"),
    "duplicate_line_characters": (
        {"max_duplicate_line_character_fraction": 0.3},
        "\u4ebabc\n\u4ebabc\n\n\n",  # 3 of 10
        "\u4ebabc\n\u4ebabc\n\n",  # 3 of 9
    ),
    "top_2_gram": (
        {"max_top_ngram_character_fractions": {2: 0.6}},
        "A b, c a b",  # twice 3 characters of 10
        "A b c a b",  # of 9
    ),
    "duplicate_2_grams": (
        {"max_duplicate_ngram_character_fractions": {2: 0.2}},
        "A b, c a b",  # 2 characters of 10
        "A b c a b",
    ),
}


@pytest.mark.parametrize("rule", REPETITION)
def test_repetition_at_the_threshold_stays_and_beyond_goes(rule):
    thresholds, inside, outside = REPETITION[rule]
    spec = GopherRepetition(**(NONE_LOOSE | thresholds))
    assert reasons(spec, inside, outside) == [None, f"gopher_repetition:{rule}"]


def test_an_ngram_that_occurs_once_is_no_repetition():
    assert reasons(GopherRepetition(), "hello world", "alpha beta gamma delta") == [None, None]


def test_every_default_size_of_ngram_has_its_rule():
    spec = GopherRepetition()
    assert sorted(spec.max_top_ngram_character_fractions) == [2, 3, 4]
    for n, limit in spec.max_duplicate_ngram_character_fractions.items():
        repeated = " ".join(f"{chr(97 + i)}longword" for i in range(n))
        text = f"{repeated} and then {repeated}"
        only = {**NONE_LOOSE, "max_duplicate_ngram_character_fractions": {n: limit}}
        assert reasons(GopherRepetition(**only), text) == [f"gopher_repetition:duplicate_{n}_grams"]


def slow_first_reason(spec, text):
    """Return the first rule broken, by the definitions, with strings and counters."""
    size = max(len(text), 1)
    lines = [line.strip(" \t\r\x0b\x0c\x1c\x1d\x1e\x1f") for line in text.split("\n")]
    paragraphs = [
        "\n".join(part.split("\n"))
        for part in re.split(r"\n{2,}", "\n".join(lines).strip("\n"))
        if part
    ]
    lines = [line for line in lines if line]
    words = normalise(pa.array([re.sub("[0-9]", "x", text)], pa.large_string()))[0].as_py().split()

    def later(items):
        return [item for place, item in enumerate(items) if item in items[:place]]

    def share(items):
        return sum(map(len, later(items))) / size

    checks = [
        ("duplicate_paragraphs", len(later(paragraphs)) / max(len(paragraphs), 1),
         spec.max_duplicate_paragraph_fraction),
        ("duplicate_paragraph_characters", share(paragraphs),
         spec.max_duplicate_paragraph_character_fraction),
        ("duplicate_lines", len(later(lines)) / max(len(lines), 1),
         spec.max_duplicate_line_fraction),
        ("duplicate_line_characters", share(lines), spec.max_duplicate_line_character_fraction),
    ]  # fmt: skip
    for n, limit in sorted(spec.max_top_ngram_character_fractions.items()):
        grams = Counter(" ".join(words[i : i + n]) for i in range(len(words) - n + 1))
        top, count = grams.most_common(1)[0] if grams else ("", 0)
        checks.append((f"top_{n}_gram", len(top) * count / size if count > 1 else 0, limit))
    for n, limit in sorted(spec.max_duplicate_ngram_character_fractions.items()):
        seen, characters, place = set(), 0, 0
        while place + n <= len(words):
            gram = tuple(words[place : place + n])
            characters += sum(map(len, gram)) * (gram in seen)
            place += n if gram in seen else 1
            seen.add(gram)
        checks.append((f"duplicate_{n}_grams", characters / size, limit))
    return next(
        (f"gopher_repetition:{rule}" for rule, value, limit in checks if value > limit), None
    )


texts = st.lists(
    st.lists(
        st.sampled_from(["a", "B", "b", "cat", "the cat", "sat on", "\u4eba\u53c2", "\u00e9t\u00e9",
                         "don't", "\n", "\n\n", "\n \n", ".", ",", "  "]),
        max_size=60,
    ).map(" ".join),
    min_size=1,
    max_size=4,
)  # fmt: skip
fraction = st.sampled_from([0.0, 0.1, 0.2, 0.35, 0.5, 1.0])
specs = st.builds(
    GopherRepetition,
    max_duplicate_line_fraction=fraction,
    max_duplicate_paragraph_fraction=fraction,
    max_duplicate_line_character_fraction=fraction,
    max_duplicate_paragraph_character_fraction=fraction,
    max_top_ngram_character_fractions=st.dictionaries(st.integers(1, 4), fraction, max_size=3),
    max_duplicate_ngram_character_fractions=st.dictionaries(
        st.integers(1, 6), fraction, max_size=3
    ),
)


@settings(max_examples=400, deadline=None)
@given(texts, specs)
def test_repetition_is_what_the_slow_way_finds(documents, spec):
    assert reasons(spec, *documents) == [slow_first_reason(spec, text) for text in documents]


def test_the_slow_way_finds_every_kind_of_repetition():
    for rule, (thresholds, inside, outside) in REPETITION.items():
        spec = GopherRepetition(**(NONE_LOOSE | thresholds))
        assert slow_first_reason(spec, inside) is None
        assert slow_first_reason(spec, outside) == f"gopher_repetition:{rule}"
