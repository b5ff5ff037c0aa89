"""Where a model keeps its decoder layers."""

from typing import Any

from gapless.errors import ModelError


def decoder_layers(model: Any) -> tuple[str, Any]:
    """Return the name and the `ModuleList` of a causal language model's decoder layers.

    Raises:
        ModelError: no list of modules in the model has the length that its config says.

    """
    from torch.nn import ModuleList

    count = model.config.get_text_config().num_hidden_layers
    for name, module in model.named_modules():
        if isinstance(module, ModuleList) and len(module) == count:
            return name, module
    raise ModelError(
        f"the decoder layers of a {model.config.model_type!r} model cannot be found",
        where="training.method",
        mend="Use 'method: {type: full}'.",
    )
