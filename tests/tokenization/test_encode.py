import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from gapless.records.token_store import TokenStore
from gapless.tokenization import encode, encode_batches, encode_documents, end_id, prefix_id
from gapless.tokenization.parity import CheckedEncoder, Differs

TEXTS = ["the cell", "", "stop <|endoftext|> here", "x" * 3000, "\u7d30\u80de 42"]
HELD_OUT = [False, True, False, False, True]


def write_documents(folder, texts, held_out, *, part=0):
    folder.mkdir(exist_ok=True)
    table = {"text": pa.array(texts, pa.large_string()), "held_out": pa.array(held_out, pa.bool_())}
    pq.write_table(pa.table(table), folder / f"documents-{part:05d}.parquet")
    return folder


def batch(texts, held_out=None):
    """By default nothing is held out."""
    held_out = [False] * len(texts) if held_out is None else held_out
    return pa.array(texts, pa.large_string()), np.array(held_out, dtype=bool)


def slow_ids(tokenizer, text):
    """Encode one document the plain way."""
    encoder = encode.plain_encoder(tokenizer)
    ids = encoder.encode(text, add_special_tokens=False).ids
    return [prefix_id(tokenizer), *ids, end_id(tokenizer)]


def rows_of(folder: Path) -> list[list[int]]:
    store = TokenStore.open(folder)
    return [store.document(i).tolist() for i in range(len(store.lengths))]


def wide_tokenizer(num_ids):
    """Word number n has the id n."""
    vocabulary = {f"w{n}": n for n in range(num_ids - 1)} | {"<end>": num_ids - 1}
    backend = Tokenizer(models.WordLevel(vocabulary, "w0"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"eos_token": "<end>"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **special)


def test_the_store_equals_encoding_one_at_a_time(tmp_path, tokenizer):
    documents = write_documents(tmp_path / "documents", TEXTS[:2], HELD_OUT[:2])
    write_documents(documents, TEXTS[2:], HELD_OUT[2:], part=1)
    seen = []
    facts = encode_documents(
        documents, tmp_path, tokenizer, progress=lambda *counts: seen.append(counts)
    )
    expected = [slow_ids(tokenizer, text) for text in TEXTS]
    assert rows_of(tmp_path) == expected
    assert TokenStore.open(tmp_path).held_out.tolist() == HELD_OUT
    assert seen == [(5, 5)]
    assert facts.pop("encoder").startswith("gigatoken ")
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


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 5), max_size=4))
def test_the_store_depends_on_neither_the_batches_nor_the_pieces(tmp_path_factory, tokenizer, cuts):
    folder = tmp_path_factory.mktemp("store")
    edges = [0, *sorted(cuts), 5]
    every = [batch(TEXTS[a:b], HELD_OUT[a:b]) for a, b in pairwise(edges)]
    stores = []
    for piece_bytes in (1, 1 << 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(encode, "_PIECE_BYTES", piece_bytes)
            encode_batches(lambda: every, folder, tokenizer)
        stores.append(rows_of(folder))
    expected = [slow_ids(tokenizer, text) for text in TEXTS]
    assert stores == [expected, expected]


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
    assert rows_of(tmp_path) == [[7, 1, 2, 3, 4, 7], [7, 5, 7]]
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 2


@pytest.mark.parametrize(("num_ids", "dtype"), [(1 << 16, "<u2"), ((1 << 16) + 1, "<u4")])
def test_ids_take_four_bytes_only_when_two_are_too_few(tmp_path, num_ids, dtype):
    last_word = num_ids - 2
    documents = write_documents(tmp_path, [f"w1 w{last_word}"], [False])
    encode_documents(documents, tmp_path, wide_tokenizer(num_ids))
    assert json.loads((tmp_path / "info.json").read_text()) == {"dtype": dtype}
    assert rows_of(tmp_path) == [[num_ids - 1, 1, last_word, num_ids - 1]]


@pytest.mark.parametrize("texts", [[], None])
def test_no_documents_make_an_empty_store(tmp_path, tokenizer, texts):
    if texts is not None:
        write_documents(tmp_path, texts, texts)
    facts = encode_documents(tmp_path, tmp_path, tokenizer)
    assert facts.pop("encoder").endswith("(equal on 0 sampled documents)")
    assert set(facts.values()) == {0}
    assert rows_of(tmp_path) == []


def test_a_difference_in_the_midst_makes_the_whole_store_anew(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr(encode, "_PIECE_BYTES", 1)
    calls = []

    def differ_at_the_third(self, texts):
        calls.append(texts.to_pylist())
        if len(calls) == 3:
            raise Differs(texts[0].as_py())
        return np.zeros(len(texts), np.uint32), np.ones(len(texts), np.int64)

    monkeypatch.setattr(CheckedEncoder, "__call__", differ_at_the_third)
    texts, done = ["one", "two", "three", "four"], []
    facts = encode_batches(
        lambda: (batch([text]) for text in texts), tmp_path, tokenizer, progress=done.append
    )
    assert calls == [["one"], ["two"], ["three"]]
    assert rows_of(tmp_path) == [slow_ids(tokenizer, text) for text in texts]
    assert facts["documents"] == 4
    assert facts["encoder"].startswith("tokenizers ")
    assert facts["encoder"].endswith("(gigatoken differs on a text that begins with 'three')")
    assert done == [1, 2, 1, 2, 3, 4]


def test_the_same_documents_give_the_same_files_and_facts(tmp_path, tokenizer):
    documents = write_documents(tmp_path / "documents", TEXTS * 50, HELD_OUT * 50)
    found = []
    for name in ("first", "second"):
        out = tmp_path / name
        out.mkdir()
        facts = encode_documents(documents, out, tokenizer)
        found.append((facts, {path.name: path.read_bytes() for path in out.iterdir()}))
    assert found[0] == found[1]
    assert set(found[0][1]) == {"tokens.bin", "offsets.npy", "held_out.npy", "info.json"}
