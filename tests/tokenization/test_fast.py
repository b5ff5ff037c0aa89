"""gigatoken's ids against Hugging Face's, on tokenizers of the kinds in use."""

import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tokenizers_by_hand as by_hand
from gigatoken import Tokenizer as Gigatoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import gapless
from gapless.tokenization import load_tokenizer
from gapless.tokenization.digits import cut_at_digits, rows_with_other_numbers
from gapless.tokenization.fast import FastEncoder, Unsupported, replaced, text_bytes
from gapless.tokenization.load import largest_id
from gapless.tokenization.parity import CheckedEncoder, Differs, hard_texts
from gapless.tokenization.plain import PlainEncoder

GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
EQUAL = {
    "gpt2": by_hand.gpt2_like,
    "roberta": by_hand.roberta_like,
    "smollm2": by_hand.smollm2_like,
    "digits in runs": lambda: by_hand.smollm2_like(each=False),
    "gpt4": lambda: by_hand.byte_bpe(by_hand.split(GPT4)),
    "llama": by_hand.llama_like,
}
ANY_TEXT = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="ab Z19.\n\t'\x00\u00b2\u0661\u00e9\u0301\u4e2d\U0001f600", max_size=60),
    st.lists(st.sampled_from([" ", "the cell", "2024", by_hand.END, "'s", "\u2167", "\n"])).map(
        "".join
    ),
)


def as_transformers(backend):
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=by_hand.END)


def both(tokenizer):
    plain = PlainEncoder(tokenizer)
    return FastEncoder(plain, num_ids=largest_id(tokenizer) + 1), plain


def strings(texts):
    return pa.array(texts, pa.large_string())


def assert_equal(fast, plain, texts):
    ours, theirs = fast(strings(texts)), plain(strings(texts))
    assert ours[1].tolist() == theirs[1].tolist()
    assert ours[0].tolist() == theirs[0].tolist()


def keep_record(fast, asked, monkeypatch):
    """Note which texts the fast encoder leaves to the plain one."""
    plain = fast._plain
    monkeypatch.setattr(
        fast, "_plain", lambda texts: asked.append(texts.to_pylist()) or plain(texts)
    )


@pytest.fixture(scope="module", params=EQUAL)
def encoders(request):
    return both(as_transformers(EQUAL[request.param]()))


@pytest.fixture(scope="module")
def base():
    """The tokenizer that is shipped."""
    folder = Path(gapless.__file__).parent / "assets" / "data" / "base"
    return both(load_tokenizer(folder))


@settings(max_examples=60)
@given(texts=st.lists(ANY_TEXT, max_size=5))
def test_any_texts_have_the_same_ids(encoders, texts):
    assert_equal(*encoders, texts)


@settings(max_examples=100)
@given(texts=st.lists(ANY_TEXT, max_size=5))
def test_any_texts_have_the_same_ids_by_the_shipped_tokenizer(base, texts):
    assert_equal(*base, texts)


def test_hard_texts_and_long_ones_have_the_same_ids(encoders):
    fast, plain = encoders
    long = [" ".join(by_hand.TEXTS) * 40, "ab1 " * 20_000, "\u4e2d" * 5000 + "1" * 5000]
    assert_equal(fast, plain, [*hard_texts(plain.backend), *long])


def test_a_text_that_gigatoken_shares_among_the_cores_has_the_same_ids(base):
    """It cuts texts of more than 2 MB."""
    texts = ["".join(by_hand.TEXTS) * 3000, "x"]
    assert len(texts[0]) > 5 << 19
    assert_equal(*base, texts)


def test_every_kind_of_letter_is_cut_alike_by_the_shipped_tokenizer(base):
    """All code points but the ideographs, Hangul and private use, of which a few stand for all."""
    codes = [*range(0xD800), *range(0xF900, 0x20100), *range(0xE0000, 0xE0200), 0x10FFFF]
    chosen = [c for c in codes if not (0x3500 < c < 0x9F00 or 0xAD00 < c < 0xD700)]
    assert sum(unicodedata.category(chr(c))[0] in "LMN" for c in chosen) > 30_000
    assert_equal(*base, [f"a{chr(c)}b {chr(c)} 1{chr(c)}2 .{chr(c)}" for c in chosen])


def test_text_that_the_vocabulary_lacks_bytes_for_is_encoded_by_the_plain_one(monkeypatch):
    tokenizer = as_transformers(by_hand.smollm2_like())
    fast, plain = both(tokenizer)
    asked = []
    monkeypatch.setattr(
        fast, "_plain", lambda texts: asked.append(texts.to_pylist()) or plain(texts)
    )
    texts = ["the cell", "caf\u00e9 \u4e2d", "12", "\u4e2d", ""]
    assert_equal(fast, plain, texts)
    assert asked == [["caf\u00e9 \u4e2d", "\u4e2d"]]


def test_a_special_token_that_gigatoken_would_end_the_text_at_is_text():
    tokenizer = as_transformers(by_hand.gpt2_like())
    text = f"a {by_hand.END} b"
    raw = Gigatoken.from_json(tokenizer.backend_tokenizer.to_str()).encode(text).tolist()
    fast, plain = both(tokenizer)
    assert tokenizer.eos_token_id in raw
    assert tokenizer.eos_token_id not in fast(strings([text]))[0].tolist()
    assert_equal(fast, plain, [text])


def test_numbers_that_are_no_ascii_digits_are_left_to_the_plain_one(monkeypatch):
    fast, plain = both(as_transformers(by_hand.smollm2_like()))
    asked = []
    monkeypatch.setattr(
        fast, "_plain", lambda texts: asked.append(texts.to_pylist()) or plain(texts)
    )
    monkeypatch.setattr(fast, "_num_ids", 1 << 30)  # whatever bytes are missing
    fast(strings(["x 2", "x \u00b2", "\u00e9", "\u0661"]))
    assert asked == [["x \u00b2", "\u0661"]]


@pytest.mark.parametrize("make", [by_hand.word_piece, by_hand.unigram])
def test_a_model_that_gigatoken_has_not_is_refused_with_its_words(make):
    with pytest.raises(Unsupported, match='cannot do this tokenizer: Unsupported model type "'):
        both(as_transformers(make()))


def test_a_memory_renewed_in_the_midst_changes_no_id(encoders, monkeypatch):
    fast, plain = encoders
    opened = []
    make = fast._open
    monkeypatch.setattr("gapless.tokenization.fast._RENEWED_AFTER_BYTES", 100)
    monkeypatch.setattr(fast, "_open", lambda: opened.append(1) or make())
    for _ in range(3):
        assert_equal(fast, plain, by_hand.TEXTS)
    assert len(opened) >= 2


def with_added(token):
    backend = by_hand.gpt2_like()
    backend.add_tokens([token])
    return backend


def removing():
    return by_hand.byte_bpe(by_hand.split(GPT4, "removed"))


def uncut():
    return by_hand.byte_bpe(by_hand.byte_level(use_regex=False))


def digits_and_gpt4():
    steps = [
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.Split(Regex(GPT4), "isolated"),
        by_hand.byte_level(use_regex=False),
    ]
    return by_hand.byte_bpe(pre_tokenizers.Sequence(steps))


WRONG = {
    "what the pattern finds is removed": removing,
    "text is not cut at all": uncut,
    "digits are cut before a pattern": digits_and_gpt4,
    "an added token is a word": lambda: with_added(AddedToken("ell", single_word=True)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_gigatoken_silently_does_otherwise_is_found_before_the_first_document(name):
    """Each of them it loads without a word."""
    fast, plain = both(as_transformers(WRONG[name]()))
    with pytest.raises(Differs, match="differs on a text that begins with"):
        CheckedEncoder(fast, plain)


# The parts by themselves.


@given(
    texts=st.lists(st.text(alphabet="a1 \u00e92", max_size=8), min_size=1, max_size=6),
    start=st.integers(0, 5),
    each=st.booleans(),
)
def test_pieces_are_those_of_the_digits_pre_tokenizer(texts, start, each):
    array = strings(texts)[min(start, len(texts) - 1) :]
    data, offsets = text_bytes(array)
    pieces, firsts = cut_at_digits(data, offsets, each=each)
    cut = pre_tokenizers.Digits(individual_digits=each)
    for row, text in enumerate(array.to_pylist()):
        edges = pieces[firsts[row] : firsts[row + 1] + 1]
        found = [bytes(data[a:b]).decode() for a, b in pairwise(edges)]
        assert found == [piece for piece, _ in cut.pre_tokenize_str(text)]


def test_every_number_that_hugging_face_knows_is_found():
    digits = pre_tokenizers.Digits(individual_digits=True)
    letters = [chr(c) for c in range(0x80, 0x20000) if not 0xD800 <= c < 0xE000]
    pieces = {piece for piece, _ in digits.pre_tokenize_str("a".join(letters))}
    numbers = {piece for piece in pieces if len(piece) == 1 and piece != "a"} - {letters[0]}
    assert {"\u00b2", "\u0661", "\u2167"} <= numbers
    assert len(numbers) > 1000
    found = rows_with_other_numbers(strings([f"x{letter}" for letter in letters])).tolist()
    assert numbers <= {letters[row] for row in found}
    assert rows_with_other_numbers(strings(["12", "", "\u00e9", "\u4e2d 3"])).tolist() == []


@given(data=st.data(), lengths=st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_replaced_texts_take_the_others_ids(data, lengths):
    mine = [[row] * length for row, length in enumerate(lengths)]
    rows = sorted(data.draw(st.sets(st.integers(0, len(lengths) - 1), min_size=1)))
    others = [[100 + row] * data.draw(st.integers(0, 3)) for row in rows]

    def flat(texts):
        ids = np.array([i for ids in texts for i in ids], np.uint32)
        return ids, np.array([len(ids) for ids in texts], np.int64)

    expected = list(mine)
    for row, ids in zip(rows, others, strict=True):
        expected[row] = ids
    ids, found = replaced(flat(mine), np.array(rows), flat(others))
    assert ids.tolist() == flat(expected)[0].tolist()
    assert found.tolist() == flat(expected)[1].tolist()
