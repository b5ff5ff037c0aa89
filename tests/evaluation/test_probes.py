"""The kinds of probe, and the suite that asks them."""

import math

import numpy as np
import pytest
import torch

from gapless.errors import RunError
from gapless.evaluation.bits_per_byte import bits_per_byte
from gapless.evaluation.items import ProbeItems, Question
from gapless.evaluation.likelihood import Scorer
from gapless.evaluation.multiple_choice import multiple_choice
from gapless.evaluation.perplexity import perplexity
from gapless.evaluation.suite import HIGHER_IS_BETTER, measure

TEXTS = ("the cell divides", "la paroi", "é", "the wall of the cell holds. " * 3)
QUESTIONS = (
    Question("the cell", ("divides", "holds the wall"), 0),
    Question("la cellule ", ("se divise", "tient", "the"), 2),
    Question("the wall:\n", ("holds", " divides"), 1),
    Question("", ("cell", "wall"), 1),
    Question("the wall", ("x", "of the cell holds, la cellule se divise"), 0),
)


@pytest.fixture
def scorer(model, tokenizer):
    return Scorer(model, tokenizer, context=64)


def slow_choice(scorer, slow_nats, context, continuation):
    """The definition in lm-evaluation-harness (`_encode_pair`), written out."""
    spaces = len(context) - len(context.rstrip())
    if spaces > 0:
        continuation = context[-spaces:] + continuation
        context = context[:-spaces]
    [whole], [before] = scorer.encode([context + continuation]), scorer.encode([context])
    return slow_nats([scorer.prefix_id, *whole], 1 + len(before))


def test_bits_per_byte_is_the_slow_loops_bits_over_utf8_bytes(scorer, slow_nats):
    values = bits_per_byte(scorer, TEXTS)["bits_per_byte"]
    expected = [slow_nats([scorer.prefix_id, *ids]) / math.log(2) for ids in scorer.encode(TEXTS)]
    np.testing.assert_allclose(values.numerators, expected, rtol=1e-5)
    assert values.denominators.tolist() == [16, 8, 2, 84]


def test_a_documents_bits_do_not_depend_on_the_others(scorer):
    together = bits_per_byte(scorer, TEXTS)["bits_per_byte"].numerators
    alone = [bits_per_byte(scorer, [text])["bits_per_byte"].numerators[0] for text in TEXTS]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_perplexity_is_that_of_a_plain_forward_on_each_document_alone(scorer, model, tokenizer):
    values = perplexity(scorer, TEXTS)["nats_per_token"]
    model.eval()
    losses, predicted = [], []
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        whole = torch.tensor([[tokenizer.eos_token_id, *ids]])  # what stands before a document
        with torch.no_grad():
            losses.append(float(model(input_ids=whole, labels=whole).loss))  # a mean over tokens
        predicted.append(len(ids))
    model.train()
    assert values.denominators.tolist() == predicted
    np.testing.assert_allclose(values.numerators / values.denominators, losses, rtol=1e-5)
    assert values.value == pytest.approx(np.average(losses, weights=predicted), rel=1e-5)
    assert max(losses) > 1.1 * min(losses)  # guard: the texts differ


def test_choices_are_scored_as_the_slow_reference_does(scorer, slow_nats):
    joined = [
        ["the cell", " divides", " holds the wall"],
        ["la cellule ", "se divise", "tient", "the"],
        ["the wall:\n", "holds", " divides"],
        ["", "cell", "wall"],
        ["the wall", " x", " of the cell holds, la cellule se divise"],
    ]
    right, per_byte, bits, num_bytes = [], [], [], []
    for question, (context, *continuations) in zip(QUESTIONS, joined, strict=True):
        nats = [slow_choice(scorer, slow_nats, context, each) for each in continuations]
        sizes = [len(choice.encode()) for choice in question.choices]
        rates = [nat / size for nat, size in zip(nats, sizes, strict=True)]
        right.append(float(nats.index(min(nats)) == question.answer))
        per_byte.append(float(rates.index(min(rates)) == question.answer))
        bits.append(nats[question.answer] / math.log(2))
        num_bytes.append(sizes[question.answer])
    values = multiple_choice(scorer, QUESTIONS)
    assert values["accuracy"].numerators.tolist() == right
    assert values["accuracy_per_byte"].numerators.tolist() == per_byte
    assert values["accuracy"].denominators.tolist() == [1] * 5
    np.testing.assert_allclose(values["gold_bits_per_byte"].numerators, bits, rtol=1e-5)
    assert values["gold_bits_per_byte"].denominators.tolist() == num_bytes
    assert right != per_byte  # guard: the items tell the two accuracies apart


def test_the_likeliest_choice_is_the_answer_whichever_place_it_has(scorer):
    choices = ("divides", "holds the wall", "tient")
    right = [
        [
            multiple_choice(scorer, [Question("the cell", order, answer)])["accuracy"].value
            for answer in range(3)
        ]
        for order in (choices, choices[::-1])
    ]
    assert sorted(right[0]) == [0, 0, 1]
    assert right[1] == right[0][::-1]


def test_a_question_longer_than_the_context_loses_its_beginning(model, tokenizer, slow_nats):
    scorer = Scorer(model, tokenizer, context=12)
    question = Question("the wall of the cell holds; " * 5 + "the cell", ("divides", "tient"), 0)
    bits = multiple_choice(scorer, [question])["gold_bits_per_byte"].numerators[0]
    [whole], [before] = (
        scorer.encode([question.question + " divides"]),
        scorer.encode([question.question]),
    )
    num_choice = len(whole) - len(before)
    assert num_choice < 11 < len(whole)
    expected = slow_nats(whole[-12:], 12 - num_choice) / math.log(2)
    assert bits == pytest.approx(expected, rel=1e-5)


def test_a_choice_longer_than_the_context_is_read_in_windows(model, tokenizer, slow_nats):
    scorer = Scorer(model, tokenizer, context=6)
    question = Question("the cell", ("divides; the wall of the cell holds, xyz", "tient"), 0)
    bits = multiple_choice(scorer, [question])["gold_bits_per_byte"].numerators[0]
    [whole], [before] = (
        scorer.encode(["the cell " + question.choices[0]]),
        scorer.encode(["the cell"]),
    )
    ids = whole[len(before) - 1 :]  # one token of the question leads in
    assert len(ids) > 11
    expected = sum(slow_nats(ids[begin : begin + 6]) for begin in range(0, len(ids) - 1, 5))
    assert bits == pytest.approx(expected / math.log(2), rel=1e-5)


def test_a_choice_that_merges_into_the_question_keeps_its_last_token(scorer):
    # "the c" + "ell" has no more tokens than "the c" if the tokenizer knows " cell".
    question = Question("the c", ("\u0301", "x"), 0)
    assert multiple_choice(scorer, [question])["gold_bits_per_byte"].numerators[0] > 0


PROBES = (
    ProbeItems(name="law", role="domain", kind="bits_per_byte", items=TEXTS),
    ProbeItems(name="exam", role="general", kind="multiple_choice", items=QUESTIONS),
    ProbeItems(name="law/a/../b", role="domain", kind="perplexity", items=TEXTS),
)


def test_the_suite_gives_a_row_and_the_items_of_every_metric(scorer):
    rows, items = measure(scorer, PROBES, arm="main", tokens_seen=640)
    assert [(row.probe, row.role, row.metric) for row in rows] == [
        ("law", "domain", "bits_per_byte"),
        ("exam", "general", "accuracy"),
        ("exam", "general", "accuracy_per_byte"),
        ("exam", "general", "gold_bits_per_byte"),
        ("law/a/../b", "domain", "nats_per_token"),
    ]
    assert {row.arm for row in rows} == {"main"}
    assert {row.tokens_seen for row in rows} == {640}
    assert [row.num_items for row in rows] == [4, 5, 5, 5, 4]
    for row in rows:
        assert row.value == items[f"{row.probe}/{row.metric}"].value
        assert row.higher_is_better == HIGHER_IS_BETTER[row.metric] == ("accuracy" in row.metric)


def test_another_probe_changes_nothing(scorer):
    alone, _ = measure(scorer, PROBES[:1], arm="main", tokens_seen=0)
    together, _ = measure(scorer, PROBES[::-1], arm="main", tokens_seen=0)
    assert alone[0] in together


def test_a_model_that_diverged_is_an_error(scorer, monkeypatch):
    monkeypatch.setattr(scorer, "nats", lambda sequences: np.full(len(sequences), np.nan))
    with pytest.raises(RunError, match="not finite after 640 tokens") as caught:
        measure(scorer, PROBES, arm="main", tokens_seen=640)
    assert caught.value.where == "arm main"
