"""A model made ready for a method against forgetting, and made plain again."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from gapless.errors import ModelError
from gapless.modeling.expansion import expand
from gapless.modeling.layers import around_layers, decoder_layers
from gapless.modeling.lora import add_adapters, linear_modules, merged_state
from gapless.recipe.methods import BlockExpansion, Freeze, Full, Lora, Method

if TYPE_CHECKING:
    import torch


def adapt(model: Any, method: Method, *, seed: int) -> Any:
    """Change ``model`` in place so that only what ``method`` trains asks for gradients; return it.

    At first it answers as before. Its class stays that of `transformers`; with adapters its
    parameters have other names (see `lora.py`), with more blocks its config has more layers.

    Raises:
        ModelError: the method does not fit the model.

    """
    check_fits(method, model)
    match method:
        case Freeze():
            _freeze(model, method)
        case Lora():
            add_adapters(model, method, seed=seed)
        case BlockExpansion():
            expand(model, method.blocks)
        case Full():
            pass
    return model


def check_fits(method: Method, model: Any) -> None:
    """Refuse a method that a model cannot have; its weights may be on the meta device.

    Raises:
        ModelError: too few layers, no such modules, or a package is missing.

    """
    num_layers = model.config.get_text_config().num_hidden_layers
    match method:
        case Freeze(layers=layers) if layers > num_layers:
            raise ModelError(
                f"{layers} layers cannot be frozen: the model has {num_layers}",
                where="training.method.layers",
                mend=f"The model has {num_layers} layers: give 1 to {num_layers}.",
            )
        case BlockExpansion(blocks=blocks) if blocks > num_layers:
            raise ModelError(
                f"{blocks} blocks cannot be spread evenly: the model has {num_layers} layers",
                where="training.method.blocks",
                mend=f"The model has {num_layers} layers: add 1 to {num_layers}.",
            )
        case Lora() if find_spec("peft") is None:
            raise ModelError(
                "LoRA needs the package `peft`",
                where="training.method",
                mend="pip install 'gapless[lora]'",
            )
        case Lora(targets=targets):
            linear_modules(model, targets)


def plain_state(
    state: "Mapping[str, torch.Tensor]", method: Method
) -> "Mapping[str, torch.Tensor]":
    """Return the state dict of the plain `transformers` model that answers like the adapted one."""
    return merged_state(state, method) if isinstance(method, Lora) else state


def _freeze(model: Any, method: Freeze) -> None:
    _, layers = decoder_layers(model)
    top = method.part == "top"
    frozen = list(layers[-method.layers :] if top else layers[: method.layers])
    if method.embeddings:
        frozen += around_layers(model)[1 if top else 0]
    for module in frozen:
        module.requires_grad_(requires_grad=False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ModelError(
            "every weight is frozen: nothing is left to learn", where="training.method"
        )
