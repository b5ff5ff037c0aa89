"""Gopher's quality rules, C4 and FineWeb against slow readings of their definitions."""

import re

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gapless.corpus.cleaners import build_cleaner
from gapless.corpus.cleaners.c4 import POLICY_PHRASES
from gapless.recipe.cleanings import C4, FineWeb, GopherQuality

BLANKS = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"
STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}


def answers(spec, texts):
    answer = build_cleaner(spec)(pa.array(texts, pa.large_string()))
    reasons = [None] * len(texts) if answer.reasons is None else answer.reasons.to_pylist()
    return list(zip(answer.texts.to_pylist(), reasons, strict=True))


def stripped_lines(text):
    return [line.strip(BLANKS) for line in text.split("\n") if line.strip(BLANKS)]


def first(spec, checks):
    return next((f"{spec.type}:{rule}" for rule, broken in checks.items() if broken), None)


def slow_gopher_quality(spec, text):
    words, lines = text.split(), stripped_lines(text)
    num_words, num_lines = max(len(words), 1), max(len(lines), 1)
    mean = sum(map(len, words)) / num_words
    ellipses = text.count("...") + text.count("\u2026")
    bullets = sum(line[0] in "*-\u2022\u2023\u25aa\u25cf\u25e6\u2013\u00b7" for line in lines)
    ends = sum(line.endswith(("...", "\u2026")) for line in lines)
    alphabetic = sum(any(map(str.isalpha, word)) for word in words)
    runs = {run.lower() for run in re.findall(r"[^\W_]+", text)}
    return first(
        spec,
        {
            "too_few_words": len(words) < spec.min_words,
            "too_many_words": len(words) > spec.max_words,
            "short_words": mean < spec.min_mean_word_length,
            "long_words": mean > spec.max_mean_word_length,
            "hash_symbols": text.count("#") / num_words > spec.max_symbol_word_ratio,
            "ellipses": ellipses / num_words > spec.max_symbol_word_ratio,
            "bullet_lines": bullets / num_lines > spec.max_bullet_line_fraction,
            "ellipsis_lines": ends / num_lines > spec.max_ellipsis_line_fraction,
            "few_alphabetic_words": alphabetic / num_words < spec.min_alphabetic_word_fraction,
            "few_stop_words": len(runs & STOP_WORDS) < spec.min_stop_words,
        },
    )


def slow_fineweb(spec, text):
    lines = stripped_lines(text)
    num_lines = max(len(lines), 1)
    duplicates = sum(len(line) for place, line in enumerate(lines) if line in lines[:place])
    words = re.split(f"[{BLANKS}]+", text.strip(BLANKS)) if text.strip(BLANKS) else [""]
    punctuated = sum(line.endswith((".", "!", "?", "\u3002")) for line in lines)
    short = sum(len(line) <= spec.short_line_characters for line in lines)
    return first(
        spec,
        {
            "few_punctuated_lines": punctuated / num_lines < spec.min_line_punctuation_fraction,
            "short_lines": short / num_lines > spec.max_short_line_fraction,
            "duplicate_lines": duplicates / max(len(text.replace("\n", "")), 1)
            > spec.max_duplicate_line_character_fraction,
            "many_line_feeds": text.count("\n") / len(words) > spec.max_newline_word_ratio,
        },
    )


def slow_sentences(line):
    count, last = 0, 0
    for match in re.finditer("([.!?]+)(?:[\"')\\]]|\u2019|\u201d)*", line):
        rest = line[match.end() :]
        initial = match[1] == "." and re.search("(?:^|[^a-zA-Z])[a-zA-Z]$", line[: match.start()])
        begins = rest[:1] in BLANKS and not re.match("[a-z]", rest.lstrip(BLANKS))
        if not rest or (begins and not initial):
            count, last = count + 1, match.end()
    return count + (last < len(line))


def slow_c4(spec, text):
    kept, sentences = [], 0
    for raw in text.removesuffix("\n").split("\n"):
        line = raw.strip(BLANKS)
        longest = max(map(len, re.split(f"[{BLANKS}]+", line)))
        if spec.remove_citations:
            line = re.sub(r"\[[0-9]*\]|(?i:\[edit\]|\[citation needed\])", "", line).rstrip(BLANKS)
        words = [word for word in re.split(f"[{BLANKS}]+", line) if word]
        ends = line.endswith((*"!?.\"'", "\u2019", "\u201d")) and not line.endswith("...")
        if longest > spec.max_word_length or len(words) < spec.min_words_per_line:
            continue
        if spec.line_ends_with_punctuation and not ends:
            continue
        lower = line.lower()
        if spec.refuse_lorem_ipsum and "lorem ipsum" in lower:
            return text, "c4:lorem_ipsum"
        if spec.remove_javascript_lines and "javascript" in lower:
            continue
        if spec.refuse_curly_bracket and "{" in lower:
            return text, "c4:curly_bracket"
        if spec.remove_policy_lines and any(phrase in lower for phrase in POLICY_PHRASES):
            continue
        kept.append(line)
        sentences += slow_sentences(line)
    if sentences < spec.min_sentences:
        return text, "c4:too_few_sentences"
    cleaned = "\n".join(kept).lstrip("\n")
    return (cleaned, None) if cleaned else (text, "c4:nothing_left")


PIECES = (
    *"aB. .!?\"')]#-*5\n\n\t\r",
    *("\u4eba\u3002\u2026\u201d\u2019\u2022\u00a0\u00e9"),
    *(
        "...",
        "the",
        " of ",
        "That",
        "and ",
        "\n- ",
        "[1]",
        "[Edit]",
        "[citation needed]",
        "J.",
        "e.g.",
    ),
    *(
        "Lorem ipsum",
        "JavaScript",
        "{",
        "use cookies",
        "A cat sat. ",
        "word word",
        ' "',
        "xxxxxxxx",
    ),
)
texts = st.lists(
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join), min_size=1, max_size=4
)
fraction = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
booleans = st.booleans()
qualities = st.builds(
    GopherQuality,
    min_words=st.integers(0, 4),
    max_words=st.integers(6, 20),
    min_mean_word_length=st.sampled_from([0.0, 1.5, 2.0]),
    max_mean_word_length=st.sampled_from([3.0, 5.0, 100.0]),
    max_symbol_word_ratio=fraction,
    max_bullet_line_fraction=fraction,
    max_ellipsis_line_fraction=fraction,
    min_alphabetic_word_fraction=fraction,
    min_stop_words=st.integers(0, 3),
)
finewebs = st.builds(
    FineWeb,
    min_line_punctuation_fraction=fraction,
    max_short_line_fraction=fraction,
    short_line_characters=st.integers(1, 12),
    max_duplicate_line_character_fraction=fraction,
    max_newline_word_ratio=fraction,
)
c4s = st.builds(
    C4,
    line_ends_with_punctuation=booleans,
    min_words_per_line=st.integers(0, 3),
    min_sentences=st.integers(0, 3),
    max_word_length=st.sampled_from([5, 1000]),
    remove_javascript_lines=booleans,
    remove_policy_lines=booleans,
    remove_citations=booleans,
    refuse_lorem_ipsum=booleans,
    refuse_curly_bracket=booleans,
)


@settings(max_examples=400, deadline=None)
@given(texts, qualities)
def test_gopher_quality_is_what_the_slow_way_finds(documents, spec):
    assert answers(spec, documents) == [
        (text, slow_gopher_quality(spec, text)) for text in documents
    ]


@settings(max_examples=400, deadline=None)
@given(texts, finewebs)
def test_fineweb_is_what_the_slow_way_finds(documents, spec):
    assert answers(spec, documents) == [(text, slow_fineweb(spec, text)) for text in documents]


@settings(max_examples=600, deadline=None)
@given(texts, c4s)
def test_c4_is_what_the_slow_way_finds(documents, spec):
    assert answers(spec, documents) == [slow_c4(spec, text) for text in documents]
