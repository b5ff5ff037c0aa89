"""The loss of a micro-batch, with all of its logits at once or without.

The head turns each hidden state into one logit per token of the vocabulary: often the largest
tensor of a step, and it is needed four times over. Every way but ``whole`` stops a model's own
forward behind its decoder, leaves out the positions that predict nothing, and works out loss and
gradient of the rest in parts:

    whole      all logits at once, as `transformers` gives them
    chunked    the model's own code behind the decoder, on some hidden states after another
    torch      `torch.nn.functional.linear_cross_entropy` (torch 2.13)
    liger      Liger-Kernel's fused kernel (CUDA)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.nn import functional

from gapless.packing import IGNORED

Way = Literal["whole", "chunked", "torch", "liger"]
_POSITIONS = {"cpu": 512, "cuda": 2048}
"""Of a chunk. On a CPU its logits should fit into a cache."""


@dataclass(frozen=True)
class MicroBatch:
    """Tensors of int64 on the device, each of shape (rows, context); see `PackedRows`."""

    ids: torch.Tensor
    positions: torch.Tensor
    targets: torch.Tensor

    def arguments(self) -> dict[str, Any]:
        """Return what a model is called with.

        No attention mask and no cache: only then does `transformers` read document borders from
        the positions (tests/training/test_borders.py).
        """
        return {"input_ids": self.ids, "position_ids": self.positions, "use_cache": False}


def summed_nats(
    model: Any, batch: MicroBatch, way: Way = "whole", *, positions: int | None = None
) -> torch.Tensor:
    """Return the sum of the negative log likelihoods of the targets, in nats, with its gradient.

    ``positions`` is the size of a chunk. Gradients are worked out with the loss: the result can be
    differentiated once, by parameters of the model.
    """
    if way == "whole":
        return _nats(model(**batch.arguments()).logits.flatten(0, 1), batch.targets.flatten())

    def forward(*args: Any, **inputs: Any) -> torch.Tensor:
        states = head.states(*args, **inputs).flatten(0, 1)
        learned = (batch.targets.flatten() != IGNORED).nonzero()[:, 0]
        states, targets = states[learned], batch.targets.flatten()[learned]
        if way == "chunked":
            size = positions or _POSITIONS[states.device.type]
            nats: torch.Tensor = _ChunkedNats.apply(  # type: ignore[no-untyped-call]  # torch's own
                head.logits, targets, size, states, *head.parameters()
            )
            return nats
        return FUSED[way](model, states, targets)

    head = Head(model)
    with head.takes_over(forward):
        result: torch.Tensor = model(**batch.arguments())
    return result


def _nats(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits.float(), targets, ignore_index=IGNORED, reduction="sum")


class Head:
    """What a causal language model does behind its decoder, by its own code.

    The model's forward runs as it is written, with a stand-in where the decoder was: one that keeps
    the decoder's answer, or one that repeats it with other hidden states. All of it happens inside
    one call of the model, where a wrapper (FSDP) holds the weights ready.
    """

    def __init__(self, model: Any) -> None:
        self._model, self._forward = model, model.forward
        self._decoder = model.get_decoder()
        if self._decoder is model:
            raise ValueError("it has no decoder of its own")
        name = next(name for name, part in model.named_modules() if part is self._decoder)
        parent, _, self._name = name.rpartition(".")
        self._parent = model.get_submodule(parent)
        self._answer: Any = None

    @contextmanager
    def takes_over(self, forward: Callable[..., torch.Tensor]) -> Iterator[None]:
        """Let a call of the model run ``forward`` meanwhile."""
        own = self._model.__dict__.get("forward")
        self._model.forward = forward
        try:
            yield
        finally:
            del self._model.forward
            if own is not None:
                self._model.forward = own

    @contextmanager
    def _decoder_is(self, answer: Callable[..., Any]) -> Iterator[None]:
        modules = self._parent._modules  # noqa: SLF001  # assigning would register, and check
        modules[self._name] = _StandIn(answer)
        try:
            yield
        finally:
            modules[self._name] = self._decoder

    def states(self, *args: Any, **inputs: Any) -> torch.Tensor:
        """Return the decoder's hidden states (rows, context, width)."""

        def keep(*args: Any, **inputs: Any) -> Any:
            self._answer = self._decoder(*args, **inputs)
            return self._with(self._answer.last_hidden_state[:, :0])  # nothing is made of them

        with self._decoder_is(keep):
            self._forward(*args, **inputs)
        states: torch.Tensor = self._answer.last_hidden_state
        return states

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Return the logits (positions, vocabulary) of hidden states (positions, width)."""
        ids = torch.zeros(1, len(states), dtype=torch.int64, device=states.device)
        with self._decoder_is(lambda *_, **__: self._with(states[None])):
            logits: torch.Tensor = self._forward(input_ids=ids, use_cache=False).logits
        return logits[0]

    def _with(self, states: torch.Tensor) -> Any:
        return type(self._answer)(**{**self._answer, "last_hidden_state": states})

    def parameters(self) -> list[torch.nn.Parameter]:
        """Return what is behind the decoder and learns; a tied table is among it."""
        inside = {id(part) for part in self._decoder.modules()}
        behind = (part for part in self._model.modules() if id(part) not in inside)
        found = {id(p): p for part in behind for p in part.parameters(recurse=False)}
        return [parameter for parameter in found.values() if parameter.requires_grad]


class _StandIn(torch.nn.Module):
    def __init__(self, answer: Callable[..., Any]) -> None:
        super().__init__()
        self.forward = answer


class _ChunkedNats(torch.autograd.Function):
    """Loss and gradients chunk by chunk: the backward pass only has to scale what is there."""

    @staticmethod
    def forward(
        ctx: Any,
        answer: Callable[[torch.Tensor], torch.Tensor],
        targets: torch.Tensor,
        size: int,
        states: torch.Tensor,
        *parameters: torch.Tensor,
    ) -> torch.Tensor:
        total = torch.zeros((), device=states.device)
        asked = [states, *parameters] if ctx.needs_input_grad[3] else list(parameters)
        sums = [torch.zeros_like(tensor, dtype=torch.float32) for tensor in parameters]
        of_states = torch.empty_like(states)
        for part, right, slot in zip(
            torch.split(states, size),
            torch.split(targets, size),
            torch.split(of_states, size),
            strict=True,
        ):
            leaf = part.detach().requires_grad_(ctx.needs_input_grad[3])
            with torch.enable_grad():
                logits = answer(leaf)
            nats, error = _nats_and_error(logits.detach(), right)
            total += nats
            if not asked:
                continue
            inputs = [leaf, *parameters][-len(asked) :]
            gradients = torch.autograd.grad(logits, inputs, error, allow_unused=True)
            if ctx.needs_input_grad[3]:
                slot.copy_(gradients[0])
            of_parameters = gradients[-len(sums) :] if sums else ()
            for so_far, gradient in zip(sums, of_parameters, strict=True):
                if gradient is not None:
                    so_far.add_(gradient)
        ctx.gradients = [of_states if ctx.needs_input_grad[3] else None, *sums]
        ctx.dtypes = [tensor.dtype for tensor in (states, *parameters)]
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> tuple[Any, ...]:
        gradients, ctx.gradients = ctx.gradients, None
        scaled = (
            None if gradient is None else gradient.mul_(upstream[0]).to(dtype)
            for gradient, dtype in zip(gradients, ctx.dtypes, strict=True)
        )
        return (None, None, None, *scaled)


def _nats_and_error(
    logits: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the summed nats and their derivative by the logits: softmax - one-hot."""
    log_likelihoods = torch.log_softmax(logits.float(), dim=-1)
    places = targets[:, None]
    nats = -log_likelihoods.gather(1, places).sum()
    error = log_likelihoods.exp_()
    error.scatter_add_(1, places, torch.full_like(places, -1, dtype=error.dtype))
    return nats, error.to(logits.dtype)


def _by_torch(model: Any, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the summed nats; each token's alone, for in bf16 torch would round the sum to bf16."""
    head = model.get_output_embeddings()
    dtype = _autocast_dtype(states)
    bias = None if head.bias is None else head.bias.to(dtype)
    nats: torch.Tensor = functional.linear_cross_entropy(
        states.to(dtype),
        head.weight.to(dtype),
        targets,
        linear_bias=bias,
        reduction="none",
        options=torch.nn.LinearCrossEntropyOptions(),
    )
    return nats.float().sum()


def _autocast_dtype(states: torch.Tensor) -> torch.dtype:
    """Return the type in which a matrix product would be worked out here."""
    device = states.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else states.dtype


def softcap_of(model: Any) -> float | None:
    """Return the bound that some models squeeze their logits under."""
    bound: float | None = getattr(model.config.get_text_config(), "final_logit_softcapping", None)
    return bound


def _by_liger(model: Any, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    from liger_kernel.transformers import (  # type: ignore[import-not-found,unused-ignore]
        LigerFusedLinearCrossEntropyLoss,
    )

    head = model.get_output_embeddings()
    if not len(targets):  # its kernel divides by their number
        nothing: torch.Tensor = states.sum() * 0 + head.weight.sum() * 0
        return nothing
    loss = LigerFusedLinearCrossEntropyLoss(
        reduction="sum", softcap=softcap_of(model), accum_dtype=torch.float32
    )
    nats: torch.Tensor = loss(head.weight, states, targets, head.bias)
    return nats


FUSED = {"torch": _by_torch, "liger": _by_liger}
