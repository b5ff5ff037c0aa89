"""Attention within documents gives what a mask gives, or is refused."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from gapless.errors import ModelError
from gapless.modeling import new_model
from gapless.recipe.training import Training
from gapless.training.attention import Documents, attention_within, choose_attention
from gapless.training.compute import Compute
from gapless.training.losses import MicroBatch, summed_nats
from tests.training.world import run_tiny

CPU = torch.device("cpu")
SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 600,
}


def model_of(architecture: str = "llama", **settings: Any) -> Any:
    model = new_model(architecture, SHAPE | settings, vocabulary_size=64, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4 if parameter.ndim > 1 else 1)
    return model


def chosen(model: Any, wanted: Any = "auto", context: int = 512, *, bf16: bool = False) -> str:
    return choose_attention(model, wanted, context=context, device=CPU, bf16=bf16)


def test_documents_end_where_positions_jump_and_where_rows_end() -> None:
    positions = torch.tensor([[0, 1, 2, 0, 1, 0], [0, 1, 2, 3, 4, 5], [0, 0, 1, 2, 3, 4]])
    documents = Documents.of(positions)
    assert documents.lengths == [3, 2, 1, 6, 1, 5]
    assert documents.ends.tolist() == [0, 3, 5, 6, 12, 13, 18]
    assert documents.ends.dtype == torch.int32


def test_a_document_that_goes_on_in_the_next_row_begins_anew() -> None:
    documents = Documents.of(torch.tensor([[0, 1, 2], [3, 4, 0]]))
    assert documents.lengths == [3, 2, 1]


def test_a_window_lets_a_token_see_itself_and_those_just_before() -> None:
    band = Documents([4], torch.tensor([0, 4])).band(4, 2)
    assert band.int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize(
    ("architecture", "settings"),
    [("llama", {}), ("mistral", {"sliding_window": 20}), ("gpt_neox", {})],
)
def test_auto_takes_documents_where_rows_are_long(
    architecture: str, settings: dict[str, Any], bf16: bool
) -> None:
    model = model_of(architecture, **settings)
    assert chosen(model, bf16=bf16) == "documents"
    assert chosen(model, context=256, bf16=bf16) == "masked"
    assert chosen(model, "documents", context=256, bf16=bf16) == "documents"
    assert chosen(model, "masked", bf16=bf16) == "masked"


@pytest.mark.parametrize(
    ("architecture", "settings", "why"),
    [
        ("gemma2", {"head_dim": 8}, "its attention has a softcap"),
        ("bloom", {"n_head": 4}, "its logits differ"),
    ],
)
def test_a_model_with_attention_of_its_own_is_refused(
    architecture: str, settings: dict[str, Any], why: str
) -> None:
    model = model_of(architecture, **settings)
    assert chosen(model) == "masked"
    with pytest.raises(ModelError, match=why):
        chosen(model, "documents")


def test_a_forgotten_window_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Documents, "band", lambda _self, length, _: torch.ones(length, length).tril().bool()
    )
    with pytest.raises(ModelError, match="its logits differ"):
        chosen(model_of("mistral", sliding_window=20), "documents")


def test_a_window_in_pieces_is_seen() -> None:
    settings = {"intermediate_size_mlp": 48, "num_local_experts": 2, "attention_chunk_size": 300}
    model = model_of("llama4_text", head_dim=8, pad_token_id=0, **settings)
    assert chosen(model, context=1024) == "masked"


def test_a_part_that_would_not_hear_of_the_documents_is_seen() -> None:
    model = model_of()
    layer = model.model.layers[1]
    layer.self_attn.config = copy.deepcopy(model.config)
    assert chosen(model) == "masked"
    with pytest.raises(ModelError, match="settings of its own"):
        chosen(model, "documents")


def test_the_model_attends_as_before_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    model, positions = model_of().eval(), torch.arange(6)[None]
    before = model.config._attn_implementation
    with pytest.raises(KeyError), attention_within(model, positions):
        assert model.config._attn_implementation != before
        raise KeyError
    assert model.config._attn_implementation == before
    assert model(input_ids=positions + 1).logits.shape == (1, 6, 64)


def test_layers_that_are_worked_out_again_see_the_same_documents() -> None:
    ids = torch.arange(40).reshape(2, 20) % 60 + 1
    positions = torch.cat([torch.arange(7), torch.arange(13)]).expand(2, 20)
    batch, found = MicroBatch(ids, positions, ids.roll(-1, 1)), []
    for checkpointing in (False, True):
        model = model_of()
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        with attention_within(model, positions):
            summed_nats(model, batch).backward()
        found.append([parameter.grad for parameter in model.parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_a_run_by_documents_learns_like_one_with_masks_and_resumes_exactly(tmp_path: Path) -> None:
    def run(name: str, attention: Any, **more: Any) -> tuple[Any, list[float]]:
        training = Training(batch_tokens=64, learning_rate=1e-2, attention=attention)
        _, model, watcher = run_tiny(tmp_path / name, training=training, **more)
        return model, watcher.losses

    _, masked = run("masked", "masked")
    whole, losses = run("documents", "documents")
    assert losses == pytest.approx(masked, abs=2e-4)
    left = iter(range(6, -1, -1))
    run("cut", "documents", stop=lambda: next(left) == 0)
    resumed, _ = run("cut", "documents")
    pairs = zip(whole.parameters(), resumed.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.gpu
@pytest.mark.parametrize("settings", [{}, {"sliding_window": 20}])
def test_a_gpu_attends_by_documents(settings: dict[str, Any]) -> None:
    compute = Compute.choose("cuda", "bf16")
    shape = {"hidden_size": 256, "head_dim": 64} | settings
    model = model_of("mistral" if settings else "llama", **shape).to("cuda")
    assert (
        choose_attention(model, "documents", context=512, device=compute.device, bf16=True)
        == "documents"
    )
