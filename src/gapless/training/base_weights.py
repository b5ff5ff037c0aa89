"""The base model's weights while another model is trained away from it.

They are read from its files, and held in memory only where they cannot be. Parameters are matched
by name; the names that wrappers and adapters add are taken off first.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from gapless.training.sharding import whole

_WRAPPERS = re.compile(
    r"\b(?:_orig_mod|_checkpoint_wrapped_module|base_layer)\.|^base_model\.model\."
)
"""What `torch.compile`, checkpointed layers and `peft` add to a parameter's name."""


class BaseWeights(Protocol):
    """The base's parameters, one at a time."""

    def read(self, name: str) -> torch.Tensor | None:
        """Return a parameter by its name in the base, on the host; None where it has none."""


class StoredWeights:
    """Those of a model folder: memory-mapped, so that they take no memory of their own."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Open the folder's safetensors files."""
        from safetensors import safe_open

        self._opened: dict[str, Any] = {}
        for path in files:
            tensors: Any = safe_open(path, framework="pt")
            self._opened |= dict.fromkeys(tensors.keys(), tensors)

    def read(self, name: str) -> torch.Tensor | None:
        """Return a parameter as it is stored; some files leave out the first part of each name."""
        for known in (name, name.partition(".")[2]):
            if known in self._opened:
                tensor: torch.Tensor = self._opened[known].get_tensor(known)
                return tensor
        return None


class HeldWeights:
    """Those that a model began with: a copy, in the host's memory, of what learns."""

    def __init__(self, model: Any, stored: BaseWeights | None = None) -> None:
        """Copy the parameters that learn and that ``stored``, where given, does not have.

        Some architectures call or divide their weights otherwise on disk than in memory: experts,
        the head of GPT-NeoX. Adapters have no base. Each process of several holds weights whole.
        """
        self._stored = stored
        self._held: dict[str, torch.Tensor] = {}
        for name, parameter in model.named_parameters():
            known = name_in_base(name)
            if parameter.requires_grad and ".lora_" not in name and not self._has(known, parameter):
                self._held[known] = whole(parameter.detach()).to("cpu", copy=True)

    def read(self, name: str) -> torch.Tensor | None:
        """Return the copy of a parameter, or what is stored of it."""
        if name in self._held or self._stored is None:
            return self._held.get(name)
        return self._stored.read(name)

    def _has(self, name: str, parameter: torch.Tensor) -> bool:
        stored = None if self._stored is None else self._stored.read(name)
        return stored is not None and stored.shape == parameter.shape


def name_in_base(name: str) -> str:
    """Return a parameter's name without what wrappers and adapters add."""
    return _WRAPPERS.sub("", name)
