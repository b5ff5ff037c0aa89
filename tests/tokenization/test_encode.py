import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from gapless.records.token_store import TokenStore
from gapless.tokenization import encode, encode_documents

TEXTS = ["the cell", "", "stop <|endoftext|> here", "x" * 3000, "\u7d30\u80de 42"]
HELD_OUT = [False, True, False, False, True]


def write_documents(folder, texts, held_out):
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table({"text": texts, "held_out": held_out}), folder / "documents.parquet")
    return folder


def wide_tokenizer(num_ids):
    """Word number n has the id n."""
    vocabulary = {f"w{n}": n for n in range(num_ids - 1)} | {"<end>": num_ids - 1}
    backend = Tokenizer(models.WordLevel(vocabulary, "w0"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"eos_token": "<end>"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **special)


def test_the_store_equals_encoding_one_at_a_time(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr(encode, "_BATCH_DOCUMENTS", 2)
    seen = []
    documents = write_documents(tmp_path / "documents", TEXTS, HELD_OUT)
    facts = encode_documents(
        documents, tmp_path, tokenizer, progress=lambda *counts: seen.append(counts)
    )
    encoder = encode.plain_encoder(tokenizer)
    expected = [[0, *encoder.encode(text, add_special_tokens=False).ids, 0] for text in TEXTS]
    store = TokenStore.open(tmp_path)
    assert [store.document(i).tolist() for i in range(len(TEXTS))] == expected
    assert store.held_out.tolist() == HELD_OUT
    assert seen == [(2, 5), (4, 5), (5, 5)]
    assert facts == {
        "documents": 5,
        "tokens": sum(map(len, expected)),
        "held_out_documents": 2,
        "held_out_tokens": len(expected[1]) + len(expected[4]),
        "bytes": sum(len(text.encode()) for text in TEXTS),
    }


@settings(max_examples=30)
@given(texts=st.lists(st.text(max_size=50), max_size=6))
def test_every_text_of_a_store_decodes_to_itself(tmp_path_factory, tokenizer, texts):
    folder = tmp_path_factory.mktemp("store")
    encode_documents(write_documents(folder, texts, [False] * len(texts)), folder, tokenizer)
    store = TokenStore.open(folder)
    assert [tokenizer.decode(store.document(i)[1:-1]) for i in range(len(texts))] == texts


def test_long_documents_are_encoded_a_few_at_a_time(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr(encode, "_BATCH_BYTES", 10)
    texts = ["12345", "12345", "1", "x" * 25, "", "2", "34"]
    documents = write_documents(tmp_path, texts, [False] * len(texts))
    done = []
    encode_documents(documents, tmp_path, tokenizer, progress=lambda now, _: done.append(now))
    store = TokenStore.open(tmp_path)
    assert done == [2, 3, 7]
    assert [tokenizer.decode(store.document(i)[1:-1]) for i in range(len(texts))] == texts


def test_a_special_token_in_a_text_does_not_end_the_document(tmp_path, tokenizer):
    encode_documents(write_documents(tmp_path, TEXTS[2:3], [False]), tmp_path, tokenizer)
    ids = TokenStore.open(tmp_path).document(0).tolist()
    assert np.flatnonzero(np.array(ids) == 0).tolist() == [0, len(ids) - 1]


def test_truncation_and_padding_of_the_tokenizer_file_are_off(tmp_path):
    tokenizer = wide_tokenizer(8)
    tokenizer.backend_tokenizer.enable_truncation(2)
    tokenizer.backend_tokenizer.enable_padding(length=6)
    encode_documents(
        write_documents(tmp_path, ["w1 w2 w3 w4", "w5"], [False, False]), tmp_path, tokenizer
    )
    store = TokenStore.open(tmp_path)
    assert [store.document(i).tolist() for i in range(2)] == [[7, 1, 2, 3, 4, 7], [7, 5, 7]]
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 2


@pytest.mark.parametrize(("num_ids", "dtype"), [(1 << 16, "<u2"), ((1 << 16) + 1, "<u4")])
def test_ids_take_four_bytes_only_when_two_are_too_few(tmp_path, num_ids, dtype):
    last_word = num_ids - 2
    documents = write_documents(tmp_path, [f"w1 w{last_word}"], [False])
    encode_documents(documents, tmp_path, wide_tokenizer(num_ids))
    store = TokenStore.open(tmp_path)
    assert json.loads((tmp_path / "info.json").read_text()) == {"dtype": dtype}
    assert store.document(0).tolist() == [num_ids - 1, 1, last_word, num_ids - 1]


def test_no_documents_make_an_empty_store(tmp_path, tokenizer):
    empty = pa.table({"text": pa.array([], pa.string()), "held_out": pa.array([], pa.bool_())})
    pq.write_table(empty, tmp_path / "documents.parquet")
    facts = encode_documents(tmp_path, tmp_path, tokenizer)
    assert set(facts.values()) == {0}
    assert len(TokenStore.open(tmp_path).lengths) == 0
