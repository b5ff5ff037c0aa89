"""A whole run with weights in bf16 and moments in 8 bits, stopped on the way and not."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import gapless
from gapless.errors import RecipeError
from gapless.modeling import load_model
from tests.workflow.test_methods_walk import ONE_SHORT_ARM, Stopping
from tests.workflow.world import make_world

LOW = [
    *ONE_SHORT_ARM,
    "training.precision=auto",
    "training.weights=bf16",
    "training.optimizer=adamw_8bit",
]


def only(folder: Path, pattern: str) -> Path:
    (path,) = (folder / "runs/tiny/artifacts").glob(pattern)
    return path


def test_a_low_bit_run_is_the_same_when_stopped_and_exports_a_plain_model(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    gapless.run(recipe, overrides=LOW, until="base")
    shutil.copytree(tmp_path, other := tmp_path.with_name("other"))
    gapless.run(recipe, overrides=LOW)
    with pytest.raises(KeyboardInterrupt):
        gapless.run(other / "recipe.yaml", overrides=LOW, progress=Stopping(4))
    gapless.run(other / "recipe.yaml", overrides=LOW)
    whole, resumed = (only(folder, "training.main-*") for folder in (tmp_path, other))
    one, same = (load_file(place / "model/model.safetensors") for place in (whole, resumed))
    assert all(torch.equal(tensor, same[name]) for name, tensor in one.items())
    model = load_model(whole / "model")
    assert {p.dtype for p in model.parameters()} == {torch.float32}, "as the base was stored"
    assert all(torch.equal(t, t.bfloat16().float()) for t in one.values())
    assert not torch.equal(
        one["lm_head.weight"], load_model(tmp_path / "base").lm_head.weight.bfloat16().float()
    )
    checkpoint = max((whole / "checkpoints").glob("step-*"))
    assert load_file(checkpoint / "model.safetensors")["lm_head.weight"].dtype == torch.bfloat16
    assert any(n.endswith("_codes") for n in load_file(checkpoint / "optimizer.safetensors"))
    facts = json.loads((tmp_path / "runs/tiny/environment.json").read_text())
    assert "bf16, weights in bf16" in json.dumps(facts)


def test_the_base_is_measured_with_the_weights_that_learn(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    for settings in (LOW, [*ONE_SHORT_ARM, "training.precision=bf16"]):
        gapless.run(recipe, overrides=settings, until="base")
    places = (tmp_path / "runs/tiny/artifacts").glob("base-*")
    values = {(place / "measurements.jsonl").read_text() for place in places}
    assert len(values) == 2


def test_fp8_without_a_gpu_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    overrides = [*ONE_SHORT_ARM, "training.precision=fp8"]
    with pytest.raises(RecipeError, match=r"training\.precision: fp8 needs a GPU"):
        gapless.run(make_world(tmp_path), overrides=overrides)
