"""Weights in bf16 and moments in 8 bits: nothing is lost on average, nothing on the disk."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from gapless.modeling import new_model
from gapless.recipe.training import Training
from gapless.training.compute import Compute
from gapless.training.eight_bit import BLOCK, decode, encode
from gapless.training.low_bit import LowBitAdamW, rounded_stochastically
from gapless.training.optimizer import make_optimizer
from tests.training.two_processes import stop_after
from tests.training.world import TINY, VOCABULARY, run_tiny

WIDE = TINY | {"hidden_size": 64, "intermediate_size": 100}
"""Matrices large enough for 8 bits, some with a block that is not full."""
LOW = [("bf16", "adamw"), ("fp32", "adamw_8bit"), ("bf16", "adamw_8bit")]


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def wide_model() -> Any:
    return new_model("llama", WIDE, vocabulary_size=VOCABULARY, seed=0)


def run(folder: Path, weights: str, optimizer: str, **asked: Any) -> tuple[bool, Any, Any]:
    training = Training(batch_tokens=64, learning_rate=1e-2, weights=weights, optimizer=optimizer)
    compute = Compute.choose("cpu", "auto" if weights == "bf16" else "fp32", training.weights)
    return run_tiny(folder, training=training, model=wide_model(), compute=compute, **asked)


@pytest.mark.parametrize("value", [1.0 + 2**-9, -3.1415927, 1e-30, 6.1e4])
def test_a_number_is_rounded_to_its_neighbours_and_to_itself_on_average(value: float) -> None:
    exact = torch.full((200_000,), value)
    rounded = rounded_stochastically(exact, draws())
    assert rounded.dtype == torch.bfloat16
    below = (exact[:1].view(torch.int32) & -(1 << 16)).view(torch.float32)
    above = ((exact[:1].view(torch.int32) & -(1 << 16)) + (1 << 16)).view(torch.float32)
    assert set(rounded.float().unique().tolist()) == {float(below), float(above)}
    gap = abs(float(above - below))
    deviation = gap / 2 / 200_000**0.5
    assert abs(float(rounded.double().mean()) - float(exact[0].double())) < 5 * deviation


def test_what_bf16_can_hold_stays_and_what_is_not_finite_too() -> None:
    special = [0.0, -0.0, 1.0, -2.5, float("inf"), -float("inf"), 2.0**-130]
    values = torch.tensor(special)
    rounded = rounded_stochastically(values, draws()).float()
    assert torch.equal(rounded.view(torch.int32), values.view(torch.int32))
    nans = torch.tensor([0x7FFFFFFF, -1, 0x7F800001], dtype=torch.int32).view(torch.float32)
    assert nans.isnan().all()
    assert rounded_stochastically(nans, draws()).isnan().all()


def test_small_steps_are_lost_by_rounding_to_the_nearest_and_kept_by_chance() -> None:
    nearest = chance = torch.ones(10_000, dtype=torch.bfloat16)
    generator = draws()
    for _ in range(200):  # 200 x 2^-12 is 0.0488; the next bf16 above 1 is 1 + 2^-7
        nearest = (nearest.float() + 2**-12).bfloat16()
        chance = rounded_stochastically(chance.float() + 2**-12, generator)
    assert (nearest == 1).all()
    assert float(chance.float().mean()) == pytest.approx(1 + 200 * 2**-12, abs=1e-3)


def test_codes_stand_for_the_numbers_to_a_hundredth_of_the_largest_in_their_block() -> None:
    values = torch.randn(5, 3, 200, generator=draws())
    for signed in (True, False):
        given = values if signed else values.abs()
        codes, scales = encode(given, signed=signed)
        assert (codes.dtype, codes.shape) == (torch.uint8, given.shape)
        assert scales.shape == (5, 3)  # 600 numbers behind each index: 2 blocks and a part
        largest = [float(given[0].flatten()[i : i + BLOCK].abs().max()) for i in (0, 256, 512)]
        assert scales[0].tolist() == largest
        error = (decode(codes, scales, signed=signed) - given).abs().flatten(1)
        assert float(error.max() / scales.max()) < (0.01 if signed else 0.005)
    codes, scales = encode(torch.zeros(2, 3), signed=True)
    assert (decode(codes, scales, signed=True) == 0).all()


def test_rows_are_coded_alike_however_they_are_divided() -> None:
    values = torch.randn(7, 300, generator=draws())
    codes, scales = encode(values, signed=True)
    for part in (slice(0, 4), slice(4, 7), slice(7, 7)):
        own = encode(values[part], signed=True)
        assert torch.equal(own[0], codes[part])
        assert torch.equal(own[1], scales[part])


def test_codes_are_those_of_torchao() -> None:
    quantising = pytest.importorskip("torchao.optim.quant_utils")
    values = torch.randn(16, 512, generator=draws()) * torch.logspace(-6, 0, 512)
    for signed in (True, False):
        given = values if signed else values.abs()
        numbers = torch.tensor(quantising.create_dynamic_map(signed=signed))
        scaled, scales = quantising.scale_tensor(given, BLOCK)
        codes = quantising.quantize_8bit_with_qmap(scaled, numbers)
        own = encode(given, signed=signed)
        assert torch.equal(own[0], codes)
        assert torch.equal(own[1].flatten(), scales)
        there = quantising.dequant_with_qmap(codes, numbers, scales)
        assert torch.equal(decode(*own, signed=signed), there)


def step_both(eight_bit: bool, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Ten steps of ours and of torch's AdamW on the same gradients; how far ours is off."""
    monkeypatch.setattr("gapless.training.low_bit._AT_ONCE", 1000)  # more than one part
    ours, theirs = wide_model(), wide_model()
    training = Training(learning_rate=1e-2, weight_decay=0.1)
    theirs_optimizer = make_optimizer(theirs, training)
    groups = theirs_optimizer.param_groups
    by_id = {id(a): b for a, b in zip(theirs.parameters(), ours.parameters(), strict=True)}
    optimizer = LowBitAdamW(
        [
            {
                "params": [by_id[id(p)] for p in group["params"]],
                "names": group["names"],
                "weight_decay": group["weight_decay"],
            }
            for group in groups
        ],
        eight_bit=eight_bit,
        seed=0,
        lr=1e-2,
        betas=training.betas,
        eps=training.epsilon,
    )
    generator = draws()
    before = [p.detach().clone() for p in ours.parameters()]
    for _ in range(10):
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            one.grad = torch.randn(one.shape, generator=generator)
            other.grad = one.grad.clone()
        optimizer.step()
        theirs_optimizer.step()
    moved = sum(
        float((p.detach() - b).norm() ** 2) for p, b in zip(ours.parameters(), before, strict=True)
    )
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    return [(one - other).detach() / moved**0.5 for one, other in pairs]


def test_in_fp32_it_is_the_adamw_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    off = step_both(eight_bit=False, monkeypatch=monkeypatch)
    assert max(float(one.abs().max()) for one in off) < 1e-6


def test_in_8_bits_it_goes_nearly_where_the_adamw_of_torch_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    off = step_both(eight_bit=True, monkeypatch=monkeypatch)
    assert 1e-6 < sum(float(one.norm() ** 2) for one in off) ** 0.5 < 0.05


@pytest.mark.parametrize(("weights", "optimizer"), LOW)
def test_it_learns_what_fp32_learns(tmp_path: Path, weights: str, optimizer: str) -> None:
    _, _, plain = run(tmp_path / "plain", "fp32", "adamw")
    _, model, low = run(tmp_path / "low", weights, optimizer)
    kept = torch.bfloat16 if weights == "bf16" else torch.float32
    assert {p.dtype for p in model.parameters()} == {kept}
    assert {b.dtype for b in model.buffers()} == {torch.float32}, "angles keep their bits"
    assert plain.losses[-1] < plain.losses[0] - 2
    assert low.losses[-1] == pytest.approx(plain.losses[-1], abs=0.15)
    assert low.losses != plain.losses


@pytest.mark.parametrize(("weights", "optimizer"), LOW)
def test_a_low_bit_run_stopped_and_resumed_equals_one_never_stopped(
    tmp_path: Path, weights: str, optimizer: str
) -> None:
    _, whole, watcher = run(tmp_path / "whole", weights, optimizer)
    ended, _, _ = run(tmp_path / "cut", weights, optimizer, stop=stop_after(7))
    assert not ended
    ended, resumed, rest = run(tmp_path / "cut", weights, optimizer)
    assert ended
    assert rest.losses == watcher.losses[7:]
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_checkpoint_holds_bf16_weights_and_codes_and_loads_in_transformers(
    tmp_path: Path,
) -> None:
    from transformers import AutoModelForCausalLM

    _, model, _ = run(tmp_path / "run", "bf16", "adamw_8bit")
    folder = tmp_path / "run/checkpoints/step-00000020"
    moments = load_file(folder / "optimizer.safetensors")
    table = "model.embed_tokens.weight"
    assert moments[f"{table}/exp_avg_codes"].dtype == torch.uint8
    assert moments[f"{table}/exp_avg_codes"].shape == (VOCABULARY, 64)
    assert moments[f"{table}/exp_avg_sq_scales"].shape == (VOCABULARY, 1)
    assert moments["model.norm.weight/exp_avg"].dtype == torch.float32
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    assert loaded.dtype == torch.bfloat16
    for one, other in zip(model.parameters(), loaded.parameters(), strict=True):
        assert torch.equal(one, other)
