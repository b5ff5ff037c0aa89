"""How far the weights have moved from the base model, layer by layer.

The relative update of a layer is ||w - w_base|| / ||w_base|| over its matrices, norms and biases
left out. Paper 1 (section 3, figure 3b) compares its mean over the lowest five layers with that
over the highest five: the lower ones move more at first, by a ratio above 1.35. The paper writes
(w - w_base) / w_base per weight and does not say how it is averaged; a ratio of norms is what it
means for a layer as a whole, and no weight close to 0 can blow it up.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import torch

from gapless.records.watched import EMBEDDINGS, FINAL_NORM, HEAD, PER_MILLION, UPDATE
from gapless.training.base_weights import BaseWeights, HeldWeights, name_in_base
from gapless.training.hooks import Hook, Moment
from gapless.training.sharding import whole

_LAYER = re.compile(r"(?:.*?\.)?(?:layers|h|blocks)\.(\d+)(?=\.)")


class Drift(Hook):
    """Observes the relative update of every decoder layer, the embeddings, head and final norm."""

    name = "drift"

    def __init__(self, base: BaseWeights | None = None) -> None:
        """Compare with ``base``; what it does not have, with the weights the model begins with."""
        self._base = base
        self._tokens, self._updates = 0, dict[str, float]()

    def begin(self, model: Any) -> None:
        """Keep the weights that the base does not have."""
        self._tokens, self._updates = 0, {}
        self._base = HeldWeights(model, self._base)

    def at_probe(self, moment: Moment) -> Mapping[str, Any]:
        """Return each part's relative update, and its change since the last time."""
        assert self._base is not None
        updates = relative_updates(moment.model, self._base)
        millions = (moment.tokens_seen - self._tokens) / 1e6
        change = {
            part: (update - self._updates.get(part, 0.0)) / millions
            for part, update in updates.items()
        }
        self._tokens, self._updates = moment.tokens_seen, updates
        return {UPDATE: updates, PER_MILLION: change}

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """Return the last updates: the next change is counted from them."""
        if not self._updates:
            return {}
        return {
            "tokens_seen": torch.tensor(self._tokens),
            **{part: torch.tensor(u, dtype=torch.float64) for part, u in self._updates.items()},
        }

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Go on from the last updates."""
        self._updates = {part: float(value) for part, value in tensors.items()}
        self._tokens = int(self._updates.pop("tokens_seen", 0))


@torch.no_grad()
def relative_updates(model: Any, base: BaseWeights) -> dict[str, float]:
    """Return ||w - w_base|| / ||w_base|| of each part of a model; the base has all that learns.

    Layers go by their number, as text. One parameter at a time is brought to the model's device;
    one that does not learn is its own base.
    """
    adapted = _adapted_layers(model)
    moved: dict[str, float] = {}
    size: dict[str, float] = {}
    for name, parameter in model.named_parameters():
        known = name_in_base(name)
        part = part_of(known, parameter.ndim)
        if part is None:
            continue
        weights = whole(parameter.detach()).float()
        before = base.read(known) if parameter.requires_grad else weights
        assert before is not None, f"{known} is left out of the base"
        assert before.shape == weights.shape
        before = before.to(weights.device, torch.float32)
        now = _merged(adapted[name], weights) if name in adapted else weights
        moved[part] = moved.get(part, 0.0) + (_squares(now - before) if now is not before else 0.0)
        size[part] = size.get(part, 0.0) + _squares(before)
    return {part: math.sqrt(moved[part] / size[part]) for part in moved if size[part]}


def layer_of(name: str) -> str | None:
    """Return the number of the decoder layer that a parameter belongs to, as text."""
    layer = _LAYER.match(name)
    return None if layer is None else layer[1]


def layer_module(name: str) -> str | None:
    """Return the name of the decoder layer that a parameter belongs to."""
    layer = _LAYER.match(name)
    return None if layer is None else layer[0]


def part_of(name: str, num_dimensions: int) -> str | None:
    """Return which part of a model a parameter belongs to; None where it is not compared."""
    if ".lora_" in name:  # counts with the weight that it adapts
        return None
    layer = layer_of(name)
    if layer is not None:
        return layer if num_dimensions > 1 else None
    if num_dimensions == 1:
        return FINAL_NORM if "norm" in name or "ln_f" in name else None
    return HEAD if "lm_head" in name or "embed_out" in name else EMBEDDINGS


def _adapted_layers(model: Any) -> dict[str, Any]:
    """Return the layers with adapters of `peft`, by the name of the weight they adapt."""
    return {
        f"{name}.base_layer.weight": module
        for name, module in model.named_modules()
        if hasattr(module, "get_delta_weight")
    }


def _merged(layer: Any, weights: torch.Tensor) -> torch.Tensor:
    """Return a layer's weights with what its adapters (LoRA, DoRA) have learnt."""
    for adapter in layer.active_adapters:
        change = whole(layer.get_delta_weight(adapter))
        magnitudes = layer.lora_magnitude_vector
        if adapter not in magnitudes:
            weights = weights + change
            continue
        lengths = magnitudes[adapter].get_weight_norm(weights, change, scaling=1)
        weights = (whole(magnitudes[adapter].weight) / lengths)[:, None] * (weights + change)
    return weights.detach()


def _squares(values: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(values)) ** 2
