"""How much memory an arm takes: at the peak of a step, or when it is measured or watched."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from gapless.modeling.folder import ModelFacts
from gapless.modeling.memory import StepShape, step_memory
from gapless.recipe import Recipe
from gapless.recipe.methods import BlockExpansion, Freeze, Lora, Method
from gapless.recipe.schema import NewModel

if TYPE_CHECKING:
    from gapless.training.compute import Compute

_PROBE_TOKENS, _PROBE_LOGITS = 16_384, 1 << 28
"""A batch of `gapless.evaluation.likelihood`, which a test compares."""
_SOFTMAX_POSITIONS = 1024
_SHORTEST_BY_DOCUMENTS = 512
"""Shorter rows have a mask where the recipe says nothing (`gapless.training.attention`)."""
_WATCHED_TOKENS = 1024
"""A forward pass of `gapless.training.conflict`."""


def arm_memory(
    recipe: Recipe, facts: ModelFacts, probed_tokens: Iterable[int], compute: "Compute"
) -> int:
    """Return the bytes that an arm needs on its device; LoRA and frozen layers need less."""
    training, on_gpu = recipe.training, compute.device.type == "cuda"
    facts = _as_trained(facts, training.method)
    micro = training.micro_batch_tokens or training.batch_tokens
    masked = training.attention == "masked" or (
        training.attention == "auto" and recipe.order.context < _SHORTEST_BY_DOCUMENTS
    )
    shape = StepShape(
        micro_tokens=micro,
        accumulates=training.batch_tokens > micro,
        checkpointing=training.gradient_checkpointing,
        whole_logits=training.loss == "whole",
        bf16=compute.bf16,
        bf16_weights=training.weights == "bf16",
        eight_bit=training.optimizer == "adamw_8bit",
        masked_context=recipe.order.context if masked and not on_gpu else 0,
        device="cuda" if on_gpu else "cpu",
    )
    step = step_memory(facts, shape)
    between = step.program + step.weights + step.moments
    probing = between + _probe_bytes(facts, max(probed_tokens, default=0))
    copies = _copies(recipe, facts, on_gpu=on_gpu)
    if training.checkpoints.asynchronous and not on_gpu:
        copies += step.weights + step.moments
    watching = _watching(recipe, facts, shape)
    return max(step.total, probing, watching) + copies


def learning_parameters(facts: ModelFacts, method: Method) -> int:
    """Return about how many parameters learn; ``facts`` are those of the adapted model."""
    match method:
        case Freeze(layers=layers):
            return facts.parameters - layers * _layer_parameters(facts)
        case Lora(rank=rank):
            hidden, attention, inner = (
                facts.hidden_size,
                facts.attention_size,
                facts.intermediate_size,
            )
            return facts.layers * rank * (4 * (hidden + attention) + 3 * (hidden + inner))
        case BlockExpansion(blocks=blocks):
            return blocks * _layer_parameters(facts)
    return facts.parameters


def _as_trained(facts: ModelFacts, method: Method) -> ModelFacts:
    """Return the sizes of the model that the method makes of it."""
    if not isinstance(method, BlockExpansion):
        return facts
    more = method.blocks * _layer_parameters(facts)
    layers = facts.layers + method.blocks
    return replace(facts, layers=layers, parameters=facts.parameters + more)


def _layer_parameters(facts: ModelFacts) -> int:
    """Return the matrices of a layer like Llama's, at most an even part of the model."""
    own = facts.hidden_size * (4 * facts.attention_size + 3 * facts.intermediate_size)
    return min(own, facts.parameters // max(1, facts.layers))


def _copies(recipe: Recipe, facts: ModelFacts, *, on_gpu: bool) -> int:
    """Return the bytes of what is held all the time beside weights and moments."""
    training, method = recipe.training, recipe.training.method
    of_what_learns = (2 if training.weights == "bf16" else 4) * learning_parameters(facts, method)
    copies = (training.pull > 0) + (training.average is not None)
    # A base without files of its own, or with its layers numbered otherwise, is held on the host.
    is_held = isinstance(recipe.model, NewModel) or isinstance(method, BlockExpansion)
    copies += training.watch.layers and is_held and not on_gpu
    return copies * of_what_learns


def _watching(recipe: Recipe, facts: ModelFacts, shape: StepShape) -> int:
    """Return the peak while gradients are compared: the first of two waits on the host."""
    if not recipe.training.watch.gradients:
        return 0
    tokens = min(_WATCHED_TOKENS, shape.micro_tokens)
    pass_ = step_memory(facts, replace(shape, micro_tokens=tokens, accumulates=True))
    return pass_.total + (pass_.gradients if shape.device == "cpu" else 0)


def _probe_bytes(facts: ModelFacts, probed_tokens: int) -> int:
    """Return what a batch of a probe takes: its logits, a part of them as fp32, and one layer."""
    vocabulary = facts.vocabulary_size
    tokens = min(_PROBE_TOKENS, _PROBE_LOGITS // max(1, vocabulary), probed_tokens)
    layer = 4 * (4 * facts.hidden_size + 3 * facts.intermediate_size)
    return tokens * (4 * vocabulary + layer) + min(tokens, _SOFTMAX_POSITIONS) * vocabulary * 12
