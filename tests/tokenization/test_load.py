import json
import shutil

import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from gapless.errors import ModelError
from gapless.tokenization import check_matches, end_id, files, load_tokenizer, prefix_id


def small_tokenizer(vocabulary, **special):
    """``eos="</s>"`` names the end-of-text token."""
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(vocabulary, "a")),
        **{f"{name}_token": token for name, token in special.items()},
    )


def test_documents_begin_with_the_beginning_of_text_when_there_is_one():
    both = small_tokenizer({"a": 0, "<s>": 1, "</s>": 2}, bos="<s>", eos="</s>")
    end_only = small_tokenizer({"a": 0, "</s>": 1}, eos="</s>")
    assert (prefix_id(both), end_id(both)) == (1, 2)
    assert (prefix_id(end_only), end_id(end_only)) == (1, 1)


def test_a_tokenizer_without_end_of_text_is_refused():
    with pytest.raises(ModelError, match="no end-of-text token") as caught:
        prefix_id(small_tokenizer({"a": 0}))
    assert '"eos_token"' in caught.value.mend


def test_ids_beyond_the_embedding_are_refused_with_both_numbers():
    tokenizer = small_tokenizer({"a": 0, "</s>": 9}, eos="</s>")
    check_matches(tokenizer, 10)
    with pytest.raises(ModelError) as caught:
        check_matches(tokenizer, 9)
    assert caught.value.what == (
        "the tokenizer has ids up to 9, the model has 9 embedding rows (ids 0 to 8)"
    )
    assert "model.tokenizer" in caught.value.mend


def test_the_files_that_define_a_tokenizer(folder, tmp_path):
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    (copy / "model.safetensors").write_bytes(b"weights")
    assert files(copy) == [copy / "tokenizer.json", copy / "tokenizer_config.json"]


def test_a_missing_folder_and_a_file_are_named(tmp_path):
    with pytest.raises(ModelError, match="there is no such folder") as caught:
        load_tokenizer(tmp_path / "nowhere")
    assert caught.value.where == str(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="it is a file, not a folder"):
        files(tmp_path / "file")


def test_settings_without_a_vocabulary_are_no_tokenizer(tmp_path):
    settings = {"tokenizer_class": "LlamaTokenizer", "eos_token": "</s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match=r"no tokenizer here: none of tokenizer\.json") as caught:
        load_tokenizer(tmp_path)
    assert "save_pretrained" in caught.value.mend


def test_a_damaged_file_is_a_model_error(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{broken")
    with pytest.raises(ModelError, match="the tokenizer cannot be loaded: JSONDecodeError"):
        load_tokenizer(tmp_path)


def test_code_from_the_folder_never_runs(folder, tmp_path):
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    settings = {"auto_map": {"AutoTokenizer": ["code.Own", None]}, "tokenizer_class": "Own"}
    (copy / "tokenizer_config.json").write_text(json.dumps(settings))
    (copy / "code.py").write_text("raise SystemExit('the code ran')")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_tokenizer(copy)


def test_a_tokenizer_without_a_fast_form_is_refused(tmp_path):
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0, "<unk>": 1, "<pad>": 2}))
    settings = {"tokenizer_class": "Wav2Vec2CTCTokenizer"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="Wav2Vec2CTCTokenizer has no fast form"):
        load_tokenizer(tmp_path)
