"""What a training would stop at is told by `plan`, before anything is spent."""

import math
from pathlib import Path

import pytest

import gapless
from gapless.errors import ModelError, RecipeError
from tests.workflow.world import make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


def as_arm(training: str) -> list[str]:
    return [f"arms={{plain: {{}}, other: {{training: {training}}}}}"]


WRONG = {
    "{method: {type: lora, targets: [qproj]}}": (
        "training.method.targets",
        "no linear module 'qproj'",
        "They have: down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj.",
    ),
    "{method: {type: freeze, part: top, layers: 9}}": (
        "training.method.layers",
        "9 layers cannot be frozen",
        "The model has 2 layers: give 1 to 2.",
    ),
    "{method: {type: block_expansion, blocks: 3}}": (
        "training.method.blocks",
        "3 blocks cannot be spread evenly",
        "The model has 2 layers: add 1 to 2.",
    ),
}


@pytest.mark.parametrize("training", WRONG)
def test_a_method_that_does_not_fit_is_told_at_its_arm(world: Path, training: str) -> None:
    pytest.importorskip("peft")
    where, what, mend = WRONG[training]
    for verb in (gapless.plan, gapless.run):
        with pytest.raises(ModelError, match=what) as caught:
            verb(world, overrides=as_arm(training))
        assert caught.value.where == f"arms.other.{where}"
        assert caught.value.mend == mend
    assert not (world.parent / "runs").exists(), "nothing was begun"


def test_what_this_machine_cannot_do_is_refused_by_run_and_told_by_plan(world: Path) -> None:
    overrides = ["training.loss=liger", "training.device=cpu"]
    with pytest.raises(RecipeError, match="liger needs a CUDA device") as caught:
        gapless.run(world, overrides=overrides)
    assert caught.value.where == "training.loss"
    with pytest.raises(RecipeError, match="liger needs a CUDA device") as caught:
        gapless.run(world, overrides=["training.device=cpu", *as_arm("{loss: liger}")])
    assert caught.value.where == "arms.other.training.loss"
    assert not (world.parent / "runs").exists(), "nothing was begun"
    told = gapless.plan(world, overrides=overrides).warnings
    assert any("This machine cannot train it: training.loss: the loss liger" in w for w in told)


def test_a_recipe_for_a_gpu_is_planned_where_there_is_none(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    plan = gapless.plan(world, overrides=["training.device=cuda", "training.precision=bf16"])
    assert any("no CUDA device is available" in warning for warning in plan.warnings)
    assert all(math.isnan(arm.hours) and arm.memory_bytes > 0 for arm in plan.arms)
