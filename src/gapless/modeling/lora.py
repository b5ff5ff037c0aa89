"""Low-rank adapters: put beside a model's weights through `peft`, merged into them by arithmetic.

With an adapter, ``X.weight`` is called ``X.base_layer.weight``, and beside it stand
``X.lora_A.default.weight`` (rank, in), ``X.lora_B.default.weight`` (out, rank) and, with DoRA,
``X.lora_magnitude_vector.default.weight`` (out,).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gapless.errors import ModelError
from gapless.modeling.layers import decoder_layers
from gapless.recipe.methods import Lora
from gapless.seeds import stream_key

if TYPE_CHECKING:
    import torch

_BASE, _DOWN, _UP, _LENGTH = (
    ".base_layer.",
    ".lora_A.default.weight",
    ".lora_B.default.weight",
    ".lora_magnitude_vector.default.weight",
)


def add_adapters(model: Any, method: Lora, *, seed: int) -> None:
    """Put adapters beside linear modules of the decoder layers; only they ask for gradients.

    The draw depends on ``seed`` alone; the process's own random state stays as it was.
    """
    import torch
    from peft import LoraConfig, inject_adapter_in_model

    settings = LoraConfig(
        r=method.rank,
        lora_alpha=method.alpha,
        lora_dropout=method.dropout,
        target_modules=_linear_modules(model, method.targets),
        use_dora=method.dora,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_key(seed, "adapters") % 2**63)
        inject_adapter_in_model(settings, model)


def _linear_modules(model: Any, targets: tuple[str, ...] | None) -> list[str]:
    """Return the full names of the modules that get adapters."""
    from torch.nn import Linear

    name, layers = decoder_layers(model)
    linear = [
        f"{name}.{inner}" for inner, module in layers.named_modules() if isinstance(module, Linear)
    ]
    known = sorted({each.rpartition(".")[2] for each in linear})
    for target in targets or ():
        if target not in known:
            raise ModelError(
                f"the decoder layers have no linear module {target!r}",
                where="training.method.targets",
                mend=f"They have: {', '.join(known)}.",
            )
    chosen = [each for each in linear if each.rpartition(".")[2] in (targets or known)]
    if not chosen:
        raise ModelError(
            f"a {model.config.model_type!r} model has no linear modules in its decoder layers",
            where="training.method",
            mend="Use another method.",
        )
    return chosen


def merged_state(state: "Mapping[str, torch.Tensor]", method: Lora) -> "dict[str, torch.Tensor]":
    """Return the plain model's state dict: adapters merged, names as without them.

    LoRA: W + s B A with s = alpha / rank (Hu et al. 2022, section 4.1). DoRA: that matrix with each
    row brought to its learnt length (Liu et al. 2024, eq. 5).
    """
    import torch

    merged: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        if name.endswith((_DOWN, _UP, _LENGTH)):
            continue
        module, _, kind = name.rpartition(_BASE)
        if not module:
            merged[name] = tensor
        elif kind != "weight":
            merged[f"{module}.{kind}"] = tensor
        else:
            change = state[module + _UP] @ state[module + _DOWN]
            weight = tensor + (method.alpha / method.rank) * change
            if module + _LENGTH in state:
                lengths = torch.linalg.vector_norm(weight, dim=1)
                weight *= (state[module + _LENGTH] / lengths)[:, None]
            merged[f"{module}.weight"] = weight
    return merged
