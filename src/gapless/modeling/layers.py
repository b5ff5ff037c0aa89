"""Where a model keeps its decoder layers, and what lies before and after them."""

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


def around_layers(model: Any) -> tuple[list[Any], list[Any]]:
    """Return the modules with weights that text passes before the decoder layers, and after them.

    They are asked on the way: their order in the model's code is not always that of the work.
    """
    _, layers = decoder_layers(model)
    within = set(layers.modules())
    outside = [
        module
        for module in model.modules()
        if module not in within and any(True for _ in module.parameters(recurse=False))
    ]
    passed: list[Any] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, _: passed.append(module))
        for module in (*outside, layers[0])
    ]
    try:
        answers(model)
    finally:
        for hook in hooks:
            hook.remove()
    first_layer = passed.index(layers[0])
    before = list(dict.fromkeys(passed[:first_layer]))
    after = dict.fromkeys(passed[first_layer + 1 :])
    return before, [module for module in after if module not in before]


def answers(model: Any) -> Any:
    """Return the logits of a few ids."""
    import torch

    was_training = model.training
    model.eval()
    ids = torch.arange(1, 9, device=model.device)[None]
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits
    model.train(was_training)
    return logits
