"""Plasticity against stability: whether the gradients of domain and of general text agree.

Paper 1 (section 3, after De Lange et al. 2022) explains the stability gap by two pulls on the
weights: plasticity, which learns the domain, and stability, which keeps what the model could do.
Here both are measured, on two small batches that stay the same through the run. A cosine above 0:
a small step down the domain's gradient lowers the loss on the general batch too; below 0: it
raises it. Nothing of it reaches the training: gradients, random state and modes are left as found.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from torch.distributed.tensor import DTensor

from gapless.packing import PackedRows, pack
from gapless.records.rows import Pieces, Rows
from gapless.records.token_store import TokenStore
from gapless.records.watched import COSINE, GRADIENTS, LAYER_COSINES
from gapless.seeds import stream, stream_key
from gapless.training.compute import Compute, accumulate_gradients
from gapless.training.drift import layer_of
from gapless.training.hooks import Hook, Moment
from gapless.training.processes import ALONE, Processes
from gapless.training.sharding import whole

BATCH_TOKENS, ROW_TOKENS, MICRO_BATCH_TOKENS = 4096, 512, 1024
"""Tokens of each of the two batches; at most, of one of its rows and of one forward pass: little
enough to fit wherever training does."""
_WHOLE = "whole"

Products = tuple[float, float, float]
"""Of two gradients: first by first, second by second, first by second."""


class Conflict(Hook):
    """Observes the norms of two gradients and the cosine between them, whole and layer by layer."""

    name = "conflict"

    def __init__(
        self,
        domain: PackedRows,
        general: PackedRows,
        *,
        compute: Compute,
        seed: int,
        micro_batch_tokens: int = MICRO_BATCH_TOKENS,
        processes: Processes = ALONE,
    ) -> None:
        self._batches = (domain, general)
        self._compute, self._processes = compute, processes
        self._seed = stream_key(seed, "conflict", "dropout") % 2**63
        self._micro_batch_rows = max(1, micro_batch_tokens // domain.ids.shape[1])

    def at_probe(self, moment: Moment) -> Mapping[str, Any]:
        """Return both norms and the cosines at this point of the run."""
        with _left_as_found(moment.model, self._compute.device):
            domain, general = (self._gradient(moment.model, batch) for batch in self._batches)
            products = _products(domain, general)
        layers = {part: _cosine(p) for part, p in products.items() if part != _WHOLE}
        first, second, _ = products[_WHOLE]
        return {
            GRADIENTS: {
                "domain_norm": math.sqrt(first),
                "general_norm": math.sqrt(second),
                COSINE: _cosine(products[_WHOLE]),
                LAYER_COSINES: layers,
                "domain_tokens": self._batches[0].num_targets,
                "general_tokens": self._batches[1].num_targets,
            }
        }

    def _gradient(self, model: Any, batch: PackedRows) -> dict[str, torch.Tensor]:
        """Return the gradient of a batch's mean loss; a whole one waits in the host's memory."""
        torch.manual_seed(self._seed)
        accumulate_gradients(
            model,
            self._processes.share(batch),
            num_targets=batch.num_targets,
            micro_batch_rows=self._micro_batch_rows,
            compute=self._compute,
        )
        gradient = {}
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                divided = isinstance(parameter.grad, DTensor)
                gradient[name] = parameter.grad if divided else parameter.grad.to("cpu")
                parameter.grad = None
        return gradient


def fixed_batch(
    stores: Mapping[str, TokenStore],
    role: Literal["domain", "general"],
    *,
    seed: int,
    context: int,
    num_tokens: int = BATCH_TOKENS,
) -> PackedRows | None:
    """Return rows of documents that are never trained on, the same for every arm of a run.

    ``stores`` are those of the sources of ``role``, which take turns row by row; their held-out
    documents come in a random order of their own. None where no source holds any out.
    """
    row_tokens = min(context, ROW_TOKENS)
    names = tuple(name for name, store in stores.items() if store.held_out.any())
    if not names:
        return None
    rows: list[list[tuple[int, int]]] = [[] for _ in range(max(1, num_tokens // row_tokens))]
    for index, name in enumerate(names):
        own = rows[index :: len(names)]
        _fill(own, stores[name], row_tokens, stream(seed, "conflict", role, name))
    strata = np.arange(len(rows)) % len(names)
    return pack(Rows(0, names, strata, strata * 0, _pieces(rows)), stores, context=row_tokens)


def _fill(
    rows: Sequence[list[tuple[int, int]]], store: TokenStore, size: int, draw: np.random.Generator
) -> None:
    """Put (document, tokens of its beginning) into rows of ``size`` tokens, round after round."""
    documents = np.flatnonzero(store.held_out)
    documents = documents[store.lengths[documents] > 0]
    order: list[int] = []
    for row in rows:
        left = size
        while left:
            order = order or draw.permutation(documents).tolist()
            document = order.pop()
            row.append((document, min(left, int(store.lengths[document]))))
            left -= row[-1][1]


def _pieces(rows: Sequence[Sequence[tuple[int, int]]]) -> Pieces:
    documents, ends = np.array([piece for row in rows for piece in row], dtype=np.int64).T
    offsets = np.cumsum([0, *map(len, rows)])
    return Pieces(offsets, documents, np.zeros_like(ends), ends, np.zeros_like(ends))


@contextmanager
def _left_as_found(model: Any, device: torch.device) -> Iterator[None]:
    """Take gradients and random state away, and bring them back after."""
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    model.zero_grad(set_to_none=True)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        for parameter, gradient in gradients:
            parameter.grad = gradient


def _products(
    first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]
) -> dict[str, Products]:
    """Return the products of two gradients: of the whole, and of each layer by its number."""
    products = {_WHOLE: (0.0, 0.0, 0.0)}
    for name, one in first.items():
        other = second.get(name)
        if other is None:
            continue
        own = (_dot(one, one), _dot(other, other), _dot(one, other))
        for part in (_WHOLE, layer_of(name)):
            if part is not None:
                before = products.get(part, (0.0, 0.0, 0.0))
                products[part] = (before[0] + own[0], before[1] + own[1], before[2] + own[2])
    return products


def _dot(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the inner product; of tensors that processes hold parts of, over all of them."""
    return float(whole((one.float() * other.float()).sum()))


def _cosine(products: Products) -> float | None:
    """Return the cosine; None where one of the gradients is 0."""
    first, second, both = products
    return both / math.sqrt(first * second) if first and second else None
