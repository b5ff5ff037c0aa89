import pickle
import shutil

import numpy as np
import pyarrow as pa
import pytest
from tests.scoring.ngram_models import MEMORY, TEXTS, array, parsed, perplexity, shipped, trained

from gapless.errors import ModelError
from gapless.scoring.ngram import NgramScorer, train


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ngram")
    trained(TEXTS, folder, order=3)
    return folder


@pytest.mark.parametrize(("order", "prune"), [(1, ()), (2, ()), (3, ()), (3, (0, 1)), (5, ())])
def test_perplexity_is_that_of_the_definition(order, prune, tmp_path):
    text, _ = trained(TEXTS, tmp_path, order=order, prune=prune)
    grams = {gram: (p, backoff) for gram, p, backoff in parsed(text)}
    asked = ["a cat sat", "never heard words", "the rat saw a cat", "a", "mat mat mat mat mat mat"]
    scores = NgramScorer(tmp_path)(array(asked))[""]
    assert scores.type == pa.float64()
    expected = [perplexity(grams, order, document.split()) for document in asked]
    assert len(set(np.round(expected, 3))) == len(asked)
    np.testing.assert_allclose(scores.to_numpy(), expected, rtol=1e-5)


def test_a_document_without_words_has_no_score(folder):
    scores = NgramScorer(folder)(array(["", "a cat", " .,; "]))[""].to_numpy()
    assert np.isnan(scores).tolist() == [True, False, True]


def test_no_documents_have_no_scores(folder):
    assert NgramScorer(folder)(array([]))[""].to_pylist() == []


def test_documents_are_normalised_before_they_are_scored(folder):
    plain, dressed = NgramScorer(folder)(array(["the cat sat", "The CAT...\n\nsat!"]))[
        ""
    ].to_pylist()
    assert plain == dressed


def test_part_of_an_array_is_scored_like_the_whole(folder):
    whole = array(["a", "the cat", "a dog sat", "mat"])
    scorer = NgramScorer(folder)
    assert scorer(whole.slice(1, 2))[""].to_pylist() == scorer(whole)[""].to_pylist()[1:3]


def test_a_pickle_holds_the_path_only(folder):
    scorer = NgramScorer(folder)
    expected = scorer(array(TEXTS))[""]
    packed = pickle.dumps(scorer)
    assert len(packed) < 1000
    assert pickle.loads(packed)(array(TEXTS))[""].equals(expected)  # noqa: S301 - our own bytes


def test_text_like_the_reference_is_less_perplexing(tmp_path):
    inside, outside = shipped("anatomy-small", 400), shipped("speeches-small", 50)
    trained(inside.slice(0, 350), tmp_path, order=3)
    scorer = NgramScorer(tmp_path)
    like, unlike = (scorer(texts)[""].to_numpy() for texts in (inside.slice(350), outside))
    assert len(like) == len(unlike) == 50
    assert np.median(like) < np.median(unlike) / 2


@pytest.mark.skipif(shutil.which("build_binary") is None, reason="build_binary is not on the path")
def test_the_binary_form_scores_as_the_text_does(tmp_path):
    texts = shipped("anatomy-small", 100)
    asked = {"order": 3, "prune": (), "memory_bytes": MEMORY, "scratch": tmp_path / "scratch"}
    assert train(iter([texts]), tmp_path / "both", **asked)["binary"]
    (tmp_path / "text").mkdir()
    shutil.copy(tmp_path / "both" / "model.arpa", tmp_path / "text")
    (tmp_path / "both" / "model.arpa").unlink()
    both, text = (NgramScorer(tmp_path / name)(texts)[""] for name in ("both", "text"))
    assert len(set(both.to_pylist())) > 50
    np.testing.assert_array_equal(both.to_numpy(), text.to_numpy())


def test_reading_a_model_prints_nothing(folder, capfd):
    NgramScorer(folder)(array(["a cat"]))
    assert capfd.readouterr() == ("", "")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="there is no n-gram model here"):
        NgramScorer(tmp_path)(array(["a"]))


@pytest.mark.parametrize("name", ["model.arpa", "model.binary"])
def test_a_damaged_model_is_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"\\data\\\nngram 1=5\n")
    with pytest.raises(ModelError, match="KenLM cannot read the model"):
        NgramScorer(tmp_path)(array(["a"]))
