"""Packed rows give each architecture the loss and gradients of `transformers`, text by text."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gapless.modeling import load_model, new_model, save_model
from gapless.packing import IGNORED, PackedRows
from gapless.training.borders import check_borders
from gapless.training.compute import Compute, Ways, accumulate_gradients

SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 1,
}
GEMMA = {"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 6}
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "smollm": ("llama", {"num_attention_heads": 8, "tie_word_embeddings": True}),
    "qwen2": ("qwen2", {}),
    "qwen2_window": (
        "qwen2",
        {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1},
    ),
    "qwen3": ("qwen3", {"head_dim": 16}),
    "mistral": ("mistral", {"sliding_window": None}),
    "mistral_window": ("mistral", {"sliding_window": 6}),
    "gemma": ("gemma", {"head_dim": 8}),
    "gemma2": (
        "gemma2",
        GEMMA | {"final_logit_softcapping": 2.0, "attn_logit_softcapping": 2.0},
    ),
    "gemma3": ("gemma3_text", GEMMA | {"final_logit_softcapping": 2.0}),
    "olmo": ("olmo", {"clip_qkv": 0.5}),
    "olmo2": ("olmo2", {}),
    "olmo3": ("olmo3", {"sliding_window": 6}),
    "phi": ("phi", {}),
    "phi3": ("phi3", {}),
    "pythia": ("gpt_neox", {}),
    "gpt2": ("gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 4}),
    "cohere": ("cohere", {"logit_scale": 0.3}),
    "granite": ("granite", {"logits_scaling": 3.0}),
}
MASKED_ONLY = {"gemma2"}
"""Their attention caps its logits, which no kernel of torch does."""
COMPUTE = Compute.choose("cpu", "fp32")
LENGTHS = ((9, 2, 11), (20,), (1, 13, 4))
"""Documents of three rows of 24 tokens, longer ones than a window of 6; the rest is padding."""


def random_model(name: str, **others: Any) -> Any:
    """Return a model whose attention has something to say: random weights are small."""
    architecture, settings = ARCHITECTURES[name]
    model = new_model(architecture, SHAPE | settings | others, vocabulary_size=64, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4 if parameter.ndim > 1 else 1)
    return model.eval()


def documents() -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """Return ids and targets by rows and documents; a third of the targets does not count."""
    draw, rows = np.random.default_rng(0), []
    for lengths in LENGTHS:
        row = []
        for length in lengths:
            ids = draw.integers(2, 64, length)
            targets = np.append(ids[1:], IGNORED)
            targets[draw.random(length) < 1 / 3] = IGNORED
            row.append((ids, targets))
        rows.append(row)
    return rows


def packed() -> PackedRows:
    ids, positions, targets = np.zeros((3, 3, 24), np.int64)
    targets[:] = IGNORED
    for number, row in enumerate(documents()):
        at = 0
        for own_ids, own_targets in row:
            here = slice(at, at + len(own_ids))
            ids[number, here], targets[number, here] = own_ids, own_targets
            positions[number, here] = np.arange(len(own_ids))
            at = here.stop
        positions[number, at:] = np.arange(24 - at)
    return PackedRows(ids, positions, targets)


def one_by_one(model: Any) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return the mean loss and its gradients as plain `transformers` gives them."""
    nats, count = torch.zeros(()), 0
    for ids, targets in (document for row in documents() for document in row):
        logits = model(input_ids=torch.from_numpy(ids)[None]).logits[0].float()
        nats = nats + torch.nn.functional.cross_entropy(
            logits, torch.from_numpy(targets), ignore_index=IGNORED, reduction="sum"
        )
        count += int((targets != IGNORED).sum())
    (nats / count).backward()
    return (nats / count).detach(), gradients_of(model)


def in_rows(model: Any, rows: PackedRows, ways: Ways) -> tuple[torch.Tensor, list[torch.Tensor]]:
    loss = accumulate_gradients(
        model,
        rows,
        num_targets=rows.num_targets,
        micro_batch_rows=2,
        compute=Compute(COMPUTE.device, bf16=False, ways=ways),
    )
    return loss, gradients_of(model)


def gradients_of(model: Any) -> list[torch.Tensor]:
    gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad(set_to_none=True)
    return gradients


def distance(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> float:
    """Return the largest difference of a gradient, as a share of the largest gradient."""
    largest = max(float(gradient.abs().max()) for gradient in theirs)
    pairs = zip(ours, theirs, strict=True)
    return max(float((one - other).abs().max()) for one, other in pairs) / largest


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_loss_and_gradients_of_packed_rows_equal_those_of_documents_alone(name: str) -> None:
    model, rows = random_model(name), packed()
    check_borders(model)
    loss, gradients = one_by_one(model)
    for way in ("whole", "chunked"):
        for attention in ("masked", "documents"):
            if attention == "documents" and name in MASKED_ONLY:
                continue
            ours, our_gradients = in_rows(model, rows, Ways(way, attention))
            torch.testing.assert_close(ours, loss, rtol=2e-6, atol=0)
            assert distance(our_gradients, gradients) < 1e-5, (way, attention)
            leaking = PackedRows(rows.ids, np.tile(np.arange(24), (3, 1)), rows.targets)
            leaked, leaked_gradients = in_rows(model, leaking, Ways(way, attention))
            assert abs(leaked - loss) / loss > 5e-5, "the borders must matter here"
            assert distance(leaked_gradients, gradients) > 1e-2, "the borders must matter here"


@pytest.mark.parametrize("name", ["mistral_window", "qwen2_window", "gemma3"])
def test_a_window_is_kept_within_long_documents(name: str) -> None:
    windowed, wide = random_model(name), random_model(name, sliding_window=64)
    wide.load_state_dict(windowed.state_dict())
    _, gradients = one_by_one(windowed)
    _, others = in_rows(wide, packed(), Ways("whole", "documents"))
    assert distance(others, gradients) > 1e-3, "the window must matter in the test above"
    _, others = in_rows(windowed, packed(), Ways("whole", "documents"))
    assert distance(others, gradients) < 1e-5


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_safetensors_in_and_out_again_load_in_transformers(name: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = random_model(name)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    save_model(model, tmp_path / "one")
    ours = load_model(tmp_path / "one")
    save_model(ours, tmp_path / "two")
    assert list((tmp_path / "two").glob("*.safetensors"))
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "two").eval()
    assert type(loaded) is type(model)
    assert loaded.state_dict().keys() == model.state_dict().keys()
    for one, other in zip(model.state_dict().values(), loaded.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    ids = torch.arange(2, 26)[None]
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, loaded(input_ids=ids).logits)
