"""What each method against forgetting makes of a model, before any training."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from gapless.errors import ModelError
from gapless.modeling import adapt, load_model, new_model, plain_state, save_model
from gapless.recipe.methods import BlockExpansion, Freeze, Full, Lora

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 5,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
IDS = torch.tensor([[5, 3, 8, 1, 9, 2, 7]])
LLAMA = "llama"
ARCHITECTURES = (LLAMA, "qwen3", "mistral", "gemma2", "gemma3_text", "olmo2", "phi3", "gpt_neox")


def tiny(architecture: str = LLAMA, **settings: Any) -> Any:
    if architecture == "gpt_neox":
        settings = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}} | settings
    if architecture.startswith("gemma"):
        settings = {"sliding_window": 4, "query_pre_attn_scalar": 8} | settings
    return new_model(architecture, TINY | settings, vocabulary_size=16, seed=0).eval()


def answers(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=IDS, use_cache=False).logits


def disturb(model: Any) -> None:
    """Move everything that learns, as training would."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn_like(parameter))


def learning(model: Any) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def exported(model: Any, method: Any, folder: Path) -> Any:
    folder.mkdir(exist_ok=True)
    save_model(model, folder, state=plain_state(model.state_dict(), method))
    return load_model(folder).eval()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_saved_model_is_loaded_in_the_format_of_its_weights(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    model = tiny()
    save_model(model, tmp_path, dtype=dtype)
    assert model.config.dtype == model.dtype == torch.float32
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, dtype="auto")
    assert loaded.dtype == loaded.config.dtype == dtype


def test_full_changes_nothing() -> None:
    model = tiny()
    assert learning(adapt(model, Full(), seed=0)) == {n for n, _ in model.named_parameters()}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("part", "frozen"), [("top", "34"), ("bottom", "01")])
def test_two_frozen_layers_are_the_last_or_the_first_two(
    architecture: str, part: Any, frozen: str
) -> None:
    model = adapt(tiny(architecture), Freeze(part=part, layers=2), seed=0)
    still = {n for n, _ in model.named_parameters()} - learning(model)
    assert {name.partition("layers.")[2][0] for name in still} == set(frozen)
    assert len(still) == sum(f"layers.{number}." in n for n in still for number in frozen)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_lies_beyond_the_frozen_layers_freezes_on_request(architecture: str) -> None:
    settings = {"tie_word_embeddings": False}
    top = tiny(architecture, **settings)
    adapt(top, Freeze(part="top", layers=1, embeddings=True), seed=0)
    beyond = {n for n, _ in top.named_parameters() if "layers." not in n} - learning(top)
    bottom = tiny(architecture, **settings)
    adapt(bottom, Freeze(part="bottom", layers=1, embeddings=True), seed=0)
    below = {n for n, _ in bottom.named_parameters() if "layers." not in n} - learning(bottom)
    assert len(below) == 1
    assert "embed" in below.copy().pop()
    assert {"norm" in n for n in beyond} == {True, False}, "the last norm and the head"
    assert not beyond & below


def outside_of_layers(model: Any) -> set[str]:
    return {n for n, _ in model.named_parameters() if ".h." not in n and ".layers." not in n}


GPT2 = {"n_embd": 16, "n_head": 2, "n_layer": 5, "n_positions": 64, "tie_word_embeddings": False}
OPT = {"ffn_dim": 32, "word_embed_proj_dim": 8, "tie_word_embeddings": False}


@pytest.mark.parametrize(
    ("architecture", "settings", "before", "after"),
    [
        ("gpt2", GPT2, "wte wpe", "ln_f lm_head"),
        # Its code names the final norm before the layers.
        (
            "opt",
            OPT,
            "embed_tokens embed_positions project_in",
            "final_layer_norm project_out lm_head",
        ),
    ],
)
def test_what_text_passes_before_the_layers_is_input_embeddings(
    architecture: str, settings: dict[str, Any], before: str, after: str
) -> None:
    for part, names in (("bottom", before), ("top", after)):
        model = tiny(architecture, **settings)
        adapt(model, Freeze(part=part, layers=1, embeddings=True), seed=0)
        frozen = outside_of_layers(model) - learning(model)
        assert {name.split(".")[-2] for name in frozen} == set(names.split())


def test_freezing_more_layers_than_there_are_is_refused() -> None:
    with pytest.raises(ModelError, match=r"training\.method\.layers: 6 layers .* the model has 5"):
        adapt(tiny(), Freeze(part="top", layers=6), seed=0)


def test_a_model_with_nothing_left_to_learn_is_refused() -> None:
    model = tiny(tie_word_embeddings=True)
    with pytest.raises(ModelError, match="nothing is left to learn"):
        adapt(model, Freeze(part="top", layers=5, embeddings=True), seed=0)


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_merged_adapters_answer_like_unmerged_ones(
    architecture: str, dora: bool, tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    method = Lora(rank=2, alpha=3, dora=dora)
    model = tiny(architecture)
    names, base = set(model.state_dict()), answers(model)
    adapt(model, method, seed=0)
    torch.testing.assert_close(answers(model), base)
    assert all("lora_" in name for name in learning(model))
    disturb(model)
    ours = answers(model)
    assert (ours - base).abs().max() > 1e-2, "the adapters must do something"
    loaded = exported(model, method, tmp_path / "out")
    assert set(loaded.state_dict()) == names
    torch.testing.assert_close(answers(loaded), ours, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
def test_the_arithmetic_of_merging_is_that_of_peft(dora: bool) -> None:
    pytest.importorskip("peft")
    method = Lora(rank=3, alpha=5, dora=dora)
    model = adapt(tiny(attention_bias=True), method, seed=0)
    disturb(model)
    merged = plain_state(model.state_dict(), method)
    layers = {n: m for n, m in model.named_modules() if hasattr(m, "get_delta_weight")}
    assert len(layers) == 5 * 7
    for name, layer in layers.items():
        layer.merge()
        torch.testing.assert_close(merged[f"{name}.weight"], layer.get_base_layer().weight)
    assert any(name.endswith("q_proj.bias") for name in merged)


def test_adapters_are_drawn_from_the_seed_alone() -> None:
    pytest.importorskip("peft")
    before = torch.random.get_rng_state()
    one, same, other = (adapt(tiny(), Lora(rank=2), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    states = [model.state_dict() for model in (one, same, other)]
    down = [name for name in states[0] if "lora_A" in name]
    assert all(torch.equal(states[0][name], states[1][name]) for name in down)
    assert not any(torch.equal(states[0][name], states[2][name]) for name in down)


def test_targets_are_the_named_modules_and_an_unknown_one_is_refused() -> None:
    pytest.importorskip("peft")
    model = adapt(tiny(), Lora(rank=2, targets=("q_proj", "v_proj")), seed=0)
    assert {name.split(".")[4] for name in learning(model)} == {"q_proj", "v_proj"}
    with pytest.raises(ModelError, match="no linear module 'query'") as caught:
        adapt(tiny(), Lora(targets=("query",)), seed=0)
    assert "q_proj" in str(caught.value.mend)


EXPERTS = {
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "n_routed_experts": 4,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "num_hidden_layers": 2,
}
MOE: dict[str, dict[str, Any]] = {
    "glm4_moe": EXPERTS,
    "deepseek_v3": EXPERTS
    | {
        "num_key_value_heads": 2,
        "kv_lora_rank": 8,
        "q_lora_rank": 8,
        "qk_rope_head_dim": 4,
        "qk_nope_head_dim": 4,
        "v_head_dim": 8,
        "head_dim": 4,
    },
    "llama4_text": {
        "intermediate_size_mlp": 32,
        "num_local_experts": 2,
        "num_hidden_layers": 2,
        "interleave_moe_layer_step": 1,
    },
}
"""Architectures whose targets `peft` changes, and one whose router is a linear module of its own
kind."""


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize("architecture", MOE)
def test_experts_and_routers_are_left_alone(architecture: str, dora: bool, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    method = Lora(rank=2, dora=dora)
    model = tiny(architecture, **MOE[architecture])
    names = set(model.state_dict())
    adapt(model, method, seed=0)
    assert all("lora_" in name for name in learning(model))
    assert not any(".experts." in name or "router" in name for name in learning(model))
    assert any("shared_expert" in name for name in learning(model))
    disturb(model)
    loaded = exported(model, method, tmp_path / "out")
    assert set(loaded.state_dict()) == names
    torch.testing.assert_close(answers(loaded), answers(model), atol=1e-4, rtol=1e-3)


def test_adapters_elsewhere_than_asked_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    peft = pytest.importorskip("peft")
    inject = peft.inject_adapter_in_model

    def elsewhere(settings: Any, layers: Any) -> Any:
        settings.target_modules = {"0.mlp.up_proj"}
        return inject(settings, layers)

    def nowhere(settings: Any, layers: Any) -> Any:
        raise ValueError("does not work with use_dora=True")

    asked = Lora(rank=2, targets=("q_proj",))
    for wrong, message in (
        (elsewhere, r"training\.method: .* model\.layers\.0\.mlp\.up_proj has one"),
        (nowhere, r"training\.method: .* 'llama' model: does not work with use_dora"),
    ):
        monkeypatch.setattr(peft, "inject_adapter_in_model", wrong)
        with pytest.raises(ModelError, match=message) as caught:
            adapt(tiny(), asked, seed=0)
        assert "Name other targets" in str(caught.value.mend)


def test_an_unknown_kind_of_adapter_is_not_exported() -> None:
    experts, one = "model.layers.0.mlp.experts", torch.ones(2, 2)
    for strange in (
        # What `peft` makes of experts: one wrapper around tensors, or one around another.
        {f"{experts}.base_layer.down_proj": one, f"{experts}.lora_A.default.weight": one},
        {f"{experts}.base_layer.base_layer.down_proj": one},
        {"model.embed_tokens.lora_embedding_A.default": one},
    ):
        with pytest.raises(ModelError, match=r"the adapter of '.*' cannot be merged"):
            plain_state(strange, Lora(rank=2))


def test_without_peft_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(ModelError, match=r"pip install 'gapless\[lora\]'"):
        adapt(tiny(), Lora(), seed=0)


@pytest.mark.parametrize("blocks", [1, 2, 5])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_expanded_model_answers_as_before_and_only_its_new_blocks_learn(
    architecture: str, blocks: int, tmp_path: Path
) -> None:
    model = tiny(architecture)
    base, state = answers(model), copy.deepcopy(model.state_dict())
    adapt(model, BlockExpansion(blocks=blocks), seed=0)
    assert torch.equal(answers(model), base)
    assert model.config.num_hidden_layers == 5 + blocks
    new = {int(name.partition("layers.")[2].partition(".")[0]) for name in learning(model)}
    assert len(new) == blocks
    disturb(model)
    kept = [t for n, t in model.state_dict().items() if n not in learning(model)]
    assert len(kept) == len(state)
    assert all(torch.equal(a, b) for a, b in zip(kept, state.values(), strict=True))
    ours = answers(model)
    assert not torch.equal(ours, base), "the new blocks must do something"
    loaded = exported(model, BlockExpansion(blocks=blocks), tmp_path / "out")
    assert torch.equal(answers(loaded), ours)


def test_new_blocks_stand_behind_groups_of_equal_size() -> None:
    model = adapt(tiny(num_hidden_layers=6), BlockExpansion(blocks=3), seed=0)
    new = {name.split(".")[2] for name in learning(model)}
    assert new == {"2", "5", "8"}
    layers = model.model.layers
    assert [layer.self_attn.layer_idx for layer in layers] == list(range(9))
    assert torch.equal(layers[2].self_attn.q_proj.weight, layers[1].self_attn.q_proj.weight)


def test_what_a_config_says_layer_by_layer_is_repeated_with_the_layer() -> None:
    model = tiny("gemma3_text", layer_types=["sliding_attention"] * 4 + ["full_attention"])
    adapt(model, BlockExpansion(blocks=1), seed=0)
    assert model.config.layer_types == ["sliding_attention"] * 4 + ["full_attention"] * 2


def test_other_settings_of_the_length_of_the_model_stay() -> None:
    model = tiny(num_hidden_layers=3, eos_token_id=[7, 8, 9])
    adapt(model, BlockExpansion(blocks=1), seed=0)
    assert model.config.eos_token_id == [7, 8, 9]


def test_new_blocks_have_the_model_s_config_and_see_their_own_document_alone() -> None:
    from gapless.training.attention import attention_within

    model = adapt(tiny(), BlockExpansion(blocks=2), seed=0)
    assert all(layer.self_attn.config is model.config for layer in model.model.layers)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        ids, positions = torch.arange(1, 13)[None], torch.tensor([[*range(5), *range(7)]])
        masked = model(input_ids=ids, position_ids=positions, use_cache=False).logits
        with attention_within(model, positions):
            within = model(input_ids=ids, position_ids=positions, use_cache=False).logits
        alone = model(input_ids=ids[:, 5:], use_cache=False).logits
    torch.testing.assert_close(within, masked)
    torch.testing.assert_close(within[:, 5:], alone)


def test_a_cache_goes_by_the_new_numbers() -> None:
    model = adapt(tiny(), BlockExpansion(blocks=2), seed=0)
    disturb(model)
    with torch.no_grad():
        first = model(input_ids=IDS[:, :4], use_cache=True)
        rest = model(input_ids=IDS[:, 4:], past_key_values=first.past_key_values).logits
    torch.testing.assert_close(rest, answers(model)[:, 4:])


def test_more_blocks_than_layers_are_refused() -> None:
    with pytest.raises(ModelError, match=r"method\.blocks: 6 blocks .* the model has 5"):
        adapt(tiny(), BlockExpansion(blocks=6), seed=0)


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [
        # Every second layer has experts: behind a new block the config would mean other layers.
        ("qwen3_moe", {"num_experts": 2, "num_experts_per_tok": 1, "decoder_sparse_step": 2}),
        ("gpt2", {"n_embd": 16, "n_head": 2, "n_layer": 5, "n_positions": 64}),
    ],
)
def test_an_architecture_that_cannot_be_expanded_is_refused(
    architecture: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(ModelError, match="cannot be copied without changing its answers"):
        adapt(tiny(architecture, **settings), BlockExpansion(blocks=1), seed=0)
