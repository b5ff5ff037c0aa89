"""What a step is said to take is what it takes."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gapless.evaluation import likelihood
from gapless.modeling import ModelFacts, adapt, new_model
from gapless.modeling.folder import facts_of_config
from gapless.modeling.memory import StepShape, layer_bytes, loss_bytes, step_memory
from gapless.recipe.methods import BlockExpansion, Freeze, Full, Lora
from gapless.recipe.schema import NewModel
from gapless.recipe.training import Training
from gapless.training import attention, conflict, losses
from gapless.training.compute import Compute
from gapless.training.optimizer import make_optimizer
from gapless.workflow import plan_memory, verbs
from tests.workflow.world import make_world

BARE = 408_000_000
"""A process with torch, `transformers` and the code of one architecture in it, and nothing else."""
FACTS = {
    "4M": ModelFacts(4_212_992, 4, 256, 4096, 512, 4, 256, 688),
    "28M": ModelFacts(28_024_704, 10, 384, 16_000, 4096, 6, 384, 1024),
    "135M": ModelFacts(134_515_008, 30, 576, 49_152, 8192, 9, 576, 1536),
}
LAYER_OF_28M = 384 * (4 * 384 + 3 * 1024)
WHOLE, CHECKPOINTING = {"whole_logits": True}, {"checkpointing": True}
MEASURED = [
    ("4M", 1024, WHOLE, 689),
    ("4M", 4096, WHOLE, 1214),
    ("28M", 2048, WHOLE, 1973),
    ("28M", 2048, WHOLE, 1935),
    ("135M", 1024, WHOLE, 4491),
    ("4M", 1024, {}, 690),
    ("4M", 4096, {}, 1096),
    ("4M", 4096, {}, 1071),
    ("28M", 2048, {}, 1838),
    ("28M", 2048, {}, 1830),
    ("135M", 1024, {}, 4557),
    ("4M", 4096, {"masked_context": 512}, 1113),
    ("4M", 16384, {}, 2585),
    ("28M", 4096, WHOLE, 3111),
    ("4M", 2048, {"accumulates": True}, 866),
    ("4M", 4096, CHECKPOINTING, 877),
    ("28M", 2048, CHECKPOINTING, 1248),
]
"""Peak resident MB over two steps of bare processes on x86, glibc 2.36, torch 2.13, one thread."""


def shape(tokens: int, **changed) -> StepShape:
    plain = {"accumulates": False, "checkpointing": False, "whole_logits": False, "bf16": False}
    return StepShape(micro_tokens=tokens, **plain | changed)


@pytest.mark.parametrize(("model", "tokens", "changed", "measured"), MEASURED)
def test_the_prediction_is_within_a_tenth_of_what_was_measured(
    model: str, tokens: int, changed: dict, measured: int
) -> None:
    step = step_memory(FACTS[model], shape(tokens, **changed))
    assert (step.total - step.program + BARE) / 1e6 == pytest.approx(measured, rel=0.1)


def kept_bytes(layers: int, *, bf16: bool) -> int:
    """Bytes that a small Llama keeps for the backward pass, beside its weights."""
    config = {
        "hidden_size": 48,
        "num_hidden_layers": layers,
        "num_attention_heads": 6,
        "num_key_value_heads": 6,
        "head_dim": 16,
        "intermediate_size": 80,
    }
    model = new_model("llama", config, vocabulary_size=62, seed=0)
    weights = {tuple(p.shape) for p in model.parameters()}
    weights |= {shape[::-1] for shape in weights if len(shape) == 2}
    kept = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tuple(tensor.shape) not in weights:
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage
        return tensor

    ids = torch.zeros(2, 32, dtype=torch.int64)
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
    ):
        model(input_ids=ids, use_cache=False)
    return sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize("bf16", [False, True])
def test_a_layer_is_counted_to_the_byte(bf16: bool) -> None:
    config = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6}
    config |= {"head_dim": 16, "intermediate_size": 80, "num_key_value_heads": 6}
    facts = facts_of_config("llama", config, 62)
    assert (facts.attention_size, facts.intermediate_size, facts.heads) == (96, 80, 6)
    of_a_layer = kept_bytes(3, bf16=bf16) - kept_bytes(2, bf16=bf16)
    assert of_a_layer == 64 * layer_bytes(facts, bf16=bf16) > 0


def test_what_is_set_lowers_what_it_should() -> None:
    facts = FACTS["135M"]
    plain = step_memory(facts, shape(8192))
    assert step_memory(facts, shape(8192, **CHECKPOINTING)).activations < plain.activations / 5
    assert step_memory(facts, shape(4096, accumulates=True)).total < plain.total
    assert loss_bytes(facts, shape(8192)) < loss_bytes(facts, shape(8192, **WHOLE)) / 3
    assert plain.gradients == 0, "one pass: they grow as activations shrink"
    assert step_memory(facts, shape(64)).gradients > 0
    on_gpu = step_memory(facts, shape(8192, bf16=True, device="cuda"))
    assert on_gpu.activations < plain.activations


def test_fewer_bits_are_counted_as_they_are_held() -> None:
    facts = FACTS["135M"]
    low = step_memory(
        facts, shape(64, accumulates=True, bf16=True, bf16_weights=True, eight_bit=True)
    )
    assert (low.weights, low.gradients) == (2 * facts.parameters, 2 * facts.parameters)
    table = torch.nn.Embedding(64, 512, dtype=torch.bfloat16)
    optimizer = make_optimizer(table, Training(weights="bf16", optimizer="adamw_8bit"))
    table.weight.grad = torch.ones_like(table.weight)
    optimizer.step()
    held = {key: tensor.nbytes for key, tensor in optimizer.state[table.weight].items()}
    assert held.pop("step") == 4
    assert sum(held.values()) / (64 * 512) == pytest.approx(low.moments / facts.parameters)


def arm(facts: ModelFacts, *, model: object = None, **settings) -> int:
    """The bytes that an arm needs on a CPU in fp32, two passes per step."""
    training = Training(batch_tokens=4096, micro_batch_tokens=2048, device="cpu", **settings)
    order = SimpleNamespace(context=512)
    recipe = SimpleNamespace(training=training, order=order, model=model)
    return plan_memory.arm_memory(recipe, facts, [1000], Compute.choose("cpu", "fp32"))


def test_copies_of_what_learns_are_counted() -> None:
    facts = FACTS["135M"]
    plain, lora = arm(facts), {"method": {"type": "lora", "rank": 8}}
    average = {"average": {"type": "ema"}}
    assert arm(facts, pull=1.0) - plain == 4 * facts.parameters
    assert arm(facts, **average) - plain == 4 * facts.parameters
    assert arm(facts, pull=1.0, **average) - plain == 8 * facts.parameters
    few = arm(facts, pull=1.0, **lora) - arm(facts, **lora)
    assert 0 < few < 0.2 * facts.parameters
    half = {"weights": "bf16"}
    assert arm(facts, pull=1.0, **half) - arm(facts, **half) == 2 * facts.parameters


def test_what_learns_is_about_what_the_model_says() -> None:
    pytest.importorskip("peft")
    config = {"hidden_size": 48, "num_hidden_layers": 4, "num_attention_heads": 6}
    config |= {"head_dim": 8, "intermediate_size": 80, "num_key_value_heads": 6}
    facts = facts_of_config("llama", config, 62)
    for method in (
        Full(),
        Freeze(part="top", layers=2),
        Lora(rank=2),
        Lora(rank=2, dora=True),
        BlockExpansion(blocks=2),
    ):
        model = adapt(new_model("llama", config, vocabulary_size=62, seed=0), method, seed=0)
        learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
        trained = plan_memory._as_trained(facts, method)
        assert plan_memory.learning_parameters(trained, method) == pytest.approx(learning, rel=0.25)
        plain = sum(p.numel() for name, p in model.named_parameters() if "lora" not in name)
        assert trained.parameters == pytest.approx(plain, rel=0.01)


def test_two_gradients_wait_while_they_are_compared() -> None:
    facts, watch = FACTS["135M"], {"watch": {"gradients": True}}
    of_a_pass = step_memory(facts, shape(1024, accumulates=True))
    assert arm(facts, **watch) >= of_a_pass.total + 4 * facts.parameters
    assert arm(FACTS["4M"], **watch) == arm(FACTS["4M"]), "a step of many tokens takes more"


def test_a_base_without_files_is_held() -> None:
    facts, new = FACTS["28M"], NewModel(config={}, tokenizer="here")
    assert arm(facts, model=new) - arm(facts) == 4 * facts.parameters
    assert arm(facts, model=new, watch={"layers": False}) == arm(facts)


def test_an_expanded_model_is_deeper() -> None:
    facts = FACTS["28M"]
    blocks = {"method": {"type": "block_expansion", "blocks": 5}}
    deeper = replace(facts, layers=15, parameters=facts.parameters + 5 * LAYER_OF_28M)
    held = 4 * 5 * LAYER_OF_28M
    assert arm(facts, **blocks) == arm(deeper) + held
    assert arm(facts, **blocks, watch={"layers": False}) == arm(deeper)


def test_its_constants_are_those_of_the_rooms_they_speak_of() -> None:
    assert plan_memory._WATCHED_TOKENS == conflict.MICRO_BATCH_TOKENS
    assert plan_memory._PROBE_LOGITS == likelihood._MOST_LOGITS
    assert plan_memory._SOFTMAX_POSITIONS == likelihood._SOFTMAX_POSITIONS
    assert plan_memory._SHORTEST_BY_DOCUMENTS == attention._SHORTEST_ROW
    from gapless.modeling.memory import _CHUNK

    assert losses._POSITIONS == _CHUNK


LIVE = """
import json, sys
import numpy as np
import torch
from gapless.modeling import new_model
from gapless.packing import PackedRows
from gapless.recipe.training import Training
from gapless.training.compute import Compute, accumulate_gradients, with_ways
from gapless.training.optimizer import make_optimizer

def memory(field):
    with open("/proc/self/status") as file:
        [line] = [line for line in file if line.startswith(field)]
    return int(line.split()[1]) * 1024

config = json.loads(sys.argv[1])
torch.set_num_threads(1)
model = new_model("llama", config, vocabulary_size=4000, seed=0)
training = Training()
optimizer = make_optimizer(model, training)
compute = with_ways(Compute.choose("cpu", "fp32"), model, training, context=512)
before = memory("VmRSS")
ids = np.arange(2048).reshape(4, 512) % 4000
positions = np.arange(2048).reshape(4, 512) % 512
rows = PackedRows(ids=ids, positions=positions, targets=ids)
for _ in range(2):
    accumulate_gradients(model, rows, num_targets=2048, micro_batch_rows=4, compute=compute)
    optimizer.step()
    optimizer.zero_grad()
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_live_step_takes_about_what_is_said() -> None:
    config = {"hidden_size": 128, "num_hidden_layers": 6, "num_attention_heads": 4}
    config |= {"intermediate_size": 352, "max_position_embeddings": 512}
    answer = subprocess.run(
        [sys.executable, "-c", LIVE, json.dumps(config)],
        capture_output=True,
        text=True,
        check=True,
    )
    facts = facts_of_config("llama", config, 4000)
    step = step_memory(facts, shape(2048))
    predicted = step.total - step.program - step.weights
    assert int(answer.stdout) == pytest.approx(predicted, rel=0.4)


def test_the_plan_gives_every_arm_its_own(tmp_path: Path) -> None:
    overrides = [
        "arms.alone={training: {batch_tokens: 65536}}",
        "arms.replay={training: {batch_tokens: 65536, micro_batch_tokens: 128}}",
        "order.phases=[{tokens: 131072}]",
        "order.max_repetition=1000",
    ]
    plan = verbs.plan(make_world(tmp_path), overrides=overrides)
    large, small = (arm.memory_bytes for arm in plan.arms)
    assert large > small + 65_000 * 2 * 4 * 10 * 16, "two layers of many more tokens"
    assert plan.memory_bytes == large
