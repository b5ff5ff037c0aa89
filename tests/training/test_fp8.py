"""Matrix products in fp8: refused where there are none; elsewhere they change no name or type."""

from pathlib import Path
from typing import Any

import pytest
import torch

from gapless.errors import RecipeError
from gapless.modeling import new_model, save_model
from gapless.recipe.training import Training
from gapless.training.compute import Compute
from gapless.training.fp8 import check_fp8, with_fp8
from tests.training.world import TINY, VOCABULARY, run_tiny, tiny_model

IDS = torch.arange(32)[None]


def test_without_a_gpu_fp8_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"fp8 needs a GPU of compute capability 8\.9") as caught:
        Compute.choose("cpu", "fp8")
    assert "training.precision" in str(caught.value)


def test_an_older_gpu_and_a_missing_package_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 6))
    with pytest.raises(RecipeError, match="fp8 needs a GPU"):
        check_fp8(torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(RecipeError, match="fp8 needs the package torchao") as caught:
        check_fp8(torch.device("cuda"))
    assert "gapless[fp8]" in str(caught.value)


def fp8_model(**settings: Any) -> Any:
    pytest.importorskip("torchao")
    return with_fp8(new_model("llama", TINY, vocabulary_size=VOCABULARY, seed=0), **settings)


def test_names_values_and_measurements_are_those_of_the_plain_model(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    plain, model = tiny_model(), fp8_model(emulate=True)
    assert [n for n, _ in model.named_parameters()] == [n for n, _ in plain.named_parameters()]
    assert [type(p) for p in model.parameters()] == [type(p) for p in plain.parameters()]
    with torch.no_grad():
        expected, trained = plain(input_ids=IDS).logits, model.train()(input_ids=IDS).logits
        measured = model.eval()(input_ids=IDS).logits
    assert torch.equal(measured, expected)
    assert not torch.equal(trained, expected), "training must have been in fp8"
    torch.testing.assert_close(trained, expected, atol=0.05, rtol=0.1)
    save_model(model, tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert all(map(torch.equal, loaded.state_dict().values(), plain.state_dict().values()))


@pytest.mark.gpu
@pytest.mark.parametrize("compile", [False, True])
def test_on_a_gpu_it_learns_what_bf16_learns(tmp_path: Path, compile: bool) -> None:  # noqa: A002
    wide = TINY | {"hidden_size": 64, "intermediate_size": 128}
    losses = {}
    for precision in ("bf16", "fp8"):
        compute = Compute.choose("cuda", precision)
        model = new_model("llama", wide, vocabulary_size=VOCABULARY, seed=0)
        if compute.fp8:
            with_fp8(model)
        training = Training(batch_tokens=64, learning_rate=1e-2, compile=compile)
        _, _, watcher = run_tiny(
            tmp_path / precision, training=training, model=model, compute=compute
        )
        losses[precision] = watcher.losses
    assert losses["fp8"] != losses["bf16"]
    assert losses["fp8"] == pytest.approx(losses["bf16"], rel=0.1)
