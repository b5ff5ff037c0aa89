"""Words by the compiled loops against words by a slow reading of the definition."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.words import ngram_hashes, normalise, split_words
from gapless.words.characters import _ALONE

EXAMPLES = {
    "": [],
    "  \n\t": [],
    "Hello, World": ["hello", "world"],
    "don't 'quote' rock'n'roll'": ["don't", "quote", "rock'n'roll"],
    "it\u2019s": ["it's"],
    "x-ray 3.5 mg/kg COVID-19": ["x", "ray", "3", "5", "mg", "kg", "covid", "19"],
    "\u4eba\u53c2 is \u30ab\u30d0": ["\u4eba", "\u53c2", "is", "\u30ab", "\u30d0"],
    "STRASSE Stra\u00dfe \u0391\u03a3": ["strasse", "stra\u00dfe", "\u03b1\u03c3"],
    "cafe\u0301": ["cafe\u0301"],
    "a\U0001f600b \U0001d400": ["a", "b", "\U0001d400"],
    "\u0130x": ["\u0130x"],
    "\ud55c\uad6d\uc5b4 \u0627\u0644\u0639": ["\ud55c\uad6d\uc5b4", "\u0627\u0644\u0639"],
    "1'2 a' 'b": ["1'2", "a", "b"],
}


def slow_words(text):
    """Return (word, first character, one past the last) by the definition, in Python."""

    def kind(character):
        category = unicodedata.category(character)
        point = ord(character)
        is_word = category[0] in "LMN" and (point < 0x32400 or 0xE0100 <= point < 0xE01F0)
        if not is_word:
            return "apostrophe" if character in "'\u2019" else None
        if category != "Nd" and any(point in block for block in _ALONE):
            return "alone"
        return "inside"

    kinds = [kind(character) for character in text]
    words, begin = [], None
    for place in range(len(text) + 1):
        here = kinds[place] if place < len(text) else None
        follows = place + 1 < len(text) and kinds[place + 1] == "inside"
        if here == "inside" or (here == "apostrophe" and begin is not None and follows):
            begin = place if begin is None else begin
            continue
        if begin is not None:
            words.append((begin, place))
            begin = None
        if here == "alone":
            words.append((place, place + 1))

    def lowered(character):
        form = "'" if character == "\u2019" else character.lower()
        return form if len(form) == 1 else character

    return [("".join(map(lowered, text[a:b])), a, b) for a, b in words]


def array(*texts):
    return pa.array(texts, pa.large_string())


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_text_has_the_words_that_the_definition_says(text):
    assert [word for word, _, _ in slow_words(text)] == EXAMPLES[text]
    no_digits = " ".join(EXAMPLES[text])
    for digit in "123456789":
        no_digits = no_digits.replace(digit, "0")
    assert normalise(array(text)).to_pylist() == [no_digits]


texts = st.lists(
    st.text(
        st.one_of(
            st.characters(codec="utf-8"),
            st.sampled_from("ab AB 09'\u2019.\n\u4eba\u30ab\u0301\u0130\u212a"),
        )
    ),
    max_size=5,
)


@given(texts)
def test_words_stand_where_the_slow_way_finds_them(documents):
    found = split_words(array("zz yy", *documents)[1:])
    assert len(found.offsets) == len(documents) + 1
    for number, text in enumerate(documents):
        own = slice(found.offsets[number], found.offsets[number + 1])
        encoded = text.encode()
        spans = [
            encoded[a:b].decode() for a, b in zip(found.begins[own], found.ends[own], strict=True)
        ]
        assert spans == [text[a:b] for _, a, b in slow_words(text)]


@given(texts)
def test_equal_words_and_only_they_have_equal_hashes(documents):
    found = split_words(array(*documents))
    words = [word for text in documents for word, _, _ in slow_words(text)]
    assert len(found.hashes) == len(words)
    assert len(set(found.hashes.tolist())) == len(set(words))
    assert len(set(zip(words, found.hashes.tolist(), strict=True))) == len(set(words))


@given(texts)
def test_the_normal_form_is_the_words_with_each_digit_a_zero(documents):
    expected = [
        "".join(
            "0" if unicodedata.category(c) == "Nd" and ord(c) < 0x32400 else c
            for c in " ".join(word for word, _, _ in slow_words(text))
        )
        for text in documents
    ]
    assert normalise(array(*documents)).to_pylist() == expected


@given(texts, st.integers(1, 4))
def test_ngrams_are_equal_where_their_words_are(documents, n):
    words = split_words(array(*documents))
    hashes, offsets = ngram_hashes(words, n)
    grams = []
    for number, text in enumerate(documents):
        own = [word for word, _, _ in slow_words(text)]
        mine = [tuple(own[i : i + n]) for i in range(len(own) - n + 1)]
        assert offsets[number + 1] - offsets[number] == len(mine)
        grams += mine
    assert len(hashes) == len(grams)
    assert len(set(zip(grams, hashes.tolist(), strict=True))) == len(set(grams))
    assert len(set(hashes.tolist())) == len(set(grams))


def test_a_hash_is_the_same_in_every_batch_and_process():
    alone = split_words(array("insulin"))
    among = split_words(array("a b", "c Insulin"))
    assert alone.hashes[0] == among.hashes[-1]
    assert alone.hashes[0] == np.uint64(0xA86E452A48CDC43)
