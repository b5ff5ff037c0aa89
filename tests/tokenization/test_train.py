import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import ModelError
from gapless.tokenization import end_id, load_tokenizer, prefix_id, train_byte_bpe
from gapless.tokenization.encode import plain_encoder

TEXTS = ["one cell, two cells, 1234 cells", "the cell's wall"] * 20
ANY_TEXT = st.one_of(
    st.text(), st.text(alphabet="ab 1\n\t'<|endoftext|>\u0301\u200d\U0001f600\x00")
)


@given(text=ANY_TEXT)
def test_any_text_comes_back_unchanged(tokenizer, text):
    ids = plain_encoder(tokenizer).encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_trained_twice_the_files_are_equal_byte_for_byte(tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    sizes = [train_byte_bpe(iter(TEXTS), 265, folder) for folder in folders]
    assert sizes == [265, 265]
    contents = [{p.name: p.read_bytes() for p in folder.iterdir()} for folder in folders]
    assert contents[0] == contents[1]
    assert "tokenizer.json" in contents[0]
    assert str(tmp_path).encode() not in b"".join(contents[0].values())


def test_digits_stand_alone_and_words_are_merged(tmp_path):
    train_byte_bpe(TEXTS, 265, tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.tokenize("1234") == ["1", "2", "3", "4"]
    assert len(tokenizer.tokenize(" cells")) < len(" cells")


def test_one_special_token_begins_and_ends_a_document(tmp_path):
    train_byte_bpe(TEXTS, 265, tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.all_special_tokens == ["<|endoftext|>"]
    assert prefix_id(tokenizer) == end_id(tokenizer) == 0


def test_little_text_gives_fewer_ids(tmp_path):
    assert train_byte_bpe(["ab"], 5000, tmp_path) == 258


def test_a_vocabulary_without_room_for_the_bytes_is_refused(tmp_path):
    with pytest.raises(ModelError, match="256 ids is too small") as caught:
        train_byte_bpe(TEXTS, 256, tmp_path)
    assert "at least 257" in str(caught.value)
