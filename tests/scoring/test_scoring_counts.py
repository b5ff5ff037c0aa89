"""Length, diversity and repetition against slow, obvious definitions."""

import math
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.scoring.diversity import DiversityScorer
from gapless.scoring.length import LengthScorer
from gapless.scoring.repetition import RepetitionScorer
from gapless.words import normalise

WORDS = st.lists(st.sampled_from(["cell", "wall", "the", "x", "\u7ec6", "\u80de", "12", "it's"]))
DOCUMENTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=6)


def array(*texts: str) -> pa.LargeStringArray:
    return pa.array(texts, type=pa.large_string())


def words_of(text: str) -> list[str]:
    return normalise(array(text))[0].as_py().split()


def slow_entropy(words: list[str]) -> float | None:
    if not words:
        return None
    shares = [count / len(words) for count in Counter(words).values()]
    return -sum(share * math.log2(share) for share in shares)


def slow_repetition(words: list[str], n: int) -> float | None:
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    if not grams:
        return None
    return sum(gram in grams[:i] for i, gram in enumerate(grams)) / len(grams)


def test_length_counts_code_points_or_words() -> None:
    texts = array("", "Two words", "\u7ec6\u80de 12", "\U0001f600!", "it's")
    assert LengthScorer("characters")(texts)[""].to_pylist() == [0, 9, 5, 2, 4]
    assert LengthScorer("words")(texts)[""].to_pylist() == [0, 2, 3, 0, 1]
    assert LengthScorer()(texts)[""].type == pa.float64()


def test_diversity_of_known_texts() -> None:
    texts = array("", "!", "a", "a A a a", "a b c d", "a a b c")
    found = DiversityScorer()(texts)[""].to_pylist()
    assert found == [None, None, 0.0, 0.0, 2.0, 1.5]


@given(DOCUMENTS)
def test_diversity_is_the_entropy_of_word_types(texts: list[str]) -> None:
    found = DiversityScorer()(array(*texts))[""].to_pylist()
    expected = [slow_entropy(words_of(text)) for text in texts]
    assert found == [pytest.approx(value, abs=1e-12) for value in expected]


def test_diversity_reads_only_the_beginning() -> None:
    text = "a b a b" + " c d e f" * 9
    assert DiversityScorer(max_words=4)(array(text))[""].to_pylist() == [1.0]
    assert DiversityScorer(max_words=1000)(array(text))[""][0].as_py() > 1.0


def test_repetition_of_known_texts() -> None:
    texts = array("", "a b", "a b c d e", "a b a b a b", "a. A, a; a a")
    assert RepetitionScorer(2)(texts)[""].to_pylist() == [None, 0.0, 0.0, 3 / 5, 3 / 4]
    assert RepetitionScorer(5)(texts)[""].to_pylist() == [None, None, 0.0, 0.0, 0.0]


@given(DOCUMENTS, st.integers(1, 4))
def test_repetition_counts_what_stood_before(texts: list[str], ngram: int) -> None:
    found = RepetitionScorer(ngram)(array(*texts))[""].to_pylist()
    expected = [slow_repetition(words_of(text), ngram) for text in texts]
    assert found == [pytest.approx(value, abs=1e-12) for value in expected]


@pytest.mark.parametrize("scorer", [LengthScorer(), DiversityScorer(), RepetitionScorer(2)])
def test_a_slice_and_an_empty_batch_score_like_the_whole(scorer) -> None:
    texts = array("z z z", "a b a b", "\u7ec6\u80de\u7ec6", "", "q")
    whole = scorer(texts)[""].to_pylist()
    assert len(set(whole)) > 2
    assert scorer(texts.slice(1, 3))[""].to_pylist() == whole[1:4]
    assert scorer(texts.slice(0, 0))[""].to_pylist() == []
