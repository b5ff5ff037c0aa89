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

    Raises:
        ModelError: `peft` does not put them where they are asked for.

    """
    import torch
    from peft import LoraConfig, inject_adapter_in_model

    name, layers = decoder_layers(model)
    wanted = linear_modules(model, method.targets)
    settings = LoraConfig(
        r=method.rank,
        lora_alpha=method.alpha,
        lora_dropout=method.dropout,
        target_modules=[each.removeprefix(f"{name}.") for each in wanted],
        use_dora=method.dora,
    )
    model.requires_grad_(requires_grad=False)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_key(seed, "adapters") % 2**63)
            # Of a whole model, `peft` knows the architecture, and for some it changes the targets.
            inject_adapter_in_model(settings, layers)
    except (ValueError, TypeError, AttributeError, NotImplementedError) as error:
        raise _not_adapted(model, str(error)) from error
    _check_adapted(model, wanted)


def _check_adapted(model: Any, wanted: list[str]) -> None:
    """Refuse a model in which other modules have adapters than those that were to get one."""
    from peft.tuners.lora import LoraLayer

    adapted = {name for name, module in model.named_modules() if isinstance(module, LoraLayer)}
    for name in sorted(adapted.symmetric_difference(wanted)):
        which = (
            "has one and was to have none" if name in adapted else "was to have one and has none"
        )
        raise _not_adapted(model, f"{name} {which}")


def _not_adapted(model: Any, why: str) -> ModelError:
    return ModelError(
        f"`peft` does not put adapters where they belong in a {model.config.model_type!r} model: "
        f"{why}",
        where="training.method",
        mend="Name other targets, such as those of attention ('targets: [q_proj, v_proj]'), or use "
        "another method.",
    )


def linear_modules(model: Any, targets: tuple[str, ...] | None) -> list[str]:
    """Return the full names of the modules that get adapters; weights are not looked at.

    Raises:
        ModelError: the decoder layers have no linear modules, or none of such a name.

    """
    from torch.nn import Linear

    name, layers = decoder_layers(model)
    linear = [
        f"{name}.{inner}"
        for inner, module in layers.named_modules()
        if type(module) is Linear  # a router may be a kind of its own, with another answer
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

    Raises:
        ModelError: there are adapters of a kind that is not known here.

    """
    import torch

    merged: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        if any(name.endswith(e) and _weight_of(name, e) in state for e in (_DOWN, _UP, _LENGTH)):
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
    for name in merged:
        if _BASE in name or ".lora_" in name:
            raise ModelError(
                f"the adapter of {name!r} cannot be merged",
                where="training.method",
                mend="Name other targets, or use another method.",
            )
    return merged


def _weight_of(name: str, ending: str) -> str:
    return f"{name.removesuffix(ending)}{_BASE}weight"
