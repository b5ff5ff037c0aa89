"""Every way of working out a loss gives the same loss and gradients, or is refused."""

from typing import Any

import pytest
import torch

from gapless.errors import ModelError, RecipeError
from gapless.modeling import new_model
from gapless.packing import IGNORED
from gapless.training.loss_choice import choose_way
from gapless.training.losses import Head, MicroBatch, Way, summed_nats

CPU = torch.device("cpu")
SHAPE = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}


def model_of(architecture: str = "llama", **settings: Any) -> Any:
    return new_model(architecture, SHAPE | settings, vocabulary_size=50, seed=0)


def batch(learned: float = 0.7) -> MicroBatch:
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(1, 50, (3, 20), generator=draw)
    skipped = torch.rand(3, 20, generator=draw) > learned
    targets = ids.roll(-1, dims=1).masked_fill(skipped, IGNORED)
    return MicroBatch(ids, torch.arange(20).expand(3, 20), targets)


def gradients(model: Any, nats: torch.Tensor) -> list[torch.Tensor | None]:
    model.zero_grad(set_to_none=True)
    nats.backward()
    return [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("positions", [1, 7, 42, 1000])
def test_the_size_of_a_chunk_does_not_change_the_loss(positions: int, tied: bool) -> None:
    model, rows = model_of(tie_word_embeddings=tied), batch()
    assert (rows.targets != IGNORED).sum() == 42
    whole = summed_nats(model, rows)
    parts = summed_nats(model, rows, "chunked", positions=positions)
    torch.testing.assert_close(parts, whole)
    for one, other in zip(gradients(model, whole / 7), gradients(model, parts / 7), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


@pytest.mark.skipif(not hasattr(torch.nn.functional, "linear_cross_entropy"), reason="old torch")
@pytest.mark.parametrize("bf16", [False, True])
def test_torch_gives_the_same(bf16: bool) -> None:
    model, rows = model_of(), batch()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        whole, fused = summed_nats(model, rows), summed_nats(model, rows, "torch")
    assert fused.dtype == torch.float32
    torch.testing.assert_close(fused, whole, rtol=1e-3 if bf16 else 1e-6, atol=0)
    ours, theirs = gradients(model, fused), gradients(model, whole)
    largest = max(gradient.abs().max() for gradient in theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert (one - other).abs().max() / largest < (2e-2 if bf16 else 1e-5)


def test_positions_that_predict_nothing_never_reach_the_head(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    logits = Head.logits

    def count(self: Head, states: torch.Tensor) -> torch.Tensor:
        seen.append(len(states))
        return logits(self, states)

    monkeypatch.setattr(Head, "logits", count)
    rows = batch(learned=0.2)
    assert (rows.targets != IGNORED).sum() == 13
    summed_nats(model_of(), rows, "chunked", positions=8)
    assert seen == [8, 5]


def test_a_batch_that_predicts_nothing_costs_and_teaches_nothing() -> None:
    model = model_of()
    nats = summed_nats(model, batch(learned=-1.0), "chunked")
    assert float(nats.detach()) == 0
    assert all(g is None or not g.any() for g in gradients(model, nats))


@pytest.mark.parametrize("part", ["model.layers", "lm_head", "model.embed_tokens"])
def test_frozen_parts_get_no_gradient_and_the_others_the_right_one(part: str) -> None:
    model, rows = model_of(), batch()
    model.get_submodule(part).requires_grad_(requires_grad=False)
    whole = gradients(model, summed_nats(model, rows))
    parts = gradients(model, summed_nats(model, rows, "chunked", positions=8))
    assert any(gradient is None for gradient in whole)
    for one, other in zip(whole, parts, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_checkpointed_layers_give_the_same_gradient() -> None:
    model, rows = model_of(), batch()
    plain = gradients(model, summed_nats(model, rows, "chunked"))
    model.activation_checkpointing_enable({"use_reentrant": False})
    again = gradients(model, summed_nats(model, rows, "chunked"))
    for one, other in zip(plain, again, strict=True):
        torch.testing.assert_close(one, other)


def test_the_model_is_left_as_it_was_even_after_an_error() -> None:
    model, rows = model_of(), batch()
    before = model.forward, model.model
    for wrong in (
        MicroBatch(rows.ids + 50, rows.positions, rows.targets),  # fails in the decoder
        MicroBatch(rows.ids, rows.positions, rows.targets + 200),  # and behind it
    ):
        with pytest.raises((RuntimeError, IndexError)):
            summed_nats(model, wrong, "chunked")
    assert (model.forward, model.model) == before
    assert "forward" not in vars(model)


@pytest.mark.parametrize("wanted", ["auto", "chunked"])
@pytest.mark.parametrize("bf16", [False, True])
def test_auto_is_chunked_on_a_cpu_and_leaves_no_gradient(wanted: Any, bf16: bool) -> None:
    model = model_of()
    assert choose_way(model, wanted, device=CPU, bf16=bf16) == "chunked"
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [
        ("gemma3_text", {"head_dim": 8, "final_logit_softcapping": 30.0}),
        ("cohere", {"logit_scale": 0.0625}),
        ("granite", {"logits_scaling": 1.5}),
    ],
)
@pytest.mark.parametrize("bf16", [False, True])
def test_a_fused_way_is_refused_where_the_head_does_more_than_multiply(
    architecture: str, settings: dict[str, Any], bf16: bool
) -> None:
    """With the small logits of random weights a cap changes next to nothing."""
    model = model_of(architecture, **settings)
    with pytest.raises(ModelError, match="its head is not one matrix product"):
        choose_way(model, "torch", device=CPU, bf16=bf16)
    assert choose_way(model, "auto", device=CPU, bf16=bf16) == "chunked"


def test_a_model_that_works_otherwise_is_refused_and_auto_takes_all_logits() -> None:
    model = model_of()
    decoder, head = model.model, model.lm_head

    def forward(input_ids: torch.Tensor, **inputs: Any) -> Any:
        """Use the embeddings behind the decoder: their gradient would be lost."""
        answer = type(model).forward(model, input_ids=input_ids, **inputs)
        answer.logits = answer.logits + decoder.embed_tokens.weight.sum() * answer.logits.detach()
        return answer

    model.forward = forward
    with pytest.raises(ModelError, match="it differs by"):
        choose_way(model, "chunked", device=CPU, bf16=False)
    assert choose_way(model, "auto", device=CPU, bf16=False) == "whole"
    assert model.forward is forward
    del model.forward
    model.get_decoder = lambda: model
    with pytest.raises(ModelError, match="no decoder of its own"):
        choose_way(model, "chunked", device=CPU, bf16=False)
    assert head is model.lm_head


def test_a_model_that_answers_nothing_is_no_crash() -> None:
    model = model_of()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert choose_way(model, "chunked", device=CPU, bf16=False) == "chunked"


def test_a_way_that_is_not_here_is_a_plain_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match="liger needs a CUDA device"):
        choose_way(model_of(), "liger", device=CPU, bf16=False)
    monkeypatch.delattr("torch.nn.functional.linear_cross_entropy", raising=False)
    with pytest.raises(RecipeError, match="has no linear_cross_entropy"):
        choose_way(model_of(), "torch", device=CPU, bf16=False)


@pytest.mark.gpu
@pytest.mark.parametrize("way", ["chunked", "torch", "liger"])
@pytest.mark.parametrize("bf16", [False, True])
def test_a_gpu_gives_the_same(way: Way, bf16: bool) -> None:
    if way == "liger":
        pytest.importorskip("liger_kernel")
    model = model_of(hidden_size=64, intermediate_size=128).to("cuda")
    assert choose_way(model, way, device=torch.device("cuda"), bf16=bf16) == way
