import json
from pathlib import Path

import pytest
import torch

from gapless.errors import RecipeError, RunError
from gapless.recipe.training import Checkpoints as CheckpointSettings
from gapless.recipe.training import Faults, Training
from gapless.training.checkpoints import Checkpoints
from gapless.training.compute import Compute
from tests.training.world import run_tiny, tiny_model

GOLDEN = [4.1717, 4.1682, 4.0693, 3.9106, 3.779, 3.6909, 3.6112, 3.478, 3.4228, 3.3317]
"""The first losses of the tiny world. A refactoring must not change them."""


def weights_equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    states = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in states)


def stop_after(steps: int):
    left = iter(range(steps - 1, -1, -1))
    return lambda: next(left) == 0


def test_golden_losses(tmp_path: Path) -> None:
    ended, _, watcher = run_tiny(tmp_path / "run")
    assert ended
    assert len(watcher.losses) == 20
    assert watcher.losses[:10] == pytest.approx(GOLDEN, abs=2e-4)
    assert watcher.losses[-1] < watcher.losses[0] - 0.3, "it must have learnt something"


@pytest.mark.parametrize("stopped_after", [1, 4, 5, 6, 19])
def test_a_run_stopped_and_resumed_equals_one_never_stopped(
    tmp_path: Path, stopped_after: int
) -> None:
    _, whole, _ = run_tiny(tmp_path / "whole")
    ended, half, _ = run_tiny(tmp_path / "cut", stop=stop_after(stopped_after))
    assert not ended
    assert not weights_equal(whole, half), "the stop must have come before the end"
    ended, resumed, _ = run_tiny(tmp_path / "cut")
    assert ended
    assert weights_equal(whole, resumed)
    for name in ("steps.jsonl", "measurements.jsonl"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()


@pytest.mark.parametrize(("died_after", "goes_on_from"), [(8, 5), (3, 0)])
def test_what_came_after_the_last_checkpoint_is_cut_and_made_again(
    tmp_path: Path, died_after: int, goes_on_from: int
) -> None:
    _, whole, _ = run_tiny(tmp_path / "whole")
    left = iter(range(died_after - 1, -1, -1))

    def die() -> bool:
        if next(left) == 0:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):  # no checkpoint is made on the way out
        run_tiny(tmp_path / "cut", stop=die)
    journal = tmp_path / "cut" / "steps.jsonl"
    assert len(journal.read_text().splitlines()) == died_after
    with journal.open("a") as file:
        file.write('{"step": 99, "tok')  # half a line, as a kill leaves it
    _, resumed, watcher = run_tiny(tmp_path / "cut")
    assert len(watcher.losses) == 20 - goes_on_from
    assert weights_equal(whole, resumed)
    for name in ("steps.jsonl", "measurements.jsonl"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()


def test_base_is_measured_first_and_the_last_step_always(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run/measurements.jsonl").open()]
    assert [row["tokens_seen"] for row in rows] == [0, 64, 128, 256, 320, 640, 960, 1280]


def test_checkpoints_keep_the_last_and_the_best(tmp_path: Path) -> None:
    settings = CheckpointSettings(keep_last=2)
    run_tiny(
        tmp_path / "run",
        training=Training(batch_tokens=64, learning_rate=1e-2, checkpoints=settings),
    )
    names = {path.name for path in (tmp_path / "run/checkpoints").iterdir()}
    rows = [json.loads(line) for line in (tmp_path / "run/measurements.jsonl").open()]
    saved = {row["tokens_seen"]: row["value"] for row in rows if row["tokens_seen"] % 320 == 0}
    best = min(list(saved)[1:], key=saved.__getitem__) // 64
    assert names == {f"step-{step:08}" for step in {best, 15, 20}}
    assert len(names) == 3, "the best must not be among the last here"


def test_asked_to_stop_it_saves_first_and_measures_when_it_goes_on(tmp_path: Path) -> None:
    _, whole, _ = run_tiny(tmp_path / "whole")
    finished, _, _ = run_tiny(tmp_path / "cut", stop=stop_after(10))
    assert not finished
    rows = [json.loads(line) for line in (tmp_path / "cut/measurements.jsonl").open()]
    assert rows[-1]["tokens_seen"] == 5 * 64, "step 10 was to be measured, but not in a hurry"
    _, resumed, _ = run_tiny(tmp_path / "cut")
    assert weights_equal(whole, resumed)
    for name in ("steps.jsonl", "measurements.jsonl"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()
    states = [sorted(path.glob("checkpoints/*/state.json")) for path in sorted(tmp_path.iterdir())]
    changes = [
        [json.loads(path.read_text())["domain_change"] for path in each] for each in states if each
    ]
    assert changes[0] == changes[1]
    assert len(changes[0]) == 2


def test_half_a_checkpoint_does_not_exist(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run", stop=stop_after(7))
    (tmp_path / "run/checkpoints/step-00000099.partial").mkdir()
    latest = Checkpoints(tmp_path / "run/checkpoints", keep_last=1).latest()
    assert latest is not None
    assert latest[1].step == 7


def test_a_checkpoint_loads_in_transformers(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    _, model, _ = run_tiny(tmp_path / "run")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "run/checkpoints/step-00000020")
    assert weights_equal(model, loaded)


def test_divergence_is_a_plain_error_and_keeps_the_checkpoints(tmp_path: Path) -> None:
    model = tiny_model()
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(RunError, match=r"the loss is nan .* \(step 1, "):
        run_tiny(tmp_path / "run", model=model)


@pytest.fixture
def spoiled(monkeypatch: pytest.MonkeyPatch):
    """Let the loss of chosen steps be another number; return the steps that were worked out."""
    from gapless.training.loop import _Loop

    worked_out: list[int] = []

    def spoil(losses: dict[int, float]) -> list[int]:
        gradient, step = _Loop._gradient, _Loop._step

        def remember(self, state):
            self.trying = state.step + 1
            return step(self, state)

        def spoiled(self, packed):
            loss, norm = gradient(self, packed)
            worked_out.append(self.trying)
            return losses.get(self.trying, loss), norm

        monkeypatch.setattr(_Loop, "_step", remember)
        monkeypatch.setattr(_Loop, "_gradient", spoiled)
        return worked_out

    return spoil


def steps_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "steps.jsonl").open()]


@pytest.mark.parametrize("loss", [float("nan"), 99.0])
def test_a_bad_batch_can_be_left_out(tmp_path: Path, spoiled, loss: float) -> None:
    spoiled({18: loss})
    faults = Faults(non_finite="skip", spike="skip")
    training = Training(batch_tokens=64, learning_rate=1e-2, faults=faults)
    ended, whole, _ = run_tiny(tmp_path / "run", training=training)
    assert ended
    [fault] = [json.loads(line) for line in (tmp_path / "run/faults.jsonl").open()]
    assert (fault["step"], fault["action"]) == (18, "skip")
    assert [row["loss"] is None for row in steps_of(tmp_path / "run")] == [
        step == 18 for step in range(1, 21)
    ]
    _, again, _ = run_tiny(tmp_path / "again", training=training, stop=stop_after(18))
    _, again, _ = run_tiny(tmp_path / "again", training=training)
    assert weights_equal(whole, again)


def test_rolling_back_goes_on_from_the_last_checkpoint_without_the_batch(
    tmp_path: Path, spoiled
) -> None:
    worked_out = spoiled({3: float("nan"), 13: float("inf")})
    faults = Faults(non_finite="roll_back")
    training = Training(batch_tokens=64, learning_rate=1e-2, faults=faults)
    ended, rolled_back, _ = run_tiny(tmp_path / "back", training=training)
    assert ended
    assert worked_out == [1, 2, 3, 1, 2, *range(4, 14), 11, 12, *range(14, 21)]
    skipping = Training(batch_tokens=64, learning_rate=1e-2, faults=Faults(non_finite="skip"))
    _, skipped, _ = run_tiny(tmp_path / "skip", training=skipping)
    assert weights_equal(rolled_back, skipped), "the same batches were learnt"
    for name in ("steps.jsonl", "measurements.jsonl"):
        ours, theirs = (tmp_path / way / name for way in ("back", "skip"))
        assert ours.read_bytes() == theirs.read_bytes()


def test_after_too_many_bad_batches_the_run_stops(tmp_path: Path, spoiled) -> None:
    spoiled(dict.fromkeys(range(4, 9), float("nan")))
    faults = Faults(non_finite="skip", most=3)
    training = Training(batch_tokens=64, learning_rate=1e-2, faults=faults)
    with pytest.raises(RunError, match=r"\(step 7, .* left out before: 3\)"):
        run_tiny(tmp_path / "run", training=training)


def test_a_jump_of_the_loss_stops_the_run_and_says_what_it_was(tmp_path: Path, spoiled) -> None:
    spoiled({18: 99.0})
    with pytest.raises(RunError, match=r"jumped to 99.000 nats; the last 17 steps had a median"):
        run_tiny(tmp_path / "run")
    assert len(steps_of(tmp_path / "run")) == 17


def test_speed_is_tokens_over_the_seconds_of_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 100_000, 2))
    monkeypatch.setattr("gapless.training.loop.time.perf_counter", lambda: float(next(clock)))
    _, _, watcher = run_tiny(tmp_path / "run")
    assert watcher.speeds == [32.0] * 20  # 64 tokens in the 2 s between two looks at the clock


def test_new_model_leaves_the_random_state_as_it_was() -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    one, other, third = tiny_model(), tiny_model(), tiny_model(seed=1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert weights_equal(one, other)
    assert not weights_equal(one, third)


def test_bf16_learns_like_fp32_over_fp32_weights(tmp_path: Path) -> None:
    _, _, exact = run_tiny(tmp_path / "fp32")
    _, model, rounded = run_tiny(tmp_path / "bf16", compute=Compute.choose("cpu", "bf16"))
    assert rounded.losses == pytest.approx(exact.losses, rel=0.02)
    assert rounded.losses != exact.losses, "bf16 must have been used"
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gpu_learns_the_same_and_resumes_exactly(tmp_path: Path, precision: str) -> None:
    compute = Compute.choose("cuda", precision)  # type: ignore[arg-type]
    _, _, on_cpu = run_tiny(tmp_path / "cpu")
    _, whole, on_gpu = run_tiny(tmp_path / "gpu", compute=compute)
    assert on_gpu.losses == pytest.approx(on_cpu.losses, rel=0.02)
    run_tiny(tmp_path / "cut", compute=compute, stop=stop_after(7))
    _, resumed, _ = run_tiny(tmp_path / "cut", compute=compute)
    assert weights_equal(whole, resumed)


def test_asking_for_a_gpu_that_is_not_there_is_a_plain_error() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(RecipeError, match="no CUDA device"):
        Compute.choose("cuda", "auto")
