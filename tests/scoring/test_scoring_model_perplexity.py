"""Scores under a model equal those of the obvious loop, whatever the company and the batch."""

import json
import math
import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import torch
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from gapless.assets import shipped
from gapless.errors import DataError, ModelError, RecipeError
from gapless.modeling import new_model, save_model
from gapless.scoring import model_perplexity_reader
from gapless.scoring.model_perplexity import ModelScorer
from gapless.scoring.model_perplexity_reader import ModelReader
from gapless.scoring.model_perplexity_rows import lay_out, plan_batches

VOCABULARY = 4096
SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 64,
    "max_position_embeddings": 512,
    "initializer_range": 0.5,  # so that context matters
}
NEOX = {key: value for key, value in SHAPE.items() if key != "num_key_value_heads"}
PACKING = {"llama": SHAPE, "gpt_neox": NEOX, "qwen3": SHAPE | {"head_dim": 16}}
OTHERS = {
    # Scales its logits after the head.
    "granite": SHAPE | {"logits_scaling": 4.0},
    # Biases attention by place in the row, whatever the positions say.
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 2, "initializer_range": 0.5},
}


def corpus(name: str, count: int) -> list[str]:
    with zstandard.open(shipped(name), "rt", encoding="utf-8") as file:
        lines = file.readlines()
    step = len(lines) // count
    return [json.loads(line)["text"] for line in lines[::step][:count]]


def large(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def folder_of(tmp_path, architecture, settings):
    folder = tmp_path / architecture
    folder.mkdir()
    save_model(new_model(architecture, settings, vocabulary_size=VOCABULARY, seed=0), folder)
    return folder


def slow_nats(model, ids: list[int]) -> float:
    """One document at a time, the whole of `transformers`, log-softmax in fp64."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0].double()
    chosen = torch.log_softmax(logits, dim=-1)[:-1].gather(1, torch.tensor(ids[1:])[:, None])
    return -float(chosen.sum())


@pytest.fixture(scope="module")
def plain():
    """Return the shipped base as a user of `transformers` opens it."""
    folder = shipped("base")
    return AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(
        folder
    )


@pytest.fixture(scope="module")
def texts() -> list[str]:
    texts = [
        text[:900]
        for name in ("anatomy-small", "encyclopedia-small", "code-small")
        for text in corpus(name, 7)
    ]
    assert len({len(text) for text in texts}) > 8
    return ["", *texts, "a", "The cell divides."]


def test_scores_of_real_documents_are_those_of_the_obvious_loop(plain, texts) -> None:
    model, tokenizer = plain
    perplexities = ModelScorer(shipped("base"), max_tokens=512, batch_tokens=2048)(large(texts))
    bits = ModelScorer(shipped("base"), unit="bits_per_byte", max_tokens=512)(large(texts))
    assert list(perplexities) == list(bits) == [""]
    assert perplexities[""].type == pa.float64()
    assert math.isnan(perplexities[""][0].as_py())
    assert math.isnan(bits[""][0].as_py())
    for index, text in enumerate(texts[1:], start=1):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert len(ids) < 512, "nothing is cut in this test"
        nats = slow_nats(model, [tokenizer.bos_token_id, *ids])
        expected = math.exp(nats / len(ids)), nats / math.log(2) / len(text.encode())
        found = perplexities[""][index].as_py(), bits[""][index].as_py()
        assert found == pytest.approx(expected, rel=1e-5)


def test_held_out_bits_per_byte_are_the_same(texts) -> None:
    from gapless.evaluation.bits_per_byte import bits_per_byte
    from gapless.evaluation.likelihood import Scorer
    from gapless.modeling import load_model
    from gapless.tokenization import load_tokenizer

    folder = shipped("base")
    judge = Scorer(load_model(folder), load_tokenizer(folder), context=512)
    expected = bits_per_byte(judge, texts[1:])["bits_per_byte"]
    found = ModelScorer(folder, unit="bits_per_byte", max_tokens=512)(large(texts[1:]))[""]
    np.testing.assert_allclose(found, expected.numerators / expected.denominators, rtol=1e-5)


@pytest.mark.parametrize(
    ("architecture", "settings", "packs", "splits"),
    [(name, settings, True, True) for name, settings in PACKING.items()]
    + [("granite", OTHERS["granite"], True, False), ("bloom", OTHERS["bloom"], False, True)],
)
def test_a_document_in_company_is_read_as_if_alone(
    tmp_path, architecture, settings, packs, splits
) -> None:
    folder = folder_of(tmp_path, architecture, settings)
    reader = ModelReader(folder, batch_tokens=64, device="cpu", precision="fp32")
    assert (reader.packs, reader.splits) == (packs, splits)
    documents = [
        np.random.Generator(np.random.Philox(n)).integers(0, VOCABULARY, n)
        for n in (2, 41, 7, 19, 2, 30, 11)
    ]
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    together = reader.nats(documents)
    np.testing.assert_allclose(
        together, [slow_nats(model, ids.tolist()) for ids in documents], rtol=1e-5
    )
    if packs:
        slots = lay_out([[1, 3]], documents)
        assert (reader.slots - 40) < 2 * sum(len(d) - 1 for d in documents), "rows are shared"
        leaked = slow_nats(model, [*documents[1].tolist(), *documents[3].tolist()])
        apart = slow_nats(model, documents[1].tolist()) + slow_nats(model, documents[3].tolist())
        assert abs(leaked - apart) / apart > 1e-3, "a leak would be seen"
        assert slots.positions[0].tolist() == [*range(40), *range(18)]


def test_a_model_that_keeps_no_borders_is_seen_and_would_be_wrong_packed(tmp_path) -> None:
    reader = ModelReader(
        folder_of(tmp_path, "bloom", OTHERS["bloom"]),
        batch_tokens=64,
        device="cpu",
        precision="fp32",
    )
    documents = [np.arange(1, 30), np.arange(40, 60), np.arange(5, 15)]
    batches = list(plan_batches([28, 19, 9], batch_slots=64, packed=reader.packs))
    assert all(len(row) == 1 for batch in batches for row in batch)
    right = reader.nats(documents)
    packed = lay_out([[0], [1, 2]], documents)
    with torch.no_grad():
        owners, nats = reader._slot_nats(packed)
    wrong = np.bincount(owners, weights=nats)
    assert wrong[:2] == pytest.approx(right[:2], rel=1e-5)
    assert abs(wrong[2] - right[2]) / right[2] > 1e-3


def test_an_encoder_is_refused(tmp_path) -> None:
    folder = folder_of(
        tmp_path,
        "bert",
        {
            "hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "max_position_embeddings": 64,
            "is_decoder": False,
        },
    )
    with pytest.raises(ModelError, match="'bert' model a token sees the ones after"):
        ModelReader(folder, batch_tokens=64, device="cpu", precision="fp32")


def test_the_head_in_chunks_answers_as_whole(monkeypatch, texts) -> None:
    whole = ModelScorer(shipped("base"), max_tokens=512)(large(texts))[""]
    monkeypatch.setattr(model_perplexity_reader, "_CHUNK_LOGITS", VOCABULARY * 7)
    chunked = ModelScorer(shipped("base"), max_tokens=512)(large(texts))[""]
    np.testing.assert_allclose(chunked, whole, rtol=1e-5)


@pytest.mark.parametrize("batch_tokens", [2, 300, 16_384])
def test_parts_and_batches_change_a_score_by_rounding_only(texts, batch_tokens) -> None:
    scorer = ModelScorer(shipped("base"), max_tokens=128, batch_tokens=batch_tokens)
    whole = scorer(large(texts))[""].to_numpy()
    parts = [scorer(large(texts[begin : begin + 3]))[""] for begin in range(0, len(texts), 3)]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=2e-6)
    backward = scorer(large(texts[::-1]))[""].to_numpy()[::-1]
    np.testing.assert_allclose(backward, whole, rtol=2e-6)
    assert len(set(whole[1:])) == len(set(texts[1:]))


def test_the_same_texts_give_the_same_bytes(texts) -> None:
    first = ModelScorer(shipped("base"), max_tokens=64)
    again = pickle.loads(pickle.dumps(first))  # noqa: S301 - our own
    expected = first(large(texts))[""].to_numpy().tobytes()
    assert again(large(texts))[""].to_numpy().tobytes() == expected
    after_loading = pickle.loads(pickle.dumps(first))  # noqa: S301 - our own
    assert after_loading._loaded is None
    assert first(large(texts))[""].to_numpy().tobytes() == expected


def test_a_long_document_is_scored_on_its_beginning(plain) -> None:
    model, tokenizer = plain
    text = "The cell divides, and the wall of the cell holds. " * 8
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    scorer = ModelScorer(shipped("base"), unit="bits_per_byte", max_tokens=17)
    (found,) = scorer(large([text]))[""].to_pylist()
    kept = ids[:16]
    beginning = tokenizer.decode(kept)
    assert text.startswith(beginning)
    assert 0 < len(beginning) < len(text) / 2
    nats = slow_nats(model, [tokenizer.bos_token_id, *kept])
    assert found == pytest.approx(nats / math.log(2) / len(beginning.encode()), rel=1e-5)
    assert (scorer.facts.documents, scorer.facts.cut, scorer.facts.tokens) == (1, 1, 16)


@pytest.mark.parametrize("max_tokens", range(2, 16))
def test_a_cut_never_splits_a_character(plain, max_tokens) -> None:
    _, tokenizer = plain
    text = "a \u7d30\u80de \U0001f642x \u7d30  end \u1e3f"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(ids) > 16
    scorer = ModelScorer(shipped("base"), unit="bits_per_byte", max_tokens=max_tokens)
    (beginning,) = scorer._beginnings(large([text]), scorer._load()[1])
    kept, num_bytes, cut = beginning
    assert cut
    assert kept == ids[: len(kept)]
    assert max_tokens - 1 - len(kept) <= 3
    scored = tokenizer.decode(kept)
    assert text.startswith(scored)
    assert num_bytes == len(scored.encode())


def test_of_a_very_long_text_only_the_beginning_is_tokenized() -> None:
    scorer = ModelScorer(shipped("base"), max_tokens=4)
    line = "-" * 1000  # 32 characters a token at least, so that its beginning has too few
    (beginning,) = scorer._beginnings(large([line]), scorer._load()[1])
    _, num_bytes, cut = beginning
    assert cut
    assert num_bytes <= 4 * 32


def test_texts_without_tokens_have_no_score_and_are_counted() -> None:
    scorer = ModelScorer(shipped("base"), max_tokens=16)
    assert np.isnan(scorer(large(["", ""]))[""]).all()
    assert len(scorer(large([]))[""]) == 0
    scores = scorer(large(["", "a cell"]))[""]
    assert np.isnan(scores[0].as_py())
    assert scores[1].as_py() > 1
    assert (scorer.facts.documents, scorer.facts.unscored, scorer.facts.cut) == (4, 3, 0)


def test_a_special_tokens_name_in_a_text_is_text() -> None:
    scorer = ModelScorer(shipped("base"), max_tokens=64)
    (beginning,) = scorer._beginnings(large(["<|endoftext|>"]), scorer._load()[1])
    assert len(beginning[0]) > 1


def test_more_tokens_than_the_context_are_refused_before_loading() -> None:
    with pytest.raises(DataError, match="max_tokens is 513, the model's context 512") as error:
        ModelScorer(shipped("base"), max_tokens=513)
    assert "512 or less" in (error.value.mend or "")


def test_a_context_by_another_name_is_seen_when_loaded(tmp_path) -> None:
    shape = {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 64}
    folder = folder_of(tmp_path, "gpt2", shape)
    with pytest.raises(DataError, match="max_tokens is 65, the model's context 64"):
        ModelScorer(folder, shipped("base"), max_tokens=65)(large(["a"]))
    assert ModelScorer(folder, shipped("base"), max_tokens=64)(large(["a" * 999]))[""][0].as_py()


def test_a_tokenizer_of_another_model_is_refused(tmp_path) -> None:
    model = new_model("llama", SHAPE, vocabulary_size=300, seed=0)
    save_model(model, tmp_path)
    with pytest.raises(ModelError, match="ids up to 4095"):
        ModelScorer(tmp_path, shipped("base"), max_tokens=16)(large(["a"]))


def test_a_model_that_answers_nan_is_an_error_not_a_missing_score(tmp_path) -> None:
    model = new_model("llama", SHAPE, vocabulary_size=VOCABULARY, seed=0)
    with torch.no_grad():
        model.get_input_embeddings().weight[100:] = float("nan")
    save_model(model, tmp_path)
    with pytest.raises(ModelError, match="not a number"):
        ModelScorer(tmp_path, shipped("base"), max_tokens=16)(large(["the cell"]))


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_missing_gpu_is_said() -> None:
    with pytest.raises(RecipeError, match="no CUDA device"):
        ModelScorer(shipped("base"), max_tokens=16, device="cuda")(large(["a"]))


@pytest.mark.gpu
def test_a_gpu_gives_the_scores_of_the_cpu(texts) -> None:
    cpu = ModelScorer(shipped("base"), max_tokens=512, device="cpu")(large(texts))[""]
    gpu = ModelScorer(shipped("base"), max_tokens=512, precision="fp32")(large(texts))[""]
    np.testing.assert_allclose(gpu, cpu, rtol=1e-4)


def test_bf16_is_close(texts) -> None:
    exact = ModelScorer(shipped("base"), unit="bits_per_byte", max_tokens=64)(large(texts))[""]
    rough = ModelScorer(
        shipped("base"), unit="bits_per_byte", max_tokens=64, device="cpu", precision="bf16"
    )(large(texts))[""]
    np.testing.assert_allclose(rough, exact, rtol=0.02)
    assert not rough.equals(exact)


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 120), st.booleans())
def test_every_document_lies_once_in_a_batch_that_fits(lengths, batch_slots, packed) -> None:
    batches = list(plan_batches(lengths, batch_slots=batch_slots, packed=packed))
    assert sorted(i for batch in batches for row in batch for i in row) == [*range(len(lengths))]
    for batch in batches:
        widths = [sum(lengths[i] for i in row) for row in batch]
        width = lengths[batch[0][0]]
        assert max(widths) == width
        assert len(batch) * width <= batch_slots or len(batch) == 1
        assert packed or all(len(row) == 1 for row in batch)


def test_short_documents_share_rows_beside_a_long_one() -> None:
    batches = list(plan_batches([2, 9, 4, 3, 5], batch_slots=18, packed=True))
    assert batches == [[[1], [4, 2]], [[3], [0]]]
    assert list(plan_batches([2, 9, 4], batch_slots=18, packed=False)) == [[[1], [2]], [[0]]]


def test_documents_of_like_length_have_a_row_each_in_their_order() -> None:
    assert list(plan_batches([19, 20, 1, 20], batch_slots=60, packed=True)) == [
        [[1], [3], [0]],
        [[2]],
    ]


def test_slots_ask_for_the_next_id_of_the_same_document() -> None:
    documents = [np.array([7, 1, 2]), np.array([7, 3]), np.array([7, 4, 5, 6, 8])]
    slots = lay_out([[2], [0, 1]], documents)
    assert slots.ids.tolist() == [[7, 4, 5, 6], [7, 1, 7, 0]]
    assert slots.targets.tolist() == [[4, 5, 6, 8], [1, 2, 3, 0]]
    assert slots.positions.tolist() == [[0, 1, 2, 3], [0, 1, 0, 0]]
    assert slots.owners.tolist() == [[2, 2, 2, 2], [0, 0, 1, -1]]


def test_torch_is_not_loaded_before_the_first_text() -> None:
    code = """
import sys
from pathlib import Path
from gapless.assets import shipped
from gapless.scoring.model_perplexity import ModelScorer
ModelScorer(shipped("base"), max_tokens=16)
assert "torch" not in sys.modules and "transformers" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
