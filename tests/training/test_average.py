from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gapless.recipe.methods import ExponentialAverage
from gapless.recipe.training import Training
from gapless.training.average import Average
from gapless.training.compute import Compute
from gapless.training.hooks import Hook, Moment
from gapless.training.pull import Pull
from tests.training.test_loop import stop_after, weights_equal
from tests.training.world import run_tiny, tiny_model

PLAIN = Training(batch_tokens=64, learning_rate=1e-2)


class Recorder(Hook):
    """Keeps every model of a run, the base first."""

    name = "recorder"

    def __init__(self) -> None:
        self.models: list[dict[str, torch.Tensor]] = []

    def begin(self, model) -> None:
        self._keep(model)

    def after_step(self, moment: Moment) -> None:
        self._keep(moment.model)

    def _keep(self, model) -> None:
        weights = {n: p.detach().double().clone() for n, p in model.named_parameters()}
        self.models.append(weights)


def averaged(models: list[dict[str, torch.Tensor]], decay: float, every: int) -> Iterator:
    """Average in double precision, written out as one weighted sum."""
    seen = models[::every]
    factor, updates = decay**every, len(seen) - 1
    for name in models[0]:
        total = factor**updates * seen[0][name]
        for number, model in enumerate(seen[1:], start=1):
            total = total + (1 - factor) * factor ** (updates - number) * model[name]
        yield name, total


@pytest.mark.parametrize(("decay", "every"), [(0.9, 1), (0.5, 1), (0.9, 3), (0.0, 1)])
def test_the_average_is_the_weighted_sum_of_all_models(
    tmp_path: Path, decay: float, every: int
) -> None:
    recorder, average = Recorder(), Average(ExponentialAverage(decay=decay, every=every))
    run_tiny(tmp_path / "run", training=PLAIN, hooks=[average, recorder])
    assert len(recorder.models) == 21
    expected = dict(averaged(recorder.models, decay, every))
    assert average.tensors().keys() == expected.keys()
    for name, tensor in average.tensors().items():
        torch.testing.assert_close(tensor.double(), expected[name], atol=1e-6, rtol=1e-5)


def test_watching_changes_nothing_of_the_training(tmp_path: Path) -> None:
    _, plain, _ = run_tiny(tmp_path / "plain", training=PLAIN)
    average = Average(ExponentialAverage(decay=0.9))
    _, watched, _ = run_tiny(tmp_path / "watched", training=PLAIN, hooks=[average])
    assert weights_equal(plain, watched)


@pytest.mark.parametrize("stopped_after", [3, 5, 19])
def test_a_resumed_run_has_the_same_average(tmp_path: Path, stopped_after: int) -> None:
    settings = ExponentialAverage(decay=0.9, every=2)
    whole, cut, resumed = (Average(settings) for _ in range(3))
    run_tiny(tmp_path / "whole", training=PLAIN, hooks=[whole])
    run_tiny(tmp_path / "cut", training=PLAIN, hooks=[cut], stop=stop_after(stopped_after))
    run_tiny(tmp_path / "cut", training=PLAIN, hooks=[resumed])
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, resumed.tensors()[name])
    assert any(not torch.equal(t, cut.tensors()[n]) for n, t in whole.tensors().items())


def test_the_model_has_the_average_for_a_while_and_then_its_own_weights_again() -> None:
    model, base = tiny_model(), tiny_model()
    average = Average(ExponentialAverage(decay=0.5))
    average.begin(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    moved = tiny_model()
    moved.load_state_dict(model.state_dict())
    with average.in_place(model):
        assert weights_equal(model, base)
    assert weights_equal(model, moved)
    for name, parameter in base.named_parameters():
        assert torch.equal(average.tensors()[name], parameter)


def test_only_what_learns_is_averaged() -> None:
    model = tiny_model()
    model.model.embed_tokens.requires_grad_(False)
    average = Average(ExponentialAverage())
    average.begin(model)
    names = {name for name, _ in model.named_parameters()}
    assert average.tensors().keys() == names - {"model.embed_tokens.weight"}


@pytest.mark.gpu
def test_a_gpu_pulls_and_averages_and_resumes_exactly(tmp_path: Path) -> None:
    compute = Compute.choose("cuda", "fp32")
    settings = ExponentialAverage(decay=0.9)
    whole, resumed = Average(settings), Average(settings)
    _, one, _ = run_tiny(tmp_path / "whole", compute=compute, hooks=[Pull(5.0), whole])
    cut = [Pull(5.0), Average(settings)]
    run_tiny(tmp_path / "cut", compute=compute, hooks=cut, stop=stop_after(7))
    _, other, _ = run_tiny(tmp_path / "cut", compute=compute, hooks=[Pull(5.0), resumed])
    assert weights_equal(one, other)
    assert all(torch.equal(t, resumed.tensors()[n]) for n, t in whole.tensors().items())
