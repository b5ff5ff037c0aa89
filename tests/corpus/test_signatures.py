"""Signatures against minima in Python's integers, and their statistics against exact sets."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.corpus.signatures import EMPTY, _functions, signatures
from gapless.words import ngram_hashes, split_words

HASHES = 112


def array(*texts):
    return pa.array(texts, pa.large_string())


def sign(*texts, ngram=2, hashes=HASHES):
    return signatures(array(*texts), ngram=ngram, hashes=hashes)


def slow_row(shingles, hashes):
    factors, terms = _functions(hashes)
    return [
        min((int(factor) * int(shingle) + int(term)) % 2**64 >> 32 for shingle in shingles)
        for factor, term in zip(factors, terms, strict=True)
    ]


@pytest.mark.parametrize("num_words", [2, 3, 4, 5, 6, 7, 8, 9, 40])
def test_each_number_is_the_least_value_of_its_function(num_words):
    texts = [" ".join(f"w{text}x{word}" for word in range(num_words)) for text in range(3)]
    shingles, borders = ngram_hashes(split_words(array(*texts)), 2)
    rows = sign(*texts, hashes=11)
    assert rows.dtype == np.uint32
    assert rows.shape == (3, 11)
    for row, begin, end in zip(rows, borders, borders[1:], strict=False):
        assert end - begin == num_words - 1
        assert row.tolist() == slow_row(shingles[begin:end], 11)


@given(
    st.lists(st.text("ab \u00e9,", max_size=12), max_size=6), st.integers(1, 4), st.integers(1, 9)
)
def test_a_row_depends_on_its_own_text_only(texts, ngram, hashes):
    rows = sign("x y", *texts, "z", ngram=ngram, hashes=hashes)
    for row, text in zip(rows[1:-1], texts, strict=True):
        assert (row == sign(text, ngram=ngram, hashes=hashes)[0]).all()


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=9), min_size=2, max_size=2))
def test_rows_are_equal_exactly_if_the_sets_of_shingles_are(documents):
    def shingles(words):
        whole = [tuple(words)] if words else []
        return {tuple(words[i : i + 3]) for i in range(len(words) - 2)} or set(whole)

    one, two = (shingles(words) for words in documents)
    rows = sign(*(" ".join(words) for words in documents), ngram=3)
    if one and two:
        assert (rows[0] == rows[1]).all() == (one == two)
        assert (rows[0] == rows[1]).any() == bool(one & two)


def test_the_form_of_a_text_does_not_matter_but_its_words_do():
    rows = sign("Hello, World: so it is", "hello world -- SO it\nis", "hello world so is it")
    assert (rows[0] == rows[1]).all()
    assert (rows[0] != rows[2]).any()


def test_a_text_shorter_than_a_shingle_is_one_shingle():
    rows = sign("a b", "A, B!", "b a", "a", "a b c", "a b a b", ngram=5)
    assert (rows[0] == rows[1]).all()
    for other in rows[2:]:
        assert (rows[0] != other).all()


def test_only_a_text_without_words_has_a_row_of_empty():
    rows = sign("", "a", " \n...", "a b c", hashes=3)
    assert (rows[[0, 2]] == EMPTY).all()
    assert (rows[[1, 3]] != EMPTY).all()
    assert sign(hashes=3).shape == (0, 3)


def test_a_slice_of_an_array_is_signed_as_its_texts():
    texts = array("a b c", "d e f g", "", "h i j")
    rows = signatures(texts, ngram=2, hashes=5)
    assert (signatures(texts.slice(1, 3), ngram=2, hashes=5) == rows[1:]).all()


def test_signatures_stay_the_same_over_versions_and_machines():
    rows = sign("Row, row, row your boat", "row", hashes=3)
    assert rows.tolist() == GOLDEN
    assert (sign("Row, row, row your boat", hashes=7)[:, :3] == rows[0]).all()


GOLDEN = [[1334770546, 1532075049, 524111169], [773949962, 4233833493, 2740408361]]


@pytest.mark.parametrize("size", [10, 50, 400])
@pytest.mark.parametrize("index", [0.1, 0.5, 0.7, 0.9])
def test_equal_numbers_estimate_the_jaccard_index_without_bias(size, index):
    num_pairs, bands = 400, 14
    common = round(index * size)
    texts = []
    for pair in range(num_pairs):
        words = [f"w{pair}x{number}" for number in range(size)]
        middle = (size + common) // 2
        texts += [" ".join(words[:middle]), " ".join(words[middle - common :])]
    rows = sign(*texts, ngram=1)
    equal = rows[::2] == rows[1::2]
    true = common / size

    # Each bound is four standard deviations of what it bounds.
    estimates = equal.mean(axis=1)
    variance = true * (1 - true) / HASHES
    assert abs(estimates.mean() - true) < 4 * np.sqrt(variance / num_pairs)
    assert abs(estimates.var() / variance - 1) < 4 * np.sqrt(2 / num_pairs)

    # Hash functions that were not independent of one another would show in whole bands, too.
    banded = equal.reshape(num_pairs, bands, -1).all(axis=2).mean()
    chance = true**8
    assert abs(banded - chance) < 4 * np.sqrt(chance * (1 - chance) / (num_pairs * bands))


def test_documents_without_a_common_shingle_have_no_equal_numbers():
    texts = [" ".join(f"t{text}w{word}" for word in range(300)) for text in range(40)]
    rows = sign(*texts)
    same = sum((rows[i] == rows[j]).sum() for i in range(40) for j in range(i))
    # 87,360 comparisons of minima, each within 2^32 / 300: 0.002 equal ones are to be expected.
    assert same == 0
