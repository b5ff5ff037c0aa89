from pathlib import Path

import pytest
import torch

from gapless.recipe.schedules import Constant
from gapless.recipe.training import Training
from gapless.training.hooks import Moment
from gapless.training.pull import Pull
from tests.training.test_loop import stop_after, weights_equal
from tests.training.world import run_tiny, tiny_model

PLAIN = Training(batch_tokens=64, learning_rate=1e-2)


def test_a_step_takes_its_part_of_the_way_back() -> None:
    model = torch.nn.Linear(2, 1, bias=False)
    model.weight.data = torch.tensor([[1.0, -2.0]])
    pull = Pull(0.5)
    pull.begin(model)
    model.weight.data = torch.tensor([[5.0, -2.0]])
    pull.after_step(Moment(model, 1, 64, rate=0.5))
    assert model.weight.tolist() == [[4.0, -2.0]]  # 5 - 0.5 x 0.5 x (5 - 1)


def test_what_does_not_learn_is_left_alone() -> None:
    model = torch.nn.Linear(1, 1)
    model.bias.requires_grad_(False)
    pull = Pull(1e9)
    pull.begin(model)
    model.bias.data += 1
    kept = model.bias.clone()
    pull.after_step(Moment(model, 1, 64, rate=1.0))
    assert torch.equal(model.bias, kept)


@pytest.mark.parametrize("strength", [1e2, 1e9])
def test_a_huge_pull_keeps_the_base_exactly(tmp_path: Path, strength: float) -> None:
    training = PLAIN.model_copy(update={"schedule": Constant(warmup=0)})
    _, free, _ = run_tiny(tmp_path / "free", training=training)
    _, held, _ = run_tiny(tmp_path / "held", training=training, hooks=[Pull(strength)])
    assert not weights_equal(free, tiny_model())
    assert weights_equal(held, tiny_model())


def test_more_pull_stays_closer(tmp_path: Path) -> None:
    def distance(strength: float) -> float:
        _, model, _ = run_tiny(tmp_path / str(strength), training=PLAIN, hooks=[Pull(strength)])
        pairs = zip(model.parameters(), tiny_model().parameters(), strict=True)
        return float(sum((a - b).detach().square().sum() for a, b in pairs))

    free, some, much = (distance(strength) for strength in (0.0, 10.0, 50.0))
    assert free > 1.1 * some > 1.1 * 1.1 * much > 0


@pytest.mark.parametrize("stopped_after", [3, 5])
def test_a_resumed_run_is_pulled_to_the_same_base(tmp_path: Path, stopped_after: int) -> None:
    _, whole, _ = run_tiny(tmp_path / "whole", training=PLAIN, hooks=[Pull(5.0)])
    stop = stop_after(stopped_after)
    ended, _, _ = run_tiny(tmp_path / "cut", training=PLAIN, hooks=[Pull(5.0)], stop=stop)
    assert not ended
    _, resumed, _ = run_tiny(tmp_path / "cut", training=PLAIN, hooks=[Pull(5.0)])
    assert weights_equal(whole, resumed)
