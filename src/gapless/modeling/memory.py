"""How much memory a training step takes, from the sizes of a model.

What a layer keeps for the backward pass is counted tensor by tensor for the blocks of Llama and its
kin (gated MLP, RMSNorm, rotary positions, as `transformers` writes them), after the method of
Korthikanti et al. 2022, section 4.1. Checked with `saved_tensors_hooks`. Other architectures come
out as if they had such blocks.
"""

from dataclasses import dataclass
from typing import Literal

from gapless.modeling.folder import ModelFacts

_PROGRAM = {"cpu": 600_000_000, "cuda": 600_000_000}
"""Python, torch, transformers and what the stages before have left; on a GPU its context."""
_HEAP_BLOCK = 32 * 2**20
"""glibc's allocator gives larger blocks back at once; smaller ones leave holes between them."""
_HOLES, _MOST_SLACK, _SLACK_LAYERS = 0.25, 145_000_000, 4
"""Holes as a part of the activations, and what the heap keeps on top: measured, on a CPU."""
_EIGHT_BIT = 2 * (1 + 4 / 256)
"""Two codes, and a scale for each block of 256 (`gapless.training.eight_bit`)."""
_CHUNK = {"cpu": 512, "cuda": 2048}
_LIVE_CHUNKS = 3
"""Logits of two chunks and their softmax; the head's gradient: its sum, this part, the last."""


@dataclass(frozen=True, kw_only=True)
class StepShape:
    """What the memory of a step depends on, beside the model."""

    micro_tokens: int
    """Tokens of a forward pass."""
    accumulates: bool
    """Whether a step has several of them."""
    checkpointing: bool
    whole_logits: bool
    """Whether all logits are there at once, or a chunk of them."""
    bf16: bool
    """Arithmetic in bf16."""
    bf16_weights: bool = False
    """Whether weights and gradients are kept in bf16, without copies in fp32."""
    eight_bit: bool = False
    """Whether the moments are in 8 bits."""
    masked_context: int = 0
    """Tokens of a row where attention has a mask of row by row; 0 where it has none."""
    device: Literal["cpu", "cuda"] = "cpu"


@dataclass(frozen=True, kw_only=True)
class StepMemory:
    """Bytes at the peak of a step."""

    program: int
    weights: int
    """fp32, and rounded copies for bf16; or bf16 alone."""
    gradients: int
    """In the weights' type. Where a step is one pass, they grow as activations shrink, and the
    larger counts."""
    moments: int
    activations: int
    loss: int
    slack: int
    """What the allocator holds and nobody uses."""

    @property
    def total(self) -> int:
        """All together."""
        return sum(
            (
                self.program,
                self.weights,
                self.gradients,
                self.moments,
                self.activations,
                self.loss,
                self.slack,
            )
        )


def step_memory(facts: ModelFacts, step: StepShape) -> StepMemory:
    """Return the peak of an optimizer step in which every weight learns (AdamW)."""
    mask = step.masked_context * (2 if step.bf16 else 4)
    layer = step.micro_tokens * (layer_bytes(facts, bf16=step.bf16) + mask)
    kept = step.micro_tokens * facts.hidden_size * 4
    activations = 3 * kept + (
        facts.layers * kept + layer if step.checkpointing else facts.layers * layer
    )
    loss = loss_bytes(facts, step)
    gradients = (2 if step.bf16_weights else 4) * facts.parameters
    weight_bytes = 2 if step.bf16_weights else 6 if step.bf16 else 4
    if not step.accumulates and not step.checkpointing:
        gradients = max(0, gradients - activations - loss)
    return StepMemory(
        program=_PROGRAM[step.device],
        weights=weight_bytes * facts.parameters,
        gradients=gradients,
        moments=round((_EIGHT_BIT if step.eight_bit else 8) * facts.parameters),
        activations=activations,
        loss=loss,
        slack=_slack(facts, step, activations, layer),
    )


def layer_bytes(facts: ModelFacts, *, bf16: bool) -> int:
    """Return the bytes per token that one layer keeps for the backward pass.

    fp32: two norms of 3 hidden (input, normalised, scaled), q, k, v and the answer of attention (k
    and v as if repeated to the heads of q, which a mask asks for), four tensors of the MLP's width,
    one number per head and per norm.
    bf16: norms keep two fp32 tensors each; their result is rounded once for each of the 5 products.
    """
    hidden, attention, inner = facts.hidden_size, facts.attention_size, facts.intermediate_size
    if bf16:
        return 26 * hidden + 8 * attention + 8 * inner + 4 * (facts.heads + 2)
    return 4 * (6 * hidden + 4 * attention + 4 * inner + facts.heads + 2)


def loss_bytes(facts: ModelFacts, step: StepShape) -> int:
    """Return the bytes between the last hidden state and the loss.

    Whole: log-probabilities and two gradients in fp32, and bf16 logits. In chunks: a few chunks of
    these, and copies of the head's gradient.
    """
    per_position = facts.vocabulary_size * 4
    if step.whole_logits:
        return step.micro_tokens * per_position * 3
    positions = min(step.micro_tokens, _CHUNK[step.device])
    head = facts.vocabulary_size * facts.hidden_size * 4
    return _LIVE_CHUNKS * (positions * per_position + head)


def _slack(facts: ModelFacts, step: StepShape, activations: int, layer: int) -> int:
    if step.device == "cuda":
        return round(0.05 * (activations + 16 * facts.parameters))  # rounding to blocks of 2 MiB
    if step.micro_tokens * facts.hidden_size * 4 >= _HEAP_BLOCK:
        return 0
    return round(_HOLES * activations) + min(_MOST_SLACK, _SLACK_LAYERS * layer)
