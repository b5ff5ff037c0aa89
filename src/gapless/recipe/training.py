"""The training loop's settings."""

from typing import Annotated, Literal

from pydantic import Field

from gapless.recipe.fields import Part, Tokens
from gapless.recipe.methods import ExponentialAverage, Full, Method
from gapless.recipe.schedules import Cosine, Schedule


class Checkpoints(Part):
    """When the state of the run is saved, and what is kept."""

    every: Annotated[Tokens, Field(gt=0)] | None = None
    """Tokens between two checkpoints, each of them measured; a tenth of the run when left out."""
    keep_last: int = Field(default=1, ge=1)
    """How many of the latest stay; the best on the domain stays beside them."""
    asynchronous: bool = False
    """Copy the state to the host's memory and write it while training goes on."""


class Sharding(Part):
    """How the weights are divided over the processes of a run; one process has them all."""

    over: Literal["all", "machine"] = "all"
    """``all``: over all processes. ``machine``: over those of one, and each machine has its copy:
    more memory, less traffic between machines."""


class Faults(Part):
    """What happens when a step goes wrong; every fault is written down with its documents.

    ``stop``: with a diagnosis. ``skip``: the step's batch counts as seen, the weights stay.
    ``roll_back``: back to the last checkpoint, and on from there without that batch.
    """

    non_finite: Literal["stop", "skip", "roll_back"] = "stop"
    """A loss or a gradient that is infinite or no number."""
    spike: Literal["stop", "skip", "roll_back", "ignore"] = "stop"
    """A loss far above those of the phase so far."""
    spike_factor: float = Field(default=2.0, gt=1)
    """How many times the median of the phase's last 64 steps a spike is, at least; a median below
    1 nat counts as 1."""
    most: int = Field(default=16, ge=1)
    """After so many skipped or rolled-back batches the run stops all the same."""


class Watch(Part):
    """What is looked at whenever the model is measured; none of it changes a weight."""

    layers: bool = True
    """How far each layer has moved from the base model (paper 1 section 3, figure 3b)."""
    gradients: bool = False
    """Whether the gradients of domain text and of general text agree. It costs as much as training
    on 8,192 tokens each time: much in a run of a few million tokens, little in a long one."""


class Training(Part):
    """The loop's settings."""

    batch_tokens: Tokens = 524_288
    """Tokens per optimizer step."""
    micro_batch_tokens: Tokens | None = None
    """Tokens per forward pass; gradients accumulate to the step. The whole step when left out."""
    learning_rate: float = Field(default=3e-5, gt=0)
    """The peak rate (paper 1 section 5.2: 3e-5 at 3B and 8B, 3e-4 at 1.1B parameters)."""
    schedule: Schedule = Cosine()
    decay_from: Annotated[Tokens, Field(gt=0)] | None = None
    """The decay of ``wsd`` or ``infinite`` begins after so many tokens and ends the run; until then
    it is the run as without this."""
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    """Decoupled; applied to matrices, not to norms and biases."""
    clip_norm: float = Field(default=1.0, gt=0)
    """The gradient's global norm is scaled down to this."""
    precision: Literal["auto", "fp32", "bf16", "fp8"] = "auto"
    """Arithmetic of forward and backward; auto is bf16 where that is fast. fp8: matrix products of
    the decoder layers, on GPUs that have it."""
    weights: Literal["fp32", "bf16"] = "fp32"
    """What the weights are kept in. bf16: half of the memory and no fp32 copy; steps are rounded
    stochastically, so that small ones are not lost."""
    optimizer: Literal["adamw", "adamw_8bit"] = "adamw"
    """AdamW with moments in fp32, or in 8 bits (Dettmers et al. 2022)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compile: bool = False
    """Compile the decoder layers (`torch.compile`); see docs/training.md."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    loss: Literal["auto", "whole", "chunked", "torch", "liger"] = "auto"
    """Whether all logits of a micro-batch are in memory at once (whole); see docs/training.md."""
    attention: Literal["auto", "masked", "documents"] = "auto"
    """Whether tokens that cannot see one another cost nothing (documents), or are masked."""
    method: Method = Full()
    """Which weights learn."""
    pull: float = Field(default=0.0, ge=0)
    """Decay towards the base weights (L2-SP), decoupled like weight decay: each step takes rate x
    pull of the way back. Beside ``weight_decay``, which goes on pulling towards zero: set it to 0
    for pull alone."""
    average: ExponentialAverage | None = None
    """A second model: the average of this one's weights."""
    sharding: Sharding = Sharding()
    checkpoints: Checkpoints = Checkpoints()
    faults: Faults = Faults()
    watch: Watch = Watch()
