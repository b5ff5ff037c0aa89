"""How much memory an arm takes: at the peak of a step, or when it is measured."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gapless.modeling.folder import ModelFacts
from gapless.modeling.memory import StepShape, step_memory
from gapless.recipe import Recipe

if TYPE_CHECKING:
    from gapless.training.compute import Compute

_PROBE_TOKENS, _PROBE_LOGITS = 16_384, 1 << 28
"""A batch of `gapless.evaluation.likelihood`, which a test compares."""
_SOFTMAX_POSITIONS = 1024
_SHORTEST_BY_DOCUMENTS = 512
"""Shorter rows have a mask where the recipe says nothing (`gapless.training.attention`)."""


def arm_memory(
    recipe: Recipe, facts: ModelFacts, probed_tokens: Iterable[int], compute: "Compute"
) -> int:
    """Return the bytes that an arm needs on its device; LoRA and frozen layers need less."""
    training, on_gpu = recipe.training, compute.device.type == "cuda"
    micro = training.micro_batch_tokens or training.batch_tokens
    masked = training.attention == "masked" or (
        training.attention == "auto" and recipe.order.context < _SHORTEST_BY_DOCUMENTS
    )
    step = step_memory(
        facts,
        StepShape(
            micro_tokens=micro,
            accumulates=training.batch_tokens > micro,
            checkpointing=training.gradient_checkpointing,
            whole_logits=training.loss == "whole",
            bf16=compute.bf16,
            bf16_weights=training.weights == "bf16",
            eight_bit=training.optimizer == "adamw_8bit",
            masked_context=recipe.order.context if masked and not on_gpu else 0,
            device="cuda" if on_gpu else "cpu",
        ),
    )
    between = step.program + step.weights + step.moments
    probing = between + _probe_bytes(facts, max(probed_tokens, default=0))
    copies = 0
    if training.checkpoints.asynchronous and not on_gpu:
        copies += step.weights + step.moments
    if training.average is not None:
        copies += 4 * facts.parameters
    return max(step.total, probing) + copies


def _probe_bytes(facts: ModelFacts, probed_tokens: int) -> int:
    """Return what a batch of a probe takes: its logits, a part of them as fp32, and one layer."""
    vocabulary = facts.vocabulary_size
    tokens = min(_PROBE_TOKENS, _PROBE_LOGITS // max(1, vocabulary), probed_tokens)
    layer = 4 * (4 * facts.hidden_size + 3 * facts.intermediate_size)
    return tokens * (4 * vocabulary + layer) + min(tokens, _SOFTMAX_POSITIONS) * vocabulary * 12
