"""What answers are worth: exact small cases, and other programs that compute the same."""

import math
import re
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapless.evaluation.task_items import TaskItem, TaskSettings
from gapless.evaluation.tasks.metrics import (
    best_rouge_l,
    exact_match,
    labels_in,
    macro_f1,
    micro_f1,
)
from gapless.evaluation.tasks.normal import longest_common, normalise, rouge_l, words_of


def items(*answers):
    return [
        TaskItem(line=number, prompt="p", text="p", answers=own)
        for number, own in enumerate(answers, start=1)
    ]


def test_macro_f1_is_the_mean_of_each_class_counted_by_hand():
    # class 0: TP 2, FP 1, FN 0 -> 4/5; class 1: TP 1, FP 0, FN 1 -> 2/3; class 2: FP 0, FN 1 -> 0
    values = macro_f1([[0], [0], [1], [1], [2]], [[0], [0], [1], [0], []], 3)
    assert values.value == pytest.approx((4 / 5 + 2 / 3 + 0) / 3)
    assert values.numerators.sum(axis=0).tolist() == [4, 2, 0]
    assert values.denominators.sum(axis=0).tolist() == [5, 3, 1]


def test_a_class_that_nobody_has_and_nobody_was_given_is_no_part_of_the_mean():
    assert macro_f1([[0], [1]], [[0], [0]], 2).value == pytest.approx((2 / 3 + 0) / 2)
    assert macro_f1([[0], [1]], [[0], [0]], 9).value == pytest.approx((2 / 3 + 0) / 2)
    # Given wrongly, a class counts: 0 of 1.
    assert macro_f1([[0], [1]], [[0], [8]], 9).value == pytest.approx((1 + 0 + 0) / 3)


def test_several_labels_by_hand():
    right, given_labels = [{0, 1}, {1}, {2}], [{0}, {1, 2}, set()]
    # TP: 0, 1; FN: 1 (first), 2 (third); FP: 2 (second)
    assert micro_f1(right, given_labels, 3).value == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))
    macro = macro_f1(right, given_labels, 3).value
    assert macro == pytest.approx((1 + 2 / 3 + 0) / 3)


@given(st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_f1_is_that_of_scikit_learn(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.Generator(np.random.Philox(seed))
    right = generator.integers(0, 5, 12)
    answered = np.where(generator.random(12) < 0.5, right, generator.integers(0, 7, 12))
    ours = macro_f1(right[:, None].tolist(), answered[:, None].tolist(), 9).value
    assert ours == pytest.approx(metrics.f1_score(right, answered, average="macro"))
    many = generator.random((2, 12, 4)) < 0.4
    many[0, :, 0] |= ~many[0].any(axis=1)  # every item has a label
    sets = [[set(np.flatnonzero(row).tolist()) for row in side] for side in many]
    told = metrics.f1_score(*many, average="micro", zero_division=0)
    assert micro_f1(*sets, 4).value == pytest.approx(told)
    there = many.any(axis=(0, 1))
    told = metrics.f1_score(*many, average=None, zero_division=0)[there].mean()
    assert macro_f1(*sets, 4).value == pytest.approx(told)


def test_the_standard_error_of_a_macro_f1_is_the_spread_of_many_samples():
    generator = np.random.Generator(np.random.Philox(3))

    def sample():
        right = generator.integers(0, 3, 400)
        answered = np.where(generator.random(400) < 0.6, right, generator.integers(0, 3, 400))
        return macro_f1(right[:, None].tolist(), answered[:, None].tolist(), 3)

    samples = [sample() for _ in range(400)]
    spread = np.std([each.value for each in samples])
    errors = [each.standard_error for each in samples]
    assert spread == pytest.approx(np.mean(errors), rel=0.1)
    assert macro_f1([[0]], [[0]], 3).standard_error is None


def test_squads_normal_form_drops_case_punctuation_articles_and_space():
    texts = ["The  Cat, an A-team!", "a.the", " U.S. ", "Theatre", "\u4e2d\u6587\u3002"]
    expected = ["cat ateam", "athe", "us", "theatre", "\u4e2d\u6587\u3002"]
    assert normalise(texts, "squad") == expected


def squads_own(s):
    """``normalize_answer`` of SQuAD's evaluate-v1.1.py, as it stands there."""

    def remove_articles(text):
        return re.sub(r"\b(a|an|the)\b", " ", text)

    def white_space_fix(text):
        return " ".join(text.split())

    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(s.lower())))


@given(st.text(alphabet="aAnthe ., \n'-5\u4e2d\u00e9\u0130", max_size=30))
def test_squads_normal_form_is_that_of_its_script(text):
    assert normalise([text], "squad") == [squads_own(text)]


def test_words_normalise_in_every_script():
    texts = ["The  Cat!", "\u5317\u4eac\u3002", "\u5317 \u4eac", "It's \u00c9T\u00c9 5", "..."]
    assert normalise(texts, "words") == [
        "the cat",
        "\u5317 \u4eac",
        "\u5317 \u4eac",
        "it's \u00e9t\u00e9 5",
        "",
    ]
    assert normalise([" The Cat! "], "none") == ["The Cat!"]


def test_any_of_the_answers_is_an_exact_match():
    rows = items(("Paris", "City of Light"), ("42",), ("no",))
    values = exact_match(rows, [" the city of light.", "42!", "yes"], "squad")
    assert values.numerators.tolist() == [1, 1, 0]
    assert values.value == pytest.approx(2 / 3)
    assert exact_match(rows, [" the city of light.", " 42", "no"], "none").numerators.tolist() == [
        0,
        1,
        1,
    ]


def settings_of(**changes):
    return TaskSettings(kind="generation", metrics=("exact_match",), file="items.jsonl", **changes)


def test_what_is_written_is_a_label_or_none():
    task = settings_of(labels=("yes", "no", "maybe so"))
    found = labels_in([" Yes.", "no, never", "MAYBE  so", "", "<b>no</b>"], task)
    assert found == [{0}, set(), {2}, set(), set()]


def test_several_labels_are_parted_by_the_tasks_sign():
    task = settings_of(labels=("liver", "heart", "lung"), multi_label=True)
    found = labels_in(["Heart, liver", "lung,lung", "liver and heart", "x, lung", ""], task)
    assert found == [{0, 1}, {2}, set(), {2}, set()]
    task = settings_of(labels=("a b", "c"), multi_label=True, between_labels=" ", normalise="none")
    assert labels_in(["c d"], task) == [{1}]


def slow_common(one, two):
    table = [[0] * (len(two) + 1) for _ in range(len(one) + 1)]
    for i, left in enumerate(one):
        for j, right in enumerate(two):
            table[i + 1][j + 1] = (
                table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])
            )
    return table[-1][-1]


@given(
    st.lists(st.sampled_from("abcd"), max_size=20), st.lists(st.sampled_from("abcd"), max_size=20)
)
def test_the_longest_common_subsequence_is_that_of_the_table(one, two):
    assert longest_common(one, two) == slow_common(one, two)


def test_rouge_l_by_hand():
    # "police killed the gunman" / "police kill the gunman": 3 in common of 4 and 4 (Lin 2004).
    one, two = words_of(["police kill the gunman", "Police killed the gunman."])
    assert rouge_l(one, two) == 0.75
    assert rouge_l(list("abcde"), list("ace")) == pytest.approx(2 * 3 / 8)
    assert rouge_l([], ["a"]) == rouge_l(["a"], []) == rouge_l([], []) == 0


@given(st.text(alphabet="abc  .\n", max_size=40), st.text(alphabet="abc  .\n", max_size=40))
@settings(max_examples=200, deadline=None)
def test_rouge_l_is_that_of_rouge_score_on_plain_words(one, two):
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    ours = rouge_l(*words_of([one, two]))
    assert math.isclose(ours, scorer.score(two, one)["rougeL"].fmeasure, abs_tol=1e-12)


def test_chinese_is_compared_sign_by_sign():
    one, two = words_of(["\u5317\u4eac\u662f\u9996\u90fd\u3002", "\u9996\u90fd\u662f\u5317\u4eac"])
    assert (len(one), len(two)) == (5, 5)
    assert rouge_l(one, two) == pytest.approx(2 * 2 / 10)


def test_the_best_of_several_references_counts():
    values = best_rouge_l(items(("a b c d", "x y"), ("q",)), ["x y z", ""])
    assert values.numerators.tolist() == [pytest.approx(0.8), 0]
