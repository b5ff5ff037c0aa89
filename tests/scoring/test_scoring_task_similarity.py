"""Cosines to task examples: word counts against a slow definition, an encoder against torch."""

import json
import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import tiny_bert
import torch
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import DataError, ModelError
from gapless.scoring.task_similarity import TaskSimilarityScorer, read_examples
from gapless.scoring.task_similarity.counted import CountedExamples
from gapless.scoring.task_similarity.encoded import EncodedExamples

TEXTS = st.lists(st.sampled_from(["cell", "wall", "the", "\u7ec6", "x"])).map(" ".join)


def array(*texts: str) -> pa.LargeStringArray:
    return pa.array(texts, type=pa.large_string())


def slow_nearness(examples: list[str], text: str, nearest: int) -> float:
    """Compute the same from dictionaries of words."""
    holders = Counter(word for example in examples for word in set(example.split()))

    def vector(of: str) -> dict[str, float]:
        return {
            word: (1 + math.log(count)) * (1 + math.log((1 + len(examples)) / (1 + holders[word])))
            for word, count in Counter(of.split()).items()
        }

    def norm(weights: dict[str, float]) -> float:
        return math.sqrt(sum(weight**2 for weight in weights.values()))

    document = vector(text)
    if not document:
        return math.nan
    cosines = []
    for example in map(vector, examples):
        dot = sum(weight * example.get(word, 0) for word, weight in document.items())
        cosines.append(dot / (norm(document) * norm(example)) if example else 0.0)
    return float(np.mean(sorted(cosines)[-nearest:]))


@pytest.fixture
def write(tmp_path):
    def to_file(*rows) -> str:
        path = tmp_path / "examples.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return to_file


def test_a_document_like_the_task_is_nearer_than_another(write) -> None:
    path = write(
        {"text": "the tumour of the lung"},
        {"question": "Which cell makes insulin?", "choices": ["Beta cell", "Nerve"], "answer": 0},
        *({"text": f"the {word} of the patient"} for word in ("liver", "heart", "spleen", "skin")),
    )
    scorer = TaskSimilarityScorer(path, nearest=1)
    texts = array("Insulin, a beta cell", "the court of the king", "qq", "", "A TUMOUR, lung")
    found = scorer(texts)[""].to_pylist()
    assert found[3] is None
    assert found[2] == 0.0
    assert min(found[0], found[4]) > found[1] > 0
    assert scorer(array("the tumour of the lung"))[""].to_pylist() == [pytest.approx(1.0)]
    assert scorer(array())[""].to_pylist() == []


def test_more_than_the_nearest_can_count(write) -> None:
    path = write({"text": "a b"}, {"text": "a b"}, {"text": "c"})
    text = array("a b")
    assert [TaskSimilarityScorer(path, nearest=n)(text)[""][0].as_py() for n in (1, 2, 3, 9)] == [
        pytest.approx(value) for value in (1, 1, 2 / 3, 2 / 3)
    ]


@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, max_size=4), st.integers(1, 6))
def test_word_counts_give_the_plain_cosines(examples, texts, nearest) -> None:
    found = CountedExamples(examples).nearness(array(*texts), nearest)
    expected = [slow_nearness(examples, text, nearest) for text in texts]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_answer_is_not_read(write) -> None:
    question = {"question": "Which?", "choices": ["Red", "Blue"]}
    assert read_examples(write({**question, "answer": 0})) == ["Which?\nRed\nBlue"]
    assert read_examples(write({**question, "answer": 1})) == ["Which?\nRed\nBlue"]


@pytest.mark.parametrize(
    "row", [3, {}, {"text": 4}, {"text": " "}, {"text": "?!"}, {"question": "q", "choices": "a"},
            {"question": "q", "choices": [1]}, {"choices": ["a"]}],
)  # fmt: skip
def test_a_wrong_example_is_named_by_its_line(write, row) -> None:
    path = write({"text": "good"}, row)
    with pytest.raises(DataError, match="holds no example") as caught:
        read_examples(path)
    assert caught.value.where == f"{path}:2"


def test_a_broken_line_no_file_and_an_empty_one_are_refused(tmp_path, write) -> None:
    path = write()
    with pytest.raises(DataError, match="holds no example"):
        read_examples(path)
    path.write_text("{\n")
    with pytest.raises(DataError, match="not JSON") as caught:
        read_examples(path)
    assert caught.value.where == f"{path}:1"
    with pytest.raises(DataError, match="cannot be read"):
        read_examples(tmp_path / "none.jsonl")


EXAMPLES = ["the cell wall", "a court of law", "wall"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_bert.build(tmp_path_factory.mktemp("bert"), EXAMPLES * 3)


def embed_one(encoder, text: str, *, first: bool) -> np.ndarray:
    """Embed a text alone, without padding."""
    from transformers import AutoModel, AutoTokenizer

    batch = AutoTokenizer.from_pretrained(encoder)(
        [text], truncation=True, max_length=64, return_tensors="pt"
    )
    with torch.inference_mode():
        states = AutoModel.from_pretrained(encoder)(**batch).last_hidden_state[0]
    pooled = states[0] if first else states.mean(dim=0)
    return (pooled / pooled.norm()).numpy()


@pytest.mark.parametrize("first", [False, True])
def test_an_encoder_s_cosines_are_those_of_texts_embedded_one_by_one(
    encoder, tmp_path, first
) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in encoder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    if first:
        (folder / "1_Pooling").mkdir()
        modes = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
    texts = ["wall of the cell", "law " * 200, "x", " "]
    found = EncodedExamples(EXAMPLES, folder, max_tokens=256).nearness(array(*texts), 2)
    of_examples = np.stack([embed_one(encoder, text, first=first) for text in EXAMPLES])
    for score, text in zip(found[:3], texts[:3], strict=True):
        cosines = of_examples @ embed_one(encoder, text, first=first)
        assert score == pytest.approx(np.sort(cosines)[-2:].mean(), abs=1e-5)
    assert math.isnan(found[3])


def test_the_scorer_takes_an_encoder(encoder, write) -> None:
    path = write(*({"text": text} for text in EXAMPLES))
    scorer = TaskSimilarityScorer(path, nearest=1, encoder=encoder)
    found = scorer(array("the cell wall", "", "q"))[""].to_pylist()
    assert found[0] == pytest.approx(1.0, abs=1e-5)
    assert found[1] is None
    assert -1 <= found[2] < 1
    assert scorer(array())[""].to_pylist() == []


def test_a_pooling_we_do_not_have_is_refused(encoder, tmp_path) -> None:
    folder = tmp_path / "copy"
    (folder / "1_Pooling").mkdir(parents=True)
    for path in encoder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    modes = {"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
    with pytest.raises(ModelError, match="pools its tokens by max"):
        EncodedExamples(EXAMPLES, folder, max_tokens=8)
