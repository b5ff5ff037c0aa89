"""Matrix products of the decoder layers in fp8, through torchao."""

import importlib.util
from typing import Any

import torch

from gapless.errors import RecipeError
from gapless.modeling.layers import decoder_layers

_CAPABILITY = (8, 9)
_MULTIPLE = 16
"""A matrix product in fp8 takes sizes that are multiples of it."""


def check_fp8(device: torch.device) -> None:
    """Refuse fp8 where it cannot be had.

    Raises:
        RecipeError: no GPU with units for fp8, or no torchao.

    """
    if device.type != "cuda" or torch.cuda.get_device_capability() < _CAPABILITY:
        raise RecipeError(
            "fp8 needs a GPU of compute capability 8.9 or more (Ada, Hopper and later)",
            where="training.precision",
            mend="Take auto or bf16.",
        )
    if importlib.util.find_spec("torchao") is None:
        raise RecipeError(
            "fp8 needs the package torchao",
            where="training.precision",
            mend="pip install 'gapless[fp8]'",
        )


def with_fp8(model: Any, **settings: Any) -> Any:
    """Let the linear modules of the decoder layers multiply in fp8 while the model trains.

    Forward and both products of the backward, one scale per tensor (Micikevicius et al. 2022; the
    recipe `tensorwise` of torchao), in place. Parameters keep their names, types and values. A
    model that is measured multiplies in bf16, as its base was. ``settings`` are those of
    `Float8LinearConfig`.
    """
    from torchao.float8 import Float8LinearConfig, convert_to_float8_training
    from torchao.float8.float8_linear import Float8Linear

    layers = decoder_layers(model)[1]
    convert_to_float8_training(
        layers,
        module_filter_fn=lambda module, _: (
            not any(size % _MULTIPLE for size in module.weight.shape)
        ),
        config=Float8LinearConfig(**settings),
    )
    for module in layers.modules():
        if isinstance(module, Float8Linear):
            module.forward = _forward(module, module.forward)
    return model


def _forward(module: Any, in_fp8: Any) -> Any:
    def forward(inputs: torch.Tensor) -> torch.Tensor:
        if module.training:
            result: torch.Tensor = in_fp8(inputs)
            return result
        return torch.nn.functional.linear(inputs, module.weight, module.bias)

    return forward
