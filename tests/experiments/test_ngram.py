import importlib.util
import math
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

_PATH = Path(__file__).parents[2] / "experiments" / "base_model" / "ngram.py"
_SPEC = importlib.util.spec_from_file_location("experiments_base_model_ngram", _PATH)
ngram = importlib.util.module_from_spec(_SPEC)
# `dataclass` looks its own module up by name.
sys.modules[_SPEC.name] = ngram
_SPEC.loader.exec_module(ngram)

LETTERS = "<abcdrst "
TEXTS = (
    "abracadabra",
    "a cat sat a rat",
    "bad cats a bard",
    "a",
    "",
    "rats star a cab",
    "abracadabra a tab",
)
UNSEEN = ("a cat", "sss", "tdtdt", "dab sat", "abracadabrat", "b")


def documents(texts):
    """Prefix (id 0), letters; the second half of the texts end with the end token, id 0 too."""
    return [
        np.array([0, *map(LETTERS.index, text), *([0] if number > 2 else [])])
        for number, text in enumerate(texts)
    ]


class SlowNGram:
    """Modified Kneser-Ney as the paper's formulas say it, over tuples."""

    def __init__(self, documents, order, vocabulary_size):
        self.vocabulary_size = vocabulary_size
        self.order = order
        tokens = [["<s>", *document[1:].tolist()] for document in documents]
        self.counts = {}
        for length in range(1, order + 1):
            raw = Counter(
                tuple(document[at : at + length])
                for document in tokens
                for at in range(len(document) - length + 1)
            )
            left = defaultdict(set)
            for document in tokens:
                for at in range(len(document) - length):
                    left[tuple(document[at + 1 : at + 1 + length])].add(document[at])
            self.counts[length] = {
                gram: count if length == order or gram[0] == "<s>" else len(left[gram])
                for gram, count in raw.items()
                if gram != ("<s>",)
            }
        self.discounts = {length: self.discount(c) for length, c in self.counts.items()}

    @staticmethod
    def discount(counts):
        n = [None] + [sum(count == i for count in counts.values()) for i in (1, 2, 3, 4)]
        if not all(n[1:]):
            return (0, 0.5, 1.0, 1.5)
        y = n[1] / (n[1] + 2 * n[2])
        answer = (
            0,
            1 - 2 * y * n[2] / n[1],
            2 - 3 * y * n[3] / n[2],
            3 - 4 * y * n[4] / n[3],
        )
        return answer if min(answer) >= 0 else (0, 0.5, 1.0, 1.5)

    def probability(self, context, token):
        context = tuple(context)[-(self.order - 1) :] if self.order > 1 else ()
        return self.interpolated(context, token)

    def interpolated(self, context, token):
        uniform = 1 / self.vocabulary_size
        lower = self.interpolated(context[1:], token) if context else uniform
        counts, d = self.counts[len(context) + 1], self.discounts[len(context) + 1]
        after = {gram[-1]: count for gram, count in counts.items() if gram[:-1] == context}
        if not after:
            return lower
        total = sum(after.values())
        count = after.get(token, 0)
        left_over = sum(d[min(count, 3)] for count in after.values())
        return (count - d[min(count, 3)] + left_over * lower) / total

    def probabilities(self, documents):
        answers = []
        for document in documents:
            tokens = ["<s>", *document[1:].tolist()]
            answers += [self.probability(tokens[:at], tokens[at]) for at in range(1, len(tokens))]
        return answers


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_probabilities_are_those_of_the_slow_model(order):
    training, asked = documents(TEXTS), documents(TEXTS + UNSEEN)
    fast = ngram.NGram.train(training, order=order, vocabulary_size=len(LETTERS))
    slow = SlowNGram(training, order, len(LETTERS))
    expected = slow.probabilities(asked)
    assert len(set(np.round(expected, 9))) >= 6 * order
    np.testing.assert_allclose(fast.probabilities(asked), expected, rtol=0, atol=1e-12)


def test_an_order_of_the_slow_model_has_discounts_of_its_own():
    slow = SlowNGram(documents(TEXTS), 3, len(LETTERS))
    own = [d for d in slow.discounts.values() if d != (0, 0.5, 1.0, 1.5)]
    assert own, "every order falls back: the formulas of the discounts are not tested"
    fast = ngram.NGram.train(documents(TEXTS), order=3, vocabulary_size=len(LETTERS))
    for length, level in enumerate(fast.levels, start=1):
        np.testing.assert_allclose(level.discounts, slow.discounts[length][1:], atol=1e-15)


@pytest.mark.parametrize("context", ["", "a", "abra", "a cat s", "sdsd", "tttt", "cab", "ttta"])
def test_probabilities_after_any_context_sum_to_1(context):
    model = ngram.NGram.train(documents(TEXTS), order=5, vocabulary_size=len(LETTERS))
    ids = [0, *map(LETTERS.index, context)]
    asked = [np.array([*ids, token]) for token in range(len(LETTERS))]
    last = model.probabilities(asked).reshape(len(LETTERS), len(ids))[:, -1]
    assert last.min() > 0
    assert last.sum() == pytest.approx(1, abs=1e-12)


def test_order_1_by_hand():
    # Counts: 5 of 1, 2 of 2, 1 of 3 and of 4: n1..n4 = 2, 1, 1, 1; 8 ids, ids 0, 6 and 7 unseen.
    document = np.array([0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5])
    model = ngram.NGram.train([document], order=1, vocabulary_size=8)
    y = 2 / (2 + 2 * 1)
    d1, d2, d3 = 1 - 2 * y * 1 / 2, 2 - 3 * y * 1 / 1, 3 - 4 * y * 1 / 1
    assert (d1, d2, d3) == (0.5, 0.5, 1.0)
    left_over = (2 * d3 + d2 + 2 * d1) / 11
    by_hand = {
        1: (4 - 1.0) / 11 + left_over / 8,
        2: (3 - 1.0) / 11 + left_over / 8,
        3: (2 - 0.5) / 11 + left_over / 8,
        4: (1 - 0.5) / 11 + left_over / 8,
        5: (1 - 0.5) / 11 + left_over / 8,
        7: left_over / 8,
    }
    asked = np.array([0, *by_hand])
    np.testing.assert_allclose(
        model.probabilities([asked]), list(by_hand.values()), rtol=0, atol=1e-15
    )
    expected = -sum(math.log2(p) for p in by_hand.values())
    assert model.bits([asked])[0] == pytest.approx(expected, abs=1e-12)


def test_contexts_do_not_cross_documents():
    apart = ngram.NGram.train(documents(["ab", "cd"]), order=3, vocabulary_size=len(LETTERS))
    b_then_c = [0, *map(LETTERS.index, "bc")]
    c_first = [0, LETTERS.index("c")]
    asked = [np.array(b_then_c), np.array(c_first)]
    # After b nothing was ever seen, so c has its probability without context.
    unigram = apart.levels[0]
    seen = unigram.weights[np.searchsorted(unigram.keys, LETTERS.index("c"))]
    without_context = seen + unigram.backoffs[0] / len(LETTERS)
    answers = apart.probabilities(asked)
    assert answers[1] == pytest.approx(without_context, abs=1e-15)
    assert answers[2] > answers[1]


def test_bits_are_summed_per_document():
    model = ngram.NGram.train(documents(TEXTS), order=3, vocabulary_size=len(LETTERS))
    asked = documents(["abra", "a", "", "cat"])
    bits = model.bits(asked)
    alone = [model.bits([document])[0] for document in asked]
    np.testing.assert_allclose(bits, alone, rtol=0, atol=1e-12)
    assert bits[2] == 0
    assert bits[0] > bits[1] > 0


def test_full_vocabulary_and_order_fit_one_key():
    rng = np.random.Generator(np.random.PCG64(0))
    training = [np.concatenate([[0], rng.integers(1, 4096, 50)]) for _ in range(4)]
    training.append(np.array([0, 4095, 4095, 4095, 4095, 4095, 4095]))
    model = ngram.NGram.train(training, order=5, vocabulary_size=4096)
    slow = SlowNGram(training, 5, 4096)
    np.testing.assert_allclose(
        model.probabilities(training), slow.probabilities(training), rtol=0, atol=1e-12
    )
