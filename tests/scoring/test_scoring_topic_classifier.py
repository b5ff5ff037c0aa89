"""The classifiers: what they learn, how sure they say they are, and what lies on the disk."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
import torch

from gapless.errors import DataError, RunError
from gapless.scoring.topics import TopicScorer, train_classifier
from gapless.scoring.topics.hashed import HashedClassifier, features_of
from gapless.scoring.topics.measures import (
    fit_temperature,
    measure,
    probabilities,
    split_labels,
)
from gapless.seeds import stream
from gapless.words import ngram_hashes, split_words

VOCABULARY = {
    "Medicine": ["cell", "tissue", "patient", "blood", "disease", "tumour", "dose"],
    "Law": ["court", "judge", "appeal", "statute", "claim", "verdict", "plaintiff"],
    "Poetry": list("\u5c71\u6c34\u6708\u98ce\u82b1\u96ea\u5929"),
}
SHARED = ["the", "of", "and", "in", "a", "to", "it", "is", "was", "for"]


def corpus(per_topic: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts of mostly shared words with a few of their topic, in mixed order."""
    draws = stream(seed, "test corpus")
    texts, labels = [], []
    for _ in range(per_topic):
        for topic, own in VOCABULARY.items():
            words = [*draws.choice(SHARED, 12), *draws.choice(own, 4)]
            texts.append(" ".join(draws.permutation(words)))
            labels.append(topic)
    return texts, labels


def array(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, type=pa.large_string())


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_features_are_counted_words_and_pairs_of_length_one() -> None:
    texts = ["a b a b", "", "\u5c71\u6c34", "!"]
    found = features_of(texts, bits=18)
    words = split_words(array(texts))
    pairs, _ = ngram_hashes(words, 2)
    shift = np.uint64(64 - 18)
    a, b, ab, ba = (int(value >> shift) for value in (*words.hashes[:2], *pairs[:2]))
    counts = {a: 2, b: 2, ab: 2, ba: 1}
    values = {bucket: 1 + math.log(count) for bucket, count in counts.items()}
    length = math.sqrt(sum(value**2 for value in values.values()))
    assert found.offsets.tolist() == [0, 4, 4, 7, 7]
    assert found.buckets[:4].tolist() == sorted(counts)
    expected = [values[bucket] / length for bucket in sorted(counts)]
    assert found.values[:4] == pytest.approx(expected, rel=1e-6)
    assert np.linalg.norm(found.values[4:7]) == pytest.approx(1, rel=1e-6)


def test_only_the_first_words_of_a_long_text_are_read() -> None:
    start = " ".join(f"w{i}" for i in range(1000))
    first, second = features_of([start]), features_of([start + " x y z"])
    assert len(first.buckets) > 1900
    assert np.array_equal(first.buckets, second.buckets)


def test_logits_are_the_plain_product_of_features_and_weights() -> None:
    draws = stream(0, "weights")
    weights = draws.normal(size=(64, 3)).astype(np.float32)
    bias = np.array([0.5, -1, 2], dtype=np.float32)
    texts = ["a b c a", "", "\u5c71 x"]
    features = features_of(texts, bits=6)
    dense = np.zeros((3, 64), dtype=np.float32)
    for row in range(3):
        part = slice(features.offsets[row], features.offsets[row + 1])
        dense[row, features.buckets[part]] = features.values[part]
    logits, says = HashedClassifier(weights, bias).logits(texts)
    np.testing.assert_allclose(logits, dense @ weights + bias, rtol=1e-5)
    assert says.tolist() == [True, False, True]


def test_training_is_adagrad_on_the_log_loss_as_torch_does_it() -> None:
    texts, labels = corpus(3)
    classes = np.array([sorted(VOCABULARY).index(label) for label in labels])
    found = HashedClassifier.train(texts, classes, 3, seed=5)
    features = features_of(texts)
    weights = torch.zeros(1 << 18, 3, requires_grad=True)
    bias = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.Adagrad(
        [
            {"params": [weights], "initial_accumulator_value": 1e-8},
            {"params": [bias], "initial_accumulator_value": 1.0},
        ],
        lr=0.1,
        eps=0.0,
    )
    optimizer.state[bias]["sum"].fill_(1.0)
    optimizer.state[weights]["sum"].fill_(1e-8)
    for epoch in range(5):
        for row in stream(5, "topic", "epoch", epoch).permutation(len(texts)):
            part = slice(features.offsets[row], features.offsets[row + 1])
            chosen = torch.from_numpy(features.buckets[part].astype(np.int64))
            logits = torch.from_numpy(features.values[part]) @ weights[chosen] + bias
            loss = torch.nn.functional.cross_entropy(logits, torch.tensor(classes[row]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    expected, _ = HashedClassifier(weights.detach().numpy(), bias.detach().numpy()).logits(texts)
    np.testing.assert_allclose(found.logits(texts)[0], expected, rtol=1e-3, atol=1e-3)
    assert np.ptp(expected) > 1


def test_the_hashed_classifier_learns_reads_back_and_is_the_same_each_time(tmp_path) -> None:
    texts, labels = corpus(40)
    facts = train_classifier(texts, labels, tmp_path / "a", held_out=0.25, seed=1)
    again = train_classifier(texts, labels, tmp_path / "b", held_out=0.25, seed=1)
    assert facts == again
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert set(contents(tmp_path / "a")) == {"topics.json", "classifier.safetensors"}
    assert facts["accuracy"] > 0.95
    assert facts["majority"] == pytest.approx(1 / 3)
    assert facts["macro_f1"] > 0.95
    assert facts["labels"] == {"Law": 40, "Medicine": 40, "Poetry": 40}
    assert facts["held_out"] == 30
    assert np.array(facts["confusion"]).sum(axis=1).tolist() == [10, 10, 10]
    json.dumps(facts)

    unseen, truth = corpus(20, seed=9)
    scorer = TopicScorer(tmp_path / "a")
    found = scorer(array([*unseen, "", "?!"]))
    names, sure = found[""].to_pylist(), found["_confidence"].to_pylist()
    assert np.mean([a == b for a, b in zip(names, truth, strict=False)]) > 0.95
    assert names[-2:] == sure[-2:] == [None, None]
    assert all(1 / 3 < value <= 1 for value in sure[:-2])
    assert scorer(array(unseen).slice(3, 2))[""].to_pylist() == names[3:5]
    assert scorer(array([]))[""].to_pylist() == []


def test_another_seed_is_another_classifier(tmp_path) -> None:
    texts, labels = corpus(8)
    for seed in (1, 2):
        train_classifier(texts, labels, tmp_path / str(seed), held_out=0.25, seed=seed)
    weights = [contents(tmp_path / str(seed))["classifier.safetensors"] for seed in (1, 2)]
    assert weights[0] != weights[1]


def test_confidence_is_about_as_often_right_as_it_says(tmp_path) -> None:
    texts, labels = corpus(150)
    draws = stream(0, "noise")
    wrong = draws.random(len(labels)) < 0.3
    noisy = [
        str(draws.choice(sorted(VOCABULARY))) if bad else label
        for label, bad in zip(labels, wrong, strict=True)
    ]
    facts = train_classifier(texts, noisy, tmp_path, held_out=0.3, seed=0)
    assert facts["accuracy"] < 0.9  # a fifth of the labels cannot be known
    assert abs(facts["mean_confidence"] - facts["accuracy"]) < 0.07
    assert facts["temperature"] > 1


@pytest.mark.parametrize("labels", [["Law"] * 5, ["Law", "Medicine"], []])
def test_too_few_labels_are_refused(tmp_path, labels) -> None:
    with pytest.raises(DataError, match=f"{len(labels)} labels of"):
        train_classifier(["a"] * len(labels), labels, tmp_path, held_out=0.2, seed=0)


def test_what_is_no_classifier_is_refused(tmp_path) -> None:
    with pytest.raises(RunError, match="no topic classifier here"):
        TopicScorer(tmp_path)
    texts, labels = corpus(4)
    train_classifier(texts, labels, tmp_path, held_out=0.25, seed=0)
    head = json.loads((tmp_path / "topics.json").read_text())
    (tmp_path / "topics.json").write_text(json.dumps({**head, "needs": {"words_version": -1}}))
    with pytest.raises(RunError, match="other words"):
        TopicScorer(tmp_path)
    (tmp_path / "topics.json").write_text(json.dumps({**head, "version": 99}))
    with pytest.raises(RunError, match="version is 99"):
        TopicScorer(tmp_path)


def test_every_topic_is_on_both_sides_of_the_split_but_a_single_one_teaches() -> None:
    classes = np.array([0] * 10 + [1] * 2 + [2])
    teaching, held = split_labels(classes, 0.2, stream(0, "split"))
    assert sorted([*teaching, *held]) == list(range(13))
    assert np.bincount(classes[held], minlength=3).tolist() == [2, 1, 0]


def test_measures_of_a_known_table() -> None:
    truth = np.array([0, 0, 0, 1, 1, 3])
    found = np.array([0, 0, 1, 1, 0, 2])
    facts = measure(np.eye(4)[found] * 0.5 + 0.1, truth, ["a", "b", "c", "d"])
    assert facts["confusion"] == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    assert facts["accuracy"] == facts["majority"] == 0.5
    assert facts["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert facts["mean_confidence"] == pytest.approx(0.6)


def test_the_temperature_found_is_the_one_the_labels_were_drawn_with() -> None:
    draws = stream(0, "temperature")
    logits = draws.normal(size=(20_000, 4)) * 3
    chances = probabilities(logits, 2.5)
    truth = (chances.cumsum(axis=1) > draws.random((len(logits), 1))).argmax(axis=1)
    assert fit_temperature(logits, truth) == pytest.approx(2.5, rel=0.05)


def test_a_few_lucky_answers_do_not_make_it_certain() -> None:
    logits = np.eye(3) * 5
    temperature = fit_temperature(logits, np.arange(3))
    assert probabilities(logits, temperature).max() == pytest.approx(1 - (1 / 5) * 2 / 3, abs=1e-6)
