"""How much is compared, and what is compared first."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapless.tokenization import parity
from gapless.tokenization.parity import CheckedEncoder, Differs, hard_texts
from gapless.tokenization.plain import PlainEncoder


class Plain:
    """One id for each byte, and a record of the texts asked for."""

    def __init__(self, backend):
        self.backend = backend
        self.texts = []

    def __call__(self, texts):
        rows = [text.encode() for text in texts.to_pylist()]
        self.texts += texts.to_pylist()
        ids = np.frombuffer(b"".join(rows), np.uint8).astype(np.uint32)
        return ids, np.array([len(row) for row in rows], np.int64)


class WrongOn(Plain):
    """Differs in the last id of the texts with a word."""

    def __init__(self, backend, word):
        super().__init__(backend)
        self.word = word

    def __call__(self, texts):
        ids, lengths = super().__call__(texts)
        rows = [n for n, text in enumerate(texts.to_pylist()) if self.word in text]
        ids[np.cumsum(lengths)[rows] - 1] += 1
        return ids, lengths


@pytest.fixture(scope="session")
def backend(tokenizer):
    return PlainEncoder(tokenizer).backend


def strings(texts):
    return pa.array(texts, pa.large_string())


def checked(backend):
    """An encoder whose hard texts are behind it, and the plain one with its record emptied."""
    plain = Plain(backend)
    encoder = CheckedEncoder(Plain(backend), plain)
    plain.texts.clear()
    return encoder, plain


def test_hard_texts_have_names_of_added_tokens_and_every_three_kinds(backend):
    texts = hard_texts(backend)
    assert texts == hard_texts(backend)
    for part in ("<|endoftext|>a", "1\n ", "'a\u00b2", "\u0301 Z"):
        assert any(part in text for text in texts), part


def test_the_hard_texts_are_compared_first(backend):
    plain = Plain(backend)
    CheckedEncoder(Plain(backend), plain)
    assert plain.texts == hard_texts(backend)
    with pytest.raises(Differs, match=r"begins with '<\|endoftext\|>a <\|end'$"):
        CheckedEncoder(WrongOn(backend, "<|endoftext|>"), Plain(backend))


def test_a_sampled_document_that_differs_is_named(backend):
    encoder = CheckedEncoder(WrongOn(backend, "zebra"), Plain(backend))
    encoder(strings(["one", "two"]))
    assert encoder.num_sampled == 2
    with pytest.raises(Differs, match=r"a text that begins with 'a zebra\\u0301'"):
        encoder(strings(["three", "a zebra\u0301", "four"]))


@settings(max_examples=40)
@given(sizes=st.lists(st.lists(st.integers(0, 3000), min_size=1, max_size=80), max_size=8))
def test_what_is_compared_is_bounded_and_no_more_than_was_encoded(backend, sizes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "_FIRST_BYTES", 500)
        patch.setattr(parity, "_ONE_BYTE_OF", 100)
        encoder, plain = checked(backend)
        num_bytes = 0
        for rows in sizes:
            texts = strings(["x" * size for size in rows])
            num_bytes += texts.nbytes
            assert encoder(texts)[1].tolist() == rows
    compared = sum(map(len, plain.texts))
    assert compared <= 500 + num_bytes // 100
    assert encoder.num_sampled == len(plain.texts)


def test_small_sources_are_compared_whole_and_none_twice(backend):
    encoder, plain = checked(backend)
    texts = [f"document {n}" for n in range(50)]
    encoder(strings(texts))
    assert sorted(plain.texts) == sorted(texts)
    assert encoder.num_sampled == 50


def test_documents_go_on_being_compared_to_the_end(backend, monkeypatch):
    monkeypatch.setattr(parity, "_FIRST_BYTES", 0)
    encoder, plain = checked(backend)
    seen = []
    for n in range(6):
        encoder(strings([f"{n}" * 4096] * 10))
        seen.append(len(plain.texts))
    assert seen[-1] == 0  # 240 kB earn 120 bytes: none of these fits
    for n in range(6):
        encoder(strings([f"{n}" * 1024] * 10_000))
        seen.append(len(plain.texts))
    assert seen[-6:] == sorted(set(seen[-6:]))
    assert {text[0] for text in plain.texts} == set("012345")


def test_strange_letters_go_before_plain_ones(backend, monkeypatch):
    monkeypatch.setattr(parity, "_FIRST_BYTES", 30)
    encoder, plain = checked(backend)
    encoder(strings(["plain text"] * 20 + ["\u00e9\u00e8\u00ea\u00eb"] + ["plain text"] * 20))
    assert "\u00e9\u00e8\u00ea\u00eb" in plain.texts
    assert len(plain.texts) == 3
