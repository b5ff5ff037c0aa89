"""Compiled layers: what is learnt stays the same, for killed and resumed runs to the bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters

from gapless.errors import RecipeError
from gapless.recipe.training import Training
from gapless.training.compilation import layers_compiled
from tests.training.two_processes import probe, stop_after
from tests.training.world import run_tiny, tiny_model

CPU = torch.device("cpu")
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:dynamo_pgo force disabled:UserWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _compiler() -> None:
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        pytest.skip("torch finds no C++ compiler")


def settings(**changes: Any) -> Training:
    given = {"batch_tokens": 96, "learning_rate": 1e-2, "compile": True}
    return Training(**(given | changes))


def weights_equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


@pytest.mark.parametrize(
    "changes",
    [
        {"attention": "masked", "loss": "whole"},
        {"attention": "documents", "loss": "chunked"},
        {"attention": "documents", "loss": "whole", "gradient_checkpointing": True},
    ],
)
def test_losses_and_weights_are_those_of_a_run_that_is_not_compiled(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    asked = {"checkpoint_steps": frozenset({7, 14}), "probe": probe}
    training = settings(**changes)
    _, plain, eager = run_tiny(
        tmp_path / "eager", training=training.model_copy(update={"compile": False}), **asked
    )
    counters.clear()
    _, model, compiled = run_tiny(tmp_path / "compiled", training=training, **asked)
    # Two shapes: the last step is smaller. Attention by documents breaks a layer into norm, query,
    # output and the rest. And the trial.
    pieces = 4 if changes["attention"] == "documents" else 1
    assert counters["stats"]["unique_graphs"] == 2 * pieces + 1
    assert len(compiled.losses) == 14
    assert compiled.losses == pytest.approx(eager.losses, abs=2e-4)
    assert [n for n, _ in model.named_parameters()] == [n for n, _ in plain.named_parameters()]
    assert not any("forward" in vars(layer) for layer in model.model.layers), "as it was before"


def test_a_compiled_run_stopped_and_resumed_equals_one_never_stopped(tmp_path: Path) -> None:
    training = settings(attention="masked", loss="whole")
    asked = {"training": training, "checkpoint_steps": frozenset({7, 14}), "probe": probe}
    _, whole, _ = run_tiny(tmp_path / "whole", **asked)
    # The last step is smaller than the others: only the run never stopped has seen their shape.
    ended, _, _ = run_tiny(tmp_path / "cut", **asked, stop=stop_after(13))
    assert not ended
    ended, resumed, watcher = run_tiny(tmp_path / "cut", **asked)
    assert ended
    assert len(watcher.losses) == 1
    assert weights_equal(whole, resumed)
    for name in ("steps.jsonl", "measurements.jsonl"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()


def test_a_model_that_is_measured_runs_as_written() -> None:
    model, ids = tiny_model(), torch.arange(20)[None]
    model.eval()
    with torch.no_grad():
        before = model(input_ids=ids).logits
        with layers_compiled(model, CPU):
            counters.clear()
            for length in range(1, 20):
                model(input_ids=ids[:, :length])  # a probe's items have many lengths
            assert torch.equal(model(input_ids=ids).logits, before)
            assert not counters["stats"]["unique_graphs"]
            model.train()
            model(input_ids=ids, use_cache=False)
            assert counters["stats"]["unique_graphs"] == 1, "two layers, compiled once"


def test_without_a_compiler_the_setting_says_what_to_install(tmp_path: Path) -> None:
    from torch._inductor import config

    torch.compiler.reset()
    without_caches = torch.compiler.config.patch(force_disable_caches=True)
    with (
        config.patch({"cpp.cxx": ("no-such-compiler",)}),
        without_caches,
        pytest.raises(RecipeError, match=r"torch\.compile does not work here") as caught,
    ):
        run_tiny(tmp_path / "run", training=settings())
    assert "training.compile" in str(caught.value)
    assert "g++" in str(caught.value)
    torch.compiler.reset()
