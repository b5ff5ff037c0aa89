"""Fine-tuning an encoder for topics, on a random BERT."""

import numpy as np
import pyarrow as pa
import pytest
import tiny_bert

from gapless.errors import ModelError, RecipeError
from gapless.scoring.encoders import settle
from gapless.scoring.topics import TopicScorer, train_classifier
from gapless.scoring.topics.encoder import EncoderClassifier
from gapless.seeds import stream

WORDS = {"Law": ["court", "judge"], "Medicine": ["cell", "blood"]}


def corpus(count: int) -> tuple[list[str], list[str]]:
    draws = stream(0, "encoder corpus")
    labels = [sorted(WORDS)[i % 2] for i in range(count)]
    return [" ".join(draws.choice(WORDS[label], 5)) for label in labels], labels


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_bert.build(tmp_path_factory.mktemp("bert"), corpus(40)[0])


def test_an_encoder_learns_topics(encoder) -> None:
    texts, labels = corpus(128)
    classes = np.array([sorted(WORDS).index(label) for label in labels])
    model = EncoderClassifier.train(texts, classes, 2, seed=0, encoder=encoder, rate=3e-3)
    logits, says = model.logits([*texts, " "])
    assert (logits[:-1].argmax(axis=1) == classes).mean() > 0.9
    assert says.tolist() == [True] * 128 + [False]


def test_an_encoder_is_trained_read_back_and_the_same_each_time(encoder, tmp_path) -> None:
    texts, labels = corpus(24)
    facts = [
        train_classifier(texts, labels, tmp_path / name, held_out=0.25, seed=3, encoder=encoder)
        for name in "ab"
    ]
    assert facts[0] == facts[1]
    files = {path.name for path in (tmp_path / "a").iterdir()}
    assert {"topics.json", "config.json", "model.safetensors", "tokenizer.json"} <= files
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    long = "court " * 500  # more than the 64 positions of the model
    found = TopicScorer(tmp_path / "a")(pa.array([*texts, long, ""], type=pa.large_string()))
    assert set(found[""].to_pylist()[:-1]) <= set(WORDS)
    assert found[""].to_pylist()[-1] is None
    assert all(0.5 <= value <= 1 for value in found["_confidence"].to_pylist()[:-1])


def test_what_is_no_encoder_is_refused(tmp_path) -> None:
    texts, labels = corpus(8)
    with pytest.raises(ModelError, match="no such model folder"):
        train_classifier(
            texts, labels, tmp_path / "out", held_out=0.25, seed=0, encoder=tmp_path / "none"
        )


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch) -> None:
    for present, chosen in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr("torch.cuda.is_available", lambda present=present: present)
        assert settle("auto") == chosen
        assert settle("cpu") == "cpu"
    with pytest.raises(RecipeError, match="no CUDA device"):
        settle("cuda")
