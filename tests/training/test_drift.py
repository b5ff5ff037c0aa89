"""How far the layers have moved from the base, on weights small enough to work it out by hand."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from gapless.modeling import adapt, new_model, plain_state, save_model
from gapless.recipe.methods import BlockExpansion, Freeze, Lora
from gapless.recipe.training import Faults, Training
from gapless.records.watched import PER_MILLION, UPDATE
from gapless.training.base_weights import HeldWeights, StoredWeights, name_in_base
from gapless.training.drift import (
    Drift,
    layer_module,
    layer_of,
    part_of,
    relative_updates,
)
from gapless.training.hooks import Moment
from tests.training.test_loop import stop_after, weights_equal
from tests.training.world import run_tiny, tiny_model


class Layer(nn.Module):
    def __init__(self, weights: list[list[float]]) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.tensor(weights))
        self.norm = nn.Parameter(torch.ones(2))


class Model(nn.Module):
    """Two layers between an embedding and a head that is tied to it."""

    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding.from_pretrained(torch.tensor([[1.0, 2.0]]), freeze=False)
        self.layers = nn.ModuleList([Layer([[3.0, 4.0]]), Layer([[0.0, 5.0], [12.0, 0.0]])])
        self.norm = nn.Parameter(torch.tensor([2.0, 0.0]))
        self.lm_head = self.embed_tokens


def test_a_part_s_update_is_the_norm_of_its_change_over_its_own() -> None:
    model = Model()
    base = HeldWeights(model)
    with torch.no_grad():
        model.layers[0].matrix += torch.tensor([[0.0, 2.5]])  # 2.5 of 5
        model.layers[0].norm += 100.0  # no matrix
        model.layers[1].matrix += torch.tensor([[-5.2, 0.0], [0.0, 0.0]])  # 5.2 of 13
        model.norm += torch.tensor([0.0, 3.0])  # 3 of 2
    assert relative_updates(model, base) == pytest.approx(
        {"embeddings": 0.0, "0": 0.5, "1": 0.4, "final_norm": 1.5}
    )


def test_the_matrices_of_a_layer_count_together() -> None:
    model = Model()
    model.layers[0].other = nn.Parameter(torch.tensor([[0.0, 12.0]]))
    base = HeldWeights(model)
    with torch.no_grad():
        model.layers[0].matrix *= 2.0  # moved by 5
        model.layers[0].other *= 2.0  # moved by 12
    assert relative_updates(model, base)["0"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "dimensions", "part"),
    [
        ("model.layers.11.mlp.down_proj.weight", 2, "11"),
        ("transformer.h.3.attn.c_attn.weight", 2, "3"),
        ("gpt_neox.layers.0.attention.dense.bias", 1, None),
        ("model.layers.0.input_layernorm.weight", 1, None),
        ("model.embed_tokens.weight", 2, "embeddings"),
        ("transformer.wpe.weight", 2, "embeddings"),
        ("lm_head.weight", 2, "head"),
        ("embed_out.weight", 2, "head"),
        ("lm_head.bias", 1, None),
        ("model.norm.weight", 1, "final_norm"),
        ("transformer.ln_f.bias", 1, "final_norm"),
        ("model.layers.0.mlp.up_proj.lora_A.default.weight", 2, None),
    ],
)
def test_parts_are_told_by_name(name: str, dimensions: int, part: str | None) -> None:
    assert part_of(name, dimensions) == part


@pytest.mark.parametrize(
    ("name", "module", "number"),
    [
        ("model.layers.11.mlp.experts.3.weight", "model.layers.11", "11"),
        ("transformer.h.3.attn.c_attn.weight", "transformer.h.3", "3"),
        ("layers.0.matrix", "layers.0", "0"),
        ("model.altup_projections.0.weight", None, None),
        ("model.path.0.weight", None, None),
    ],
)
def test_a_layer_goes_by_the_list_of_layers(
    name: str, module: str | None, number: str | None
) -> None:
    assert (layer_module(name), layer_of(name)) == (module, number)


def shaken(model, size: float = 0.05):
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=draw), alpha=size)
    return model


def test_the_base_s_files_say_the_same_as_a_copy(tmp_path: Path) -> None:
    model = tiny_model()
    save_model(model, tmp_path)
    copy = HeldWeights(model)
    shaken(model)
    stored = relative_updates(model, StoredWeights([tmp_path / "model.safetensors"]))
    assert stored == relative_updates(model, copy)
    assert set(stored) == {"0", "1", "embeddings", "final_norm", "head"}
    assert all(update > 0 for update in stored.values())


LAYOUT = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
ON_DISK_OTHERWISE = {
    "gpt_neox": {},
    "mixtral": {"num_local_experts": 2, "num_key_value_heads": 1},
    "qwen3_moe": {
        "num_experts": 2,
        "num_experts_per_tok": 1,
        "moe_intermediate_size": 8,
        "num_key_value_heads": 1,
        "head_dim": 8,
    },
}
"""Architectures with weights that have other names or shapes in files than in memory."""


@pytest.mark.parametrize("architecture", ON_DISK_OTHERWISE)
def test_what_files_call_otherwise_is_compared_too(tmp_path: Path, architecture: str) -> None:
    settings = LAYOUT | ON_DISK_OTHERWISE[architecture]
    model = new_model(architecture, settings, vocabulary_size=32, seed=0)
    save_model(model, tmp_path)
    stored = StoredWeights([tmp_path / "model.safetensors"])
    missing = [name for name, _ in model.named_parameters() if stored.read(name) is None]
    assert missing
    copy, some = HeldWeights(model), HeldWeights(model, stored)
    assert set(some._held) == set(missing), "nothing is held twice"
    drift = Drift(stored)
    drift.begin(model)
    expected = relative_updates(shaken(model), copy)
    assert set(expected) >= {"0", "1", "embeddings", "head"}
    assert drift.at_probe(Moment(model, 1, 64, 0.1))[UPDATE] == expected


def test_a_base_that_lacks_what_learns_is_no_base(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"other": torch.ones(1)}, tmp_path / "model.safetensors")
    with pytest.raises(AssertionError, match="is left out of the base"):
        relative_updates(tiny_model(), StoredWeights([tmp_path / "model.safetensors"]))


def test_files_that_leave_out_the_first_part_of_names_are_read(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"h.0.c_fc.weight": torch.ones(2, 2)}, tmp_path / "model.safetensors")
    base = StoredWeights([tmp_path / "model.safetensors"])
    found = base.read("transformer.h.0.c_fc.weight")
    assert found is not None
    assert found.sum() == 4
    assert base.read("transformer.h.1.c_fc.weight") is None


def test_a_base_in_bf16_is_compared_as_the_numbers_it_holds(tmp_path: Path) -> None:
    model = tiny_model()
    save_model(model, tmp_path, dtype=torch.bfloat16)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.bfloat16().float())
    base = StoredWeights([tmp_path / "model.safetensors"])
    assert set(relative_updates(model, base).values()) == {0.0}


@pytest.mark.parametrize("dora", [False, True])
def test_adapters_count_as_if_they_were_merged(tmp_path: Path, dora: bool) -> None:
    method = Lora(rank=2, dora=dora)
    plain = tiny_model()
    base = HeldWeights(plain)
    adapted = shaken(adapt(tiny_model(), method, seed=0))
    plain.load_state_dict(plain_state(adapted.state_dict(), method))
    expected = relative_updates(plain, base)
    assert expected["0"] > 0.01
    assert relative_updates(adapted, HeldWeights(adapted)) == pytest.approx(expected, rel=1e-5)


def test_what_does_not_learn_has_not_moved_and_is_not_copied() -> None:
    model = adapt(tiny_model(), Freeze(part="bottom", layers=1), seed=0)
    base = HeldWeights(model)
    assert base.read("model.layers.0.mlp.up_proj.weight") is None
    updates = relative_updates(shaken(model), base)
    assert updates["0"] == 0.0
    assert updates["1"] > 0


def test_added_blocks_are_compared_with_how_they_began() -> None:
    model = adapt(tiny_model(), BlockExpansion(blocks=1), seed=0)
    drift = Drift()
    drift.begin(model)
    seen = drift.at_probe(Moment(shaken(model), 1, 64, 0.1))[UPDATE]
    assert {part: update > 0 for part, update in seen.items() if part.isdigit()} == {
        "0": False, "1": False, "2": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.1._orig_mod.mlp.up_proj.weight",
        "_orig_mod.model.layers.1.mlp.up_proj.weight",
        "model.layers.1._checkpoint_wrapped_module.mlp.up_proj.weight",
        "base_model.model.model.layers.1.mlp.up_proj.base_layer.weight",
    ],
)
def test_what_wrappers_add_to_names_is_taken_off(name: str) -> None:
    assert name_in_base(name) == "model.layers.1.mlp.up_proj.weight"


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "observations.jsonl").open()]


def test_the_pace_is_the_growth_since_the_last_time_per_million_tokens(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run", hooks=[Drift()])
    rows = rows_of(tmp_path / "run")
    assert [row["tokens_seen"] for row in rows] == [64, 128, 256, 320, 640, 960, 1280]
    before, since = dict.fromkeys(rows[0][UPDATE], 0.0), 0
    for row in rows:
        for part, update in row[UPDATE].items():
            pace = (update - before[part]) / (row["tokens_seen"] - since) * 1e6
            assert row[PER_MILLION][part] == pytest.approx(pace)
        before, since = row[UPDATE], row["tokens_seen"]
    assert all(update > 0 for update in before.values())


@pytest.mark.parametrize("stopped_after", [1, 3, 5, 8])
def test_a_resumed_run_observes_the_same(tmp_path: Path, stopped_after: int) -> None:
    run_tiny(tmp_path / "whole", hooks=[Drift()])
    run_tiny(tmp_path / "cut", hooks=[Drift()], stop=stop_after(stopped_after))
    run_tiny(tmp_path / "cut", hooks=[Drift()])
    for name in ("observations.jsonl", "steps.jsonl", "measurements.jsonl"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()


def test_rolling_back_observes_as_if_the_batch_had_been_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gapless.training.loop import _Loop

    gradient, step = _Loop._gradient, _Loop._step

    def remember(self, state):
        self.trying = state.step + 1
        return step(self, state)

    def spoiled(self, packed):
        loss, norm = gradient(self, packed)
        return (float("nan") if self.trying == 8 else loss), norm

    monkeypatch.setattr(_Loop, "_step", remember)
    monkeypatch.setattr(_Loop, "_gradient", spoiled)
    for way in ("roll_back", "skip"):
        training = Training(batch_tokens=64, learning_rate=1e-2, faults=Faults(non_finite=way))
        run_tiny(tmp_path / way, training=training, hooks=[Drift()])
    assert rows_of(tmp_path / "roll_back") == rows_of(tmp_path / "skip")


def test_watching_changes_nothing(tmp_path: Path) -> None:
    _, plain, one = run_tiny(tmp_path / "plain")
    _, watched, other = run_tiny(tmp_path / "watched", hooks=[Drift()])
    assert weights_equal(plain, watched)
    assert one.losses == other.losses
    assert not (tmp_path / "plain/observations.jsonl").exists()


@pytest.mark.gpu
def test_a_gpu_compares_with_the_base_on_the_host() -> None:
    on_cpu, on_gpu = tiny_model(), tiny_model()
    base = HeldWeights(on_cpu)
    expected = relative_updates(shaken(on_cpu), base)
    found = relative_updates(shaken(on_gpu).to("cuda"), base)
    assert found == pytest.approx(expected, rel=1e-4)
