import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import gapless
from gapless.errors import ModelError
from gapless.modeling import adapt, load_model, merge_models, new_model, save_model
from gapless.recipe.methods import Lora
from gapless.tokenization.train import train_byte_bpe

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}


def write(folder: Path, seed: int, *, dtype: torch.dtype = torch.float32, **settings: Any) -> Path:
    folder.mkdir(parents=True)
    model = new_model("llama", TINY | settings, vocabulary_size=64, seed=seed)
    save_model(model, folder, dtype=dtype)
    return folder


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    return [write(tmp_path / f"model-{seed}", seed) for seed in range(3)]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found |= load_file(path)
    return found


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert one
    for name, tensor in one.items():
        assert tensor.dtype == other[name].dtype
        assert torch.equal(tensor, other[name])


@pytest.mark.parametrize("chosen", [0, 1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_of_0_and_1_return_an_input_bit_by_bit(
    tmp_path: Path, chosen: int, dtype: torch.dtype
) -> None:
    folders = [write(tmp_path / str(seed), seed, dtype=dtype) for seed in range(3)]
    weights = [float(number == chosen) for number in range(3)]
    gapless.merge(tmp_path / "out", folders, weights=weights)
    assert_equal(tensors(tmp_path / "out"), tensors(folders[chosen]))


@pytest.mark.parametrize(("towards_base", "expected"), [(0.0, 0), (1.0, 1)])
def test_no_way_and_the_whole_way_to_the_base_are_exact(
    tmp_path: Path, three: list[Path], towards_base: float, expected: int
) -> None:
    gapless.merge(tmp_path / "out", three[:1], base=three[1], towards_base=towards_base)
    assert_equal(tensors(tmp_path / "out"), tensors(three[expected]))


def test_the_average_goes_towards_the_base_by_its_part(tmp_path: Path, three: list[Path]) -> None:
    gapless.merge(
        tmp_path / "out", three[:2], weights=[0.75, 0.25], base=three[2], towards_base=0.3
    )
    one, two, base = (tensors(folder) for folder in three)
    for name, tensor in tensors(tmp_path / "out").items():
        expected = 0.7 * (0.75 * one[name] + 0.25 * two[name]) + 0.3 * base[name]
        torch.testing.assert_close(tensor, expected)


def test_weights_are_equal_by_default(tmp_path: Path, three: list[Path]) -> None:
    gapless.merge(tmp_path / "out", three)
    parts = [tensors(folder) for folder in three]
    for name, tensor in tensors(tmp_path / "out").items():
        torch.testing.assert_close(tensor, sum(part[name] for part in parts) / 3)


def test_half_precision_is_added_up_in_full(tmp_path: Path) -> None:
    folders = [write(tmp_path / str(s), s, dtype=torch.bfloat16) for s in range(2)]
    gapless.merge(tmp_path / "out", folders, weights=[0.6875, 0.3125])
    one, two = (tensors(folder) for folder in folders)
    rounded_on_the_way = 0
    for name, tensor in tensors(tmp_path / "out").items():
        exact = 0.6875 * one[name].float() + 0.3125 * two[name].float()  # fits into fp32
        assert torch.equal(tensor, exact.bfloat16())
        rounded_on_the_way += int((tensor != 0.6875 * one[name] + 0.3125 * two[name]).sum())
    assert rounded_on_the_way > 100, "adding up in bf16 must have shown"


def test_many_files_hold_the_same_as_one_and_load_in_transformers(
    tmp_path: Path, three: list[Path]
) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    merge_models(three, [0.5, 0.25, 0.25], tmp_path / "whole")
    merge_models(three, [0.5, 0.25, 0.25], tmp_path / "parts", file_bytes=5000)
    files = sorted(path.name for path in (tmp_path / "parts").glob("*.safetensors"))
    assert len(files) > 3
    assert files[-1] == f"model-{len(files):05d}-of-{len(files):05d}.safetensors"
    assert_equal(tensors(tmp_path / "whole"), tensors(tmp_path / "parts"))
    assert_equal(load_model(tmp_path / "parts").state_dict(), tensors(tmp_path / "whole"))
    again = tmp_path / "again"  # and they are read again as one model
    again.mkdir()
    merge_models([tmp_path / "parts"], [1.0], again)
    assert_equal(tensors(again), tensors(tmp_path / "whole"))


def test_tokenizer_and_generation_settings_come_along(tmp_path: Path, three: list[Path]) -> None:
    train_byte_bpe(["some words to make a tokenizer of"], 260, three[1])
    (three[0] / "chat_template.jinja").write_text("of a folder without a tokenizer")
    (three[1] / "chat_template.jinja").write_text("{{ messages }}")
    (three[0] / "generation_config.json").write_text('{"temperature": 0.5}')
    written = gapless.merge(tmp_path / "out", three)
    names = {path.name for path in written}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= names
    owners = {
        "tokenizer.json": three[1],
        "chat_template.jinja": three[1],
        "generation_config.json": three[0],
    }
    for name, owner in owners.items():
        assert (tmp_path / "out" / name).read_bytes() == (owner / name).read_bytes()


def test_a_head_that_is_tied_may_lie_in_one_folder_alone(tmp_path: Path) -> None:
    one, two = (write(tmp_path / str(seed), seed, tie_word_embeddings=True) for seed in range(2))
    twice = load_file(two / "model.safetensors")
    twice["lm_head.weight"] = twice["model.embed_tokens.weight"].clone()
    save_file(twice, two / "model.safetensors", metadata={"format": "pt"})
    gapless.merge(tmp_path / "out", [one, two], weights=[0.0, 1.0])
    merged = load_model(tmp_path / "out")
    assert_equal(dict(merged.state_dict()), twice)


def test_models_of_another_shape_are_refused(tmp_path: Path, three: list[Path]) -> None:
    longer = write(tmp_path / "longer", 0, num_hidden_layers=3)
    with pytest.raises(ModelError, match="the configs differ: num_hidden_layers 3 and 2"):
        gapless.merge(tmp_path / "out", [three[0], longer])
    extra = tensors(three[1])
    save_file(extra | {"more": torch.ones(1)}, three[1] / "model.safetensors")
    with pytest.raises(ModelError, match="only one of the two has a tensor 'more'"):
        gapless.merge(tmp_path / "out", three[:2])
    extra["model.norm.weight"] = torch.ones(3)
    save_file(extra, three[1] / "model.safetensors")
    with pytest.raises(ModelError, match=r"model\.norm\.weight' has the shape \[3\] and \[16\]"):
        gapless.merge(tmp_path / "out", three[:2])
    assert not list(tmp_path.glob("out*"))


def rewrite(folder: Path, **changes: Any) -> None:
    """Change config.json; None takes a setting out."""
    config = json.loads((folder / "config.json").read_text()) | changes
    written = {name: value for name, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(written))


def test_a_config_of_an_older_transformers_is_read_as_it_was_meant(
    tmp_path: Path, three: list[Path]
) -> None:
    config = json.loads((three[0] / "config.json").read_text())
    theta = config["rope_parameters"]["rope_theta"]
    old: dict[str, Any] = {"rope_parameters": None, "dtype": None, "rope_scaling": None}
    rewrite(three[1], **old, rope_theta=theta, torch_dtype="float32", transformers_version="4.45.0")
    gapless.merge(tmp_path / "out", three[:2])
    assert (tmp_path / "out/config.json").read_text() == (three[0] / "config.json").read_text()
    rewrite(three[1], rope_theta=2 * theta)
    with pytest.raises(ModelError, match="the configs differ: rope_parameters"):
        gapless.merge(tmp_path / "other", three[:2])


def test_an_instruct_model_may_end_texts_otherwise_and_take_longer_ones(
    tmp_path: Path, three: list[Path]
) -> None:
    rewrite(three[1], eos_token_id=[2, 7], pad_token_id=3, max_position_embeddings=128)
    gapless.merge(tmp_path / "out", three[:2])
    assert load_model(tmp_path / "out").config.max_position_embeddings == 64


def test_where_names_differ_the_error_says_to_take_the_exported_model(tmp_path: Path) -> None:
    settings = {"num_local_experts": 2} | TINY
    model, folders = new_model("mixtral", settings, vocabulary_size=64, seed=0), []
    for name in ("exported", "checkpoint"):
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        save_model(model, folders[-1])
    save_file(dict(model.state_dict()), folders[1] / "model.safetensors", metadata={"format": "pt"})
    assert_equal(dict(load_model(folders[1]).state_dict()), dict(model.state_dict()))
    with pytest.raises(ModelError, match="only one of the two has a tensor") as caught:
        gapless.merge(tmp_path / "out", folders)
    assert "the folder `model` of the finished run" in str(caught.value.mend)


def test_whole_numbers_must_be_the_same(tmp_path: Path, three: list[Path]) -> None:
    for folder, value in zip(three, (7, 7, 8), strict=True):
        more = tensors(folder) | {"count": torch.tensor([value])}
        save_file(more, folder / "model.safetensors")
    gapless.merge(tmp_path / "out", three[:2])
    assert tensors(tmp_path / "out")["count"].tolist() == [7]
    with pytest.raises(ModelError, match="'count' holds whole numbers and differs"):
        gapless.merge(tmp_path / "other", three)


def test_number_formats_of_configs_may_differ_and_the_first_one_s_are_kept(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", 1, dtype=torch.bfloat16), write(tmp_path / "two", 2)
    gapless.merge(tmp_path / "out", [one, two], weights=[0.0, 1.0])
    expected = {name: tensor.bfloat16() for name, tensor in tensors(two).items()}
    assert_equal(tensors(tmp_path / "out"), expected)
    assert json.loads((tmp_path / "out/config.json").read_text())["dtype"] == "bfloat16"


def test_adapters_that_are_not_merged_are_refused(tmp_path: Path, three: list[Path]) -> None:
    pytest.importorskip("peft")
    save_model(adapt(load_model(three[0]), Lora(rank=2), seed=0), three[0])
    with pytest.raises(ModelError, match="checkpoint of a LoRA run"):
        gapless.merge(tmp_path / "out", three)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": [1.0]}, "1 weights were given for 3 models"),
        ({"weights": [0.5, 0.5, 0.5]}, r"they sum to 1\.5"),
        ({"weights": [1.5, -0.5, 0.0]}, "not parts of a whole"),
        ({"towards_base": 0.5}, "takes both the base and how far"),
        ({"base": "model-1"}, "takes both the base and how far"),
        ({"base": "model-1", "towards_base": 1.5}, r"from 0 to 1, not 1\.5"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, three: list[Path], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        gapless.merge(tmp_path / "out", three, **options)
    assert not list(tmp_path.glob("out*"))


def test_the_command_line_does_the_same(tmp_path: Path, three: list[Path]) -> None:
    from typer.testing import CliRunner

    from gapless.cli.main import app

    gapless.merge(
        tmp_path / "one", three[:2], weights=[0.75, 0.25], base=three[2], towards_base=0.3
    )
    options = ["--weights", "0.75,0.25", "--base", str(three[2]), "--towards-base", "0.3"]
    words = ["merge", str(tmp_path / "two"), *map(str, three[:2]), *options]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "model.safetensors" in result.stdout
    assert_equal(tensors(tmp_path / "one"), tensors(tmp_path / "two"))
    assert CliRunner().invoke(app, words).exit_code == 1, "nothing is written over"


def test_nothing_is_written_over_and_missing_models_are_named(
    tmp_path: Path, three: list[Path]
) -> None:
    with pytest.raises(ModelError, match="something here already"):
        gapless.merge(three[2], three[:2])
    with pytest.raises(ModelError, match="nowhere: there is no such model folder") as caught:
        gapless.merge(tmp_path / "out", [three[0], tmp_path / "nowhere"])
    assert "model.path" not in str(caught.value.mend)
    with pytest.raises(ModelError, match="no model to merge"):
        gapless.merge(tmp_path / "out", [])
